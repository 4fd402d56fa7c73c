package operate

import (
	"testing"
	"time"

	"paybridge/schemas/provider"
)

func newLibrary(t *testing.T) *provider.Library {
	t.Helper()
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

// TestSchemeText says how each kind of scheme reads.
func TestSchemeText(t *testing.T) {
	for _, test := range []struct {
		scheme provider.Scheme
		want   string
	}{
		{provider.Scheme{Kind: provider.Basic}, "HTTP Basic user and password"},
		{provider.Scheme{Kind: provider.Token, Token: provider.Value{Header: "Authorization", Prefix: "Bearer "}}, `a static token in Authorization after "Bearer "`},
		{provider.Scheme{Kind: provider.Token, Token: provider.Value{Query: "key"}}, "a static token in the query parameter key"},
		{provider.Scheme{
			Kind: provider.HMAC, Hash: "sha512", Key: "text", Signed: "{body}",
			Signature: provider.Signature{Headers: []string{"A", "B"}, Encoding: []string{"hex", "base64"}, Prefix: "x=", Optional: true},
		}, `HMAC-SHA512 of {body} in A or B, hex or base64 perhaps after "x="`},
		{provider.Scheme{
			Kind: provider.HMAC, Hash: "sha256", Key: "whsec", Signed: "{timestamp}.{body}",
			Signature: provider.Signature{Headers: []string{"S"}, List: ",", Pairs: "=", Take: "v1", Encoding: []string{"base64"}},
			Timestamp: &provider.Timestamp{From: provider.Value{Pair: "t"}, Tolerance: 5 * time.Minute},
		}, "HMAC-SHA256 of {timestamp}.{body} in S (v1=…), base64, key in whsec, dated in its t ± 5m"},
	} {
		if got := SchemeText(test.scheme); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 2 << 30: "2.0 GiB", 5 << 40: "5.0 TiB", 5 << 50: "5120.0 TiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestSequences(t *testing.T) {
	for text, want := range map[string][2]uint64{"": {0, 0}, "17": {17, 17}, "10-20": {10, 20}, "10-": {10, 0}} {
		if from, to, err := Sequences(text); from != want[0] || to != want[1] || err != nil {
			t.Errorf("Sequences(%q) = %d, %d, %v", text, from, to, err)
		}
	}
	for _, bad := range []string{"x", "0", "20-10", "-5", "1-2-3", "1-x"} {
		if _, _, err := Sequences(bad); err == nil {
			t.Errorf("Sequences(%q) is no error", bad)
		}
	}
}

// TestWebhooks says what is registered at a provider, and that no secret is said.
func TestWebhooks(t *testing.T) {
	s := testSender(t)
	all, err := Webhooks(s.Config, s.Library, "https://pay.example.com/")
	if err != nil || len(all) != 4 {
		t.Fatalf("got %+v, %v", all, err)
	}
	for i, want := range []struct{ url, from string }{
		{"https://pay.example.com/pik", "env SET"}, // its own url
		{"https://pay.example.com/webhooks/bare", "env UNSET"},
		{"https://pay.example.com/webhooks/orders/Fee", "env SET"},
		{"https://pay.example.com/webhooks/orders/PixPayment", "env SET"},
	} {
		w := all[i]
		if w.URL != want.url || len(w.Secrets) != 1 || w.Secrets[0].From != want.from || w.Secrets[0].Set != (want.from == "env SET") || w.Signs == "" {
			t.Errorf("got %+v, want %+v", w, want)
		}
	}
}
