package event

import (
	"net/url"
	"testing"

	"pgregory.net/rapid"
)

func TestAttributeText(t *testing.T) {
	for in, want := range map[string]string{
		"":                 "",
		"txn_def456":       "txn_def456",
		"Euro € 😀":         "Euro € 😀",
		"a=b":              "a=3Db",
		"a\r\nb":           "a=0D=0Ab",
		"\x00\x7f":         "=00=7F",
		"a\u0080\u009fb":   "a=C2=80=C2=9Fb",
		"\ufdd0\uffff":     "=EF=B7=90=EF=BF=BF",
		"\U0001fffe":       "=F0=9F=BF=BE",
		"\ufffd":           "\ufffd",
		"a\xffb\xc3":       "a=FFb=C3",
		"\xed\xa0\x80":     "=ED=A0=80", // a surrogate is no UTF-8
		"charge:confirmed": "charge:confirmed",
		"a b":              "a b",
		" a b\u3000":       "=20a b=E3=80=80", // the SDKs trim
		" ":                "=20",
	} {
		if got := AttributeText(in); got != want {
			t.Errorf("AttributeText(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestURIText(t *testing.T) {
	for in, want := range map[string]string{
		"payment.confirmed": "payment.confirmed",
		"charge:confirmed":  "charge:confirmed",
		"a/b~c":             "a/b~c",
		"a b":               "a=20b",
		"100%":              "100=25",
		"a?b#c=d":           "a=3Fb=23c=3Dd",
		"é":                 "=C3=A9",
		"<\">":              "=3C=22=3E",
		"\xff":              "=FF",
	} {
		if got := URIText(in); got != want {
			t.Errorf("URIText(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEscapedTextsAreValidAndDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyText().Draw(t, "a"), anyText().Draw(t, "b")
		for name, escape := range map[string]func(string) string{"AttributeText": AttributeText, "URIText": URIText} {
			if !isAttributeText(escape(a)) {
				t.Fatalf("%s(%q) is no attribute text", name, a)
			}
			if (escape(a) == escape(b)) != (a == b) {
				t.Fatalf("%s makes %q of %q and %q", name, escape(a), a, b)
			}
			if got := unescapeTokens(escape(a)); got != a {
				t.Fatalf("%s(%q) reads as %q", name, a, got)
			}
		}
		uri := "urn:paybridge:schema:x:" + URIText(a) + ":1"
		parsed, err := url.Parse(uri)
		if err != nil || parsed.String() != uri || !isURI(uri) {
			t.Fatalf("%q is no URI: %v, %v", uri, parsed, err)
		}
	})
}

func TestIsURI(t *testing.T) {
	for uri, want := range map[string]bool{
		"urn:paybridge:pik":             true,
		"https://example.com/a?b=c%20#": true,
		"":                              false,
		"pik":                           false,
		":pik":                          false,
		"urn:a b":                       false,
		"urn:é":                         false,
		"urn:100%":                      false,
		"urn:%zz":                       false,
	} {
		if got := isURI(uri); got != want {
			t.Errorf("isURI(%q) = %v", uri, got)
		}
	}
}
