package auth

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"paybridge/schemas/provider"
)

// noon is when the requests of these tests come.
var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// plainHMAC is a hex HMAC of the body in X-Signature.
func plainHMAC(hash string) *provider.Auth {
	return &provider.Auth{Name: "plain", AnyOf: []provider.Scheme{{
		Kind: provider.HMAC, Hash: hash, Key: provider.KeyText, Signed: "{body}",
		Signature: provider.Signature{Headers: []string{"X-Signature"}, Encoding: []string{provider.Hex}},
	}}}
}

// stripeLike is t=…,v1=… over the timestamp and the body.
func stripeLike() *provider.Auth {
	return &provider.Auth{Name: "stripe-like", AnyOf: []provider.Scheme{{
		Kind: provider.HMAC, Hash: provider.SHA256, Key: provider.KeyText, Signed: "{timestamp}.{body}",
		Signature: provider.Signature{Headers: []string{"Stripe-Signature"}, List: ",", Pairs: "=", Take: "v1", Encoding: []string{provider.Hex}},
		Timestamp: &provider.Timestamp{From: provider.Value{Pair: "t"}, Unit: provider.Seconds, Tolerance: 5 * time.Minute},
	}}}
}

// standardWebhooks is the scheme of https://www.standardwebhooks.com.
func standardWebhooks() *provider.Auth {
	return &provider.Auth{Name: "standard", AnyOf: []provider.Scheme{{
		Kind: provider.HMAC, Hash: provider.SHA256, Key: provider.KeyWhsec, Signed: "{id}.{timestamp}.{body}",
		Signature: provider.Signature{Headers: []string{"Webhook-Signature"}, List: " ", Pairs: ",", Take: "v1", Encoding: []string{provider.Base64}},
		Timestamp: &provider.Timestamp{From: provider.Value{Header: "Webhook-Timestamp"}, Unit: provider.Seconds, Tolerance: 5 * time.Minute},
		ID:        &provider.Value{Header: "Webhook-Id"},
	}}}
}

// tokenIn is a static token in a header.
func tokenIn(header, prefix string) *provider.Auth {
	return &provider.Auth{Name: "token", AnyOf: []provider.Scheme{{Kind: provider.Token, Token: provider.Value{Header: header, Prefix: prefix}}}}
}

// basicAuth is HTTP Basic.
func basicAuth() *provider.Auth {
	return &provider.Auth{Name: "basic", AnyOf: []provider.Scheme{{Kind: provider.Basic}}}
}

// weak is a secret of any length.
func weak(id, text string) Secret { return NewSecret(id, text, true, "") }

// verifier verifies with the given secrets, whose ids are k0, k1, …
func verifier(t testing.TB, a *provider.Auth, texts ...string) *Verifier {
	t.Helper()
	var secrets []Secret
	for i, text := range texts {
		secrets = append(secrets, weak("k"+string(rune('0'+i)), text))
	}
	v, err := New(a, secrets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// header is a set of headers: name, value, name, value …; a repeated name has
// several lines.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// post is a request of noon.
func post(body string, pairs ...string) Request {
	return Request{Method: "POST", Header: header(pairs...), Body: []byte(body), ReceivedAt: noon}
}

// wants checks the outcome of a request: the reason of its refusal, or "" where it
// is accepted.
func wants(t *testing.T, v *Verifier, r Request, want Reason) Result {
	t.Helper()
	result, err := v.Verify(r)
	var refusal *Error
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && !errors.As(err, &refusal):
		t.Errorf("accepted by %s, want %s", result.KeyID, want)
	case want != "" && refusal.Reason != want:
		t.Errorf("refused as %s, want %s", refusal.Reason, want)
	}
	return result
}

func TestNewRefusesABrokenScheme(t *testing.T) {
	for name, breakIt := range map[string]func(a *provider.Auth){
		"has no scheme":                func(a *provider.Auth) { a.AnyOf = nil },
		`scheme "rsa": is not built`:   func(a *provider.Auth) { a.AnyOf[0].Kind = "rsa" },
		`hash "md5": is not known`:     func(a *provider.Auth) { a.AnyOf[0].Hash = "md5" },
		`encoding "hexx": is not`:      func(a *provider.Auth) { a.AnyOf[0].Signature.Encoding = []string{"hexx"} },
		"needs a header":               func(a *provider.Auth) { a.AnyOf[0].Signature.Headers = nil },
		"pairs needs list":             func(a *provider.Auth) { a.AnyOf[0].Signature.List = "" },
		"{timestamp} and {id} have to": func(a *provider.Auth) { a.AnyOf[0].Timestamp = nil },
		`unit "days" is not known`:     func(a *provider.Auth) { a.AnyOf[0].Timestamp.Unit = "days" },
		"timestamp: has no source":     func(a *provider.Auth) { a.AnyOf[0].Timestamp.From = provider.Value{} },
		"signed: has a [":              func(a *provider.Auth) { a.AnyOf[0].Signed = "[" },
		"token: has no source":         func(a *provider.Auth) { a.AnyOf[0] = provider.Scheme{Kind: provider.Token} },
	} {
		a := stripeLike()
		breakIt(a)
		_, err := New(a, []Secret{weak("k", "secret")})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
}

func TestAnyOf(t *testing.T) {
	a := plainHMAC(provider.SHA256)
	a.AnyOf = append(a.AnyOf, tokenIn("X-Token", "").AnyOf[0], stripeLike().AnyOf[0])
	v := verifier(t, a, "a-secret-of-this-source")
	r := post(`{"a":1}`)
	for i, want := range []string{"hmac", "token", "hmac"} {
		one := &provider.Auth{AnyOf: a.AnyOf[i : i+1]}
		signed, _, err := Sign(one, weak("k", "a-secret-of-this-source"), r)
		if err != nil {
			t.Fatal(err)
		}
		request := r
		request.Header = signed
		if got := wants(t, v, request, ""); got.Scheme != want || got.KeyID != "k0" {
			t.Errorf("alternative %d: %+v, want %s by k0", i, got, want)
		}
		if err := v.Early(request); err != nil {
			t.Errorf("alternative %d: early: %v", i, err)
		}
	}
	// The reason is that of the alternative which came furthest.
	wants(t, v, post(`{}`), Missing)
	wants(t, v, post(`{}`, "X-Signature", "zz"), Malformed)
	wants(t, v, post(`{}`, "X-Signature", "zz", "X-Token", "wrong"), Mismatch)
	if err := v.Early(post(`{}`, "X-Signature", "zz", "X-Token", "wrong")); !errors.Is(err, refusals[Mismatch]) {
		t.Errorf("early: %v", err)
	}
	stale := r
	stale.Header, _, _ = Sign(stripeLike(), weak("k", "a-secret-of-this-source"), r)
	stale.Header.Set("X-Token", "wrong")
	stale.ReceivedAt = noon.Add(time.Hour)
	wants(t, v, stale, Stale)
}

// What was signed says when only where the pack limits its age: else it may be the moment
// of a first attempt, long ago.
func TestSignedAt(t *testing.T) {
	ageless := stripeLike()
	ageless.AnyOf[0].Timestamp.Tolerance = 0
	for name, test := range map[string]struct {
		auth *provider.Auth
		want time.Time
	}{
		"dated": {stripeLike(), noon}, "of any age": {ageless, time.Time{}}, "undated": {plainHMAC(provider.SHA256), time.Time{}},
	} {
		r := post("x")
		r.Header, _, _ = Sign(test.auth, weak("k", "a-secret-of-this-source"), r)
		r.ReceivedAt = noon.Add(7 * time.Second)
		if got := wants(t, verifier(t, test.auth, "a-secret-of-this-source"), r, "").SignedAt; !got.Equal(test.want) {
			t.Errorf("%s: signed at %v", name, got)
		}
	}
}

func TestASecretServesTheAlternativesItFits(t *testing.T) {
	// The same header, and a key that is documented as text here, as hex there.
	a := plainHMAC(provider.SHA256)
	a.AnyOf = append(a.AnyOf, plainHMAC(provider.SHA256).AnyOf[0])
	a.AnyOf[1].Key = provider.KeyHex
	secret := NewSecret("k", "not-hexadecimal-but-long", false, "at:1")
	v, err := New(a, []Secret{secret})
	if err != nil {
		t.Fatal(err)
	}
	signed, _, err := Sign(a, secret, post("x"))
	if err != nil {
		t.Fatal(err)
	}
	r := post("x")
	r.Header = signed
	wants(t, v, r, "")

	// An alternative that no secret fits is not tried, not even early.
	a = keyed(provider.KeyHex)
	a.AnyOf = append(a.AnyOf, tokenIn("X-Token", "").AnyOf[0])
	if v, err = New(a, []Secret{secret}); err != nil {
		t.Fatal(err)
	}
	r = post("x", "X-Signature", strings.Repeat("0", 64), "X-Token", "wrong")
	if err := v.Early(r); err == nil {
		t.Error("early waits for the body of a scheme without a key")
	}
	// A secret that fits none is reported for the first.
	a = keyed(provider.KeyHex)
	a.AnyOf = append(a.AnyOf, keyed(provider.KeyBase64).AnyOf[0])
	if _, err = New(a, []Secret{secret}); err == nil || !strings.Contains(err.Error(), "hexadecimal") {
		t.Errorf("%v", err)
	}
}

func TestTheFirstOfEqualSecretsMatches(t *testing.T) {
	for name, a := range map[string]*provider.Auth{"hmac": plainHMAC(provider.SHA256), "token": tokenIn("X-Token", "")} {
		v := verifier(t, a, "one-secret-under-two-ids", "one-secret-under-two-ids")
		r := post("x")
		r.Header, _, _ = Sign(a, weak("k", "one-secret-under-two-ids"), r)
		if got := wants(t, v, r, ""); got.KeyID != "k0" {
			t.Errorf("%s: matched %s", name, got.KeyID)
		}
	}
}

func TestRotation(t *testing.T) {
	for name, a := range map[string]*provider.Auth{"hmac": stripeLike(), "token": tokenIn("X-Token", "")} {
		v := verifier(t, a, "first-secret-of-three", "second-secret-of-three", "third-secret-of-three")
		for i, text := range []string{"first-secret-of-three", "second-secret-of-three", "third-secret-of-three"} {
			r := post(`{"n":1}`)
			r.Header, _, _ = Sign(a, weak("k", text), r)
			if got, want := wants(t, v, r, "").KeyID, "k"+string(rune('0'+i)); got != want {
				t.Errorf("%s: matched %s, want %s", name, got, want)
			}
		}
		r := post(`{"n":1}`)
		r.Header, _, _ = Sign(a, weak("k", "a-secret-that-was-removed"), r)
		wants(t, v, r, Mismatch)
	}
}

func TestKeepsWhatVerifyingAgainNeeds(t *testing.T) {
	a := standardWebhooks()
	a.Keep = []string{"X-Event-Type", "Webhook-Id"}
	v := verifier(t, a, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if got, want := strings.Join(v.KeepHeaders(), " "), "Webhook-Id Webhook-Signature Webhook-Timestamp X-Event-Type"; got != want {
		t.Errorf("keeps %s, want %s", got, want)
	}
	if v.KeepQuery() {
		t.Error("keeps a query that is not signed")
	}
	if v := verifier(t, mercadoPagoLike(), "secret"); !v.KeepQuery() || strings.Join(v.KeepHeaders(), " ") != "X-Request-Id X-Signature" {
		t.Errorf("keeps %v and the query: %t", v.KeepHeaders(), v.KeepQuery())
	}
	if v := verifier(t, tokenIn("X-Token", ""), "secret"); v.KeepHeaders() != nil || v.KeepQuery() {
		t.Errorf("keeps %v of a token scheme", v.KeepHeaders())
	}
	if v := verifier(t, basicAuth(), "user:password"); v.KeepHeaders() != nil {
		t.Errorf("keeps %v of Basic", v.KeepHeaders())
	}
}

func TestVerifierIsSafeForConcurrentUse(t *testing.T) {
	v := verifier(t, stripeLike(), "a-secret-of-this-source")
	right, wrong := post(`{"n":1}`), post(`{"n":2}`)
	right.Header, _, _ = Sign(stripeLike(), weak("k", "a-secret-of-this-source"), right)
	wrong.Header = right.Header
	done := make(chan error)
	for range 4 {
		go func() {
			for range 500 {
				if _, err := v.Verify(right); err != nil {
					done <- err
					return
				}
				if _, err := v.Verify(wrong); err == nil {
					done <- errors.New("a wrong body was accepted")
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
