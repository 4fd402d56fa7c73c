package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"testing"

	"paybridge/schemas/provider"
)

// BenchmarkVerify verifies a body of 2 KB under each kind of scheme.
func BenchmarkVerify(b *testing.B) {
	secret := NewSecret("current", "bench-secret-0123456789", false, "")
	second := NewSecret("next", "bench-secret-9876543210", false, "")
	for _, c := range []struct {
		name    string
		auth    *provider.Auth
		secrets []Secret
	}{
		{"hmac-sha256", plainHMAC(provider.SHA256), []Secret{secret}},
		{"hmac-sha256-two-secrets", plainHMAC(provider.SHA256), []Secret{second, secret}},
		{"hmac-sha1", plainHMAC(provider.SHA1), []Secret{secret}},
		{"stripe", stripeLike(), []Secret{secret}},
		{"token", tokenIn("Authorization", ""), []Secret{secret}},
		{"basic", &provider.Auth{AnyOf: []provider.Scheme{{Kind: provider.Basic}}}, []Secret{NewSecret("current", "user:bench-secret-0123456789", false, "")}},
	} {
		b.Run(c.name, func(b *testing.B) {
			v, err := New(c.auth, c.secrets)
			if err != nil {
				b.Fatal(err)
			}
			r := Request{Method: "POST", Header: http.Header{}, Body: bytes.Repeat([]byte("x"), 2048), ReceivedAt: noon}
			r.Header, r.Query, err = Sign(c.auth, c.secrets[len(c.secrets)-1], r)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(r.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefuse is what a request without a right signature costs.
func BenchmarkRefuse(b *testing.B) {
	v := verifier(b, plainHMAC(provider.SHA256), "bench-secret-0123456789")
	r := Request{Method: "POST", Header: http.Header{"X-Signature": {string(bytes.Repeat([]byte("0"), 64))}}, Body: bytes.Repeat([]byte("x"), 2048), ReceivedAt: noon}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(r); err == nil {
			b.Fatal("accepted")
		}
	}
}

// BenchmarkNaive is the HMAC alone, with a new state for each request: what
// BenchmarkVerify's pool of states is measured against.
func BenchmarkNaive(b *testing.B) {
	body, key := bytes.Repeat([]byte("x"), 2048), []byte("bench-secret-0123456789")
	want := hmac.New(sha256.New, key)
	want.Write(body)
	sum := want.Sum(nil)
	b.ReportAllocs()
	for b.Loop() {
		mac := hmac.New(sha256.New, key)
		mac.Write(body)
		if !hmac.Equal(mac.Sum(nil), sum) {
			b.Fatal("not equal")
		}
	}
}
