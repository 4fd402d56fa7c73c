package auth

import (
	"testing"

	"paybridge/schemas/provider"
)

// composed is the signed text of a request, the body in its place.
func composed(t *testing.T, signed string, r Request, values signedValues) (string, Reason) {
	t.Helper()
	parsed, err := provider.ParseTemplate(signed)
	if err != nil {
		t.Fatal(err)
	}
	w := &hmacWork{}
	if reason := (template{parsed}).compose(&r, values, w); reason != "" {
		return "", reason
	}
	if w.body < 0 {
		return string(w.text), ""
	}
	return string(w.text[:w.body]) + string(r.Body) + string(w.text[w.body:]), ""
}

func TestCompose(t *testing.T) {
	r := post("BODY", "X-Request-Id", "Req-1", "X-Twice", "a", "X-Twice", "a", "X-Empty", "")
	r.URL, r.Query = "https://Pay.example/Hooks/a", "data.id=AB%2Bc&empty=&t=1&t=1"
	values := signedValues{timestamp: "1768478400", id: "msg_1"}
	for _, c := range []struct {
		signed, want string
		reason       Reason
	}{
		{"{body}", "BODY", ""},
		{"a{body}b", "aBODYb", ""},
		{"{id}.{timestamp}.{body}", "msg_1.1768478400.BODY", ""},
		{"{method} {url}", "POST https://Pay.example/Hooks/a", ""},
		{"{method|lower} {url|lower} {path} {path|lower}", "post https://pay.example/hooks/a /Hooks/a /hooks/a", ""},
		{"{header:X-Request-Id}", "Req-1", ""},
		{"{header:x-request-id|lower}", "req-1", ""},
		{"{query:data.id}", "AB+c", ""},
		{"{query:data.id|lower}", "ab+c", ""},
		{"[id:{query:data.id};][ref:{query:none};]ts:{timestamp};", "id:AB+c;ts:1768478400;", ""},
		{"[id:{query:none}{body};]ts:{timestamp};", "ts:1768478400;", ""},
		{"{body}[{header:X-None}]", "BODY", ""},
		{"[{body}{query:none}]{method}", "POST", ""},
		{"{{[[{body}]]}}", "{[BODY]}", ""},
		{"{header:X-None}", "", Missing},
		{"{header:X-Empty}", "", Missing},
		{"{header:X-Twice}", "", Malformed},
		{"[{header:X-Twice}]{body}", "", Malformed},
		{"[{header:X-Empty}]{body}", "BODY", ""},
		{"{query:none}", "", Missing},
		{"{query:empty}", "", Missing},
		{"{query:t}", "", Malformed},
		{"[{query:t}]{body}", "", Malformed},
	} {
		got, reason := composed(t, c.signed, r, values)
		if got != c.want || reason != c.reason {
			t.Errorf("%s: %q %s, want %q %s", c.signed, got, reason, c.want, c.reason)
		}
	}
	if _, reason := composed(t, "{url}{body}", post("x"), values); reason != Missing {
		t.Errorf("an unknown URL: %q", reason)
	}
}

func TestPathOf(t *testing.T) {
	for url, want := range map[string]string{
		"https://a.example/b/c": "/b/c",
		"https://a.example":     "/",
		"https://a.example/b?c": "/b",
		"https://a.example/":    "/",
		"":                      "",
		"no-url":                "",
	} {
		if got := pathOf(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func TestQueryOnce(t *testing.T) {
	for _, c := range []struct {
		raw, value string
		reason     Reason
	}{
		{"id=1", "1", ""},
		{"a=2&id=1&b=3", "1", ""},
		{"&&id=1&&", "1", ""},
		{"i%64=1", "1", ""},
		{"id=a+b%20c", "a b c", ""},
		{"id=a=b", "a=b", ""},
		{"id=1;id=2", "1;id=2", ""},
		{"ID=1", "", Missing},
		{"", "", Missing},
		{"id", "", Missing},
		{"id=", "", Missing},
		{"id[]=1", "", Missing},
		{"id=1&id=1", "", Malformed},
		{"id=1&id=", "", Malformed},
		{"id=1&%69d=2", "", Malformed},
		{"id=%zz", "", Malformed},
		{"id=%4", "", Malformed},
		{"%zz=1&id=1", "", Malformed},
	} {
		value, reason := queryOnce(c.raw, "id")
		if value != c.value && reason == "" || reason != c.reason {
			t.Errorf("%s: %q %q, want %q %q", c.raw, value, reason, c.value, c.reason)
		}
	}
}

func TestSetAndDropQuery(t *testing.T) {
	for _, c := range [][3]string{
		{"", "id=n+e%2Fw", ""},
		{"id=old", "id=n+e%2Fw", ""},
		{"a=%zz&id=1&%69d=2&b", "a=%zz&b&id=n+e%2Fw", "a=%zz&b"},
	} {
		if got := setQuery(c[0], "id", "n e/w"); got != c[1] {
			t.Errorf("set in %s: %s, want %s", c[0], got, c[1])
		}
		if got := dropQuery(c[0], "id"); got != c[2] {
			t.Errorf("dropped from %s: %s, want %s", c[0], got, c[2])
		}
	}
}
