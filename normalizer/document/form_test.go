package document

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"paybridge/schemas/delivery"
)

func TestDecodeForm(t *testing.T) {
	for body, source := range map[string]string{
		"id=tr_1":                         `{"id":"tr_1"}`,
		"b=2&a=1":                         `{"b":"2","a":"1"}`,
		"a=x+y%20z&&b&":                   `{"a":"x y z","b":""}`,
		"%C3%A7=%F0%9F%98%80":             `{"ç":"😀"}`,
		"a=%22%5C%0A%00":                  `{"a":"\"\\\n\u0000"}`,
		"a==1":                            `{"a":"=1"}`,
		"payload=%7B%22a%22%3A1%7D":       `{"payload":"{\"a\":1}"}`,
		"=":                               `{"":""}`,
		"price=100.00&price%5Bfiat%5D=US": `{"price":"100.00","price[fiat]":"US"}`,
	} {
		d, err := DecodeForm([]byte(body), Limits{})
		if err != nil {
			t.Errorf("%q: %v", body, err)
			continue
		}
		if string(d.Source()) != source || string(d.Root().Raw()) != source {
			t.Errorf("%q became %s, want %s", body, d.Source(), source)
		}
	}
}

func TestDecodeFormRefuses(t *testing.T) {
	for body, want := range map[string]Error{
		"":                          {delivery.MalformedJSON, "", "the body is empty"},
		" \n":                       {delivery.MalformedJSON, "", "the body is empty"},
		"a=1&b=2&a=3":               {delivery.MalformedJSON, "/a", "duplicate key"},
		"a=1&%61=3":                 {delivery.MalformedJSON, "/a", "duplicate key"},
		"a=%zz":                     {delivery.MalformedJSON, "", "not a form: a percent sign without two hexadecimal digits"},
		"%=1":                       {delivery.MalformedJSON, "", "not a form: a percent sign without two hexadecimal digits"},
		"a=%ff":                     {delivery.MalformedJSON, "", "invalid UTF-8"},
		"\xff=1":                    {delivery.MalformedJSON, "", "invalid UTF-8"},
		strings.Repeat("a&", 1e5):   {delivery.TooLarge, "", "too many values"},
		strings.Repeat("k", 2000):   {delivery.TooLarge, "/" + strings.Repeat("k", 64) + "…", "a key is too long"},
		strings.Repeat("%6b", 2000): {delivery.TooLarge, "/" + strings.Repeat("k", 64) + "…", "a key is too long"},
	} {
		_, err := DecodeForm([]byte(body), Limits{})
		var got *Error
		if !errors.As(err, &got) || *got != want {
			t.Errorf("%.20q…: got %v, want %v", body, err, &want)
		}
	}
}

// FuzzDecodeForm holds DecodeForm against net/url.
func FuzzDecodeForm(f *testing.F) {
	for _, seed := range []string{"a=1&b=2", "a=%ff", "a;b", "a=1&a=2", "&&", "=&=", "a+b=%2B", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		d, err := DecodeForm([]byte(body), Limits{})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("the error is %#v", err)
			}
			return
		}
		if strings.Contains(body, ";") {
			return // net/url refuses what once separated pairs; here it is a character
		}
		values, err := url.ParseQuery(body)
		if err != nil {
			t.Fatal(err)
		}
		if len(values) != d.Root().Size() {
			t.Fatalf("%d members, want %d", d.Root().Size(), len(values))
		}
		for name, texts := range values {
			if m := d.Root().Member(name); m == nil || len(texts) != 1 || m.Text() != texts[0] {
				t.Fatalf("%q is not %q", name, texts)
			}
		}
	})
}
