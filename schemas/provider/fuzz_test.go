package provider

import (
	"errors"
	"strings"
	"testing"
)

// FuzzPack holds that any provider.yaml is read or refused, with places that are in
// it, and that what is read has no part that another package would trip over.
func FuzzPack(f *testing.F) {
	l, err := BuiltIn()
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range l.Names() {
		data, err := readFile(l.Files(name), "provider.yaml", maxPack)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	for _, seed := range []string{good, "", "a: &a [*a]", "auth: {any_of: [{scheme: hmac}]}", "? [a]\n: b", "auth: !!binary x", "name: !x y", "--- a\n...\n--- b", "{", "auth: *x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := acme(t, text)
		lines := lineEnds(text) + 2
		_, aboutErr := l.About("acme")
		a, authErr := l.Auth("acme")
		e, eventsErr := l.Events("acme")
		for _, err := range []error{aboutErr, authErr, eventsErr} {
			var problems Problems
			if err == nil {
				continue
			}
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("%v is not problems", err)
			}
			for _, p := range problems {
				if p.At.File != "/packs/acme/provider.yaml" || p.At.Line < 0 || p.At.Line > lines || p.Message == "" {
					t.Fatalf("%+v", p)
				}
			}
		}
		if authErr == nil {
			for _, s := range a.AnyOf {
				if _, err := ParseTemplate(s.Signed); s.Kind == HMAC && (err != nil || len(s.Signature.Headers) == 0 || len(s.Signature.Encoding) == 0) {
					t.Fatalf("%+v", s)
				}
			}
			if len(a.AnyOf) == 0 {
				t.Fatal("no scheme")
			}
		}
		if eventsErr == nil && (e.Type.Text == "" || e.TypePrefix == "" || e.Version == "") {
			t.Fatalf("%+v", e)
		}
	})
}

// lineEnds counts the characters that YAML takes for line ends.
func lineEnds(text string) int {
	n := 0
	for _, c := range text {
		if strings.ContainsRune("\r\n\u0085\u2028\u2029", c) {
			n++
		}
	}
	return n
}

// FuzzFixture holds that any fixture is read or refused, with places in it.
func FuzzFixture(f *testing.F) {
	for _, seed := range []string{goodFixture, "", "-- case.yaml --\n", "x\n-- body --\n-- body --\n", "-- headers --\n:\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fixture, problems := readFixture("acme/fixtures/case.txtar", []byte(text))
		for _, p := range problems {
			if p.At.Line < 0 || p.At.Line > lineEnds(text)+2 {
				t.Fatalf("%+v", p)
			}
		}
		if len(problems) == 0 && (fixture.Answer != 200 && fixture.Answer != 401 || len(fixture.Secrets) == 0 || fixture.Header == nil) {
			t.Fatalf("%+v", fixture)
		}
	})
}
