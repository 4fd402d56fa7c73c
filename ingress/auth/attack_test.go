package auth

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"paybridge/schemas/provider"
)

// authentic is a request that a pack's account sent.
func authentic(t testing.TB, a *provider.Auth) (Secret, Request) {
	t.Helper()
	secret, r := NewSecret("current", secretOf(a), false, ""), everyRequest()
	var err error
	if r.Header, r.Query, err = Sign(a, secret, r); err != nil {
		t.Fatal(err)
	}
	return secret, r
}

// otherOf is another account's secret.
func otherOf(a *provider.Auth) Secret {
	switch s := &a.AnyOf[0]; {
	case s.Kind == provider.Basic:
		return weak("other", "user:another-account's")
	case s.Key == provider.KeyText || s.Key == "":
		return weak("other", "Another-Account's-1")
	}
	return weak("other", "ffeeddccbbaa99887766554433221100")
}

func TestEveryAttackIsRefused(t *testing.T) {
	for name, a := range everyShape() {
		t.Run(name, func(t *testing.T) {
			secret, r := authentic(t, a)
			v, err := New(a, []Secret{secret})
			if err != nil {
				t.Fatal(err)
			}
			kept := r.clone()
			attacks := Attacks(a, secret, otherOf(a), r)
			if len(attacks) < 30 {
				t.Errorf("only %d attacks", len(attacks))
			}
			names := map[string]bool{}
			for _, attack := range attacks {
				hostile := attack.Request()
				if _, err := v.Verify(hostile); err == nil {
					t.Errorf("%s: accepted", attack.Name)
				}
				if names[attack.Name] {
					t.Errorf("%s stands twice", attack.Name)
				}
				names[attack.Name] = true
				if !reflect.DeepEqual(hostile, attack.Request()) {
					t.Errorf("%s: not the same twice", attack.Name)
				}
			}
			if !reflect.DeepEqual(kept, r) {
				t.Error("the authentic request was changed")
			}
		})
	}
}

// TestAttacksAreMadeForWhatIsSigned names attacks that must be among those of a shape.
func TestAttacksAreMadeForWhatIsSigned(t *testing.T) {
	for shape, want := range map[string][]string{
		"sha256": {
			"body: byte 0 flipped", "body: byte 29 flipped", "body: a line end added", "signature header: doubled",
			"signature header: wrong, then right", "signature: byte 63 flipped", "signature: its first half", "signature: in base64",
			"signature: as sha1", "signature: as sha512, cut to length", "signature: under another account's secret",
			"signature: under the empty key", "signature: with the prefix none=", "signature: two with a comma",
		},
		"prefix":            {"signature: without its prefix", "signature: with the prefix sha1="},
		"several encodings": {"signature: in base64url", "signature: in base64 without padding", "signature: byte 0 flipped"},
		"aliases":           {"signature header: X-Alias too"},
		"stripe-like": {
			`signature header: as "v0"`, "signature header: behind 16 wrong ones", "timestamp: doubled", "timestamp: dropped",
			"timestamp: a second too old", "timestamp: a second too far ahead", "timestamp: signed, and with a plus", "timestamp: byte 0 flipped",
		},
		"standard webhooks":    {"id: dropped", "id: doubled", "id: byte 0 flipped", "timestamp: dropped", "signature: under the secret taken as text"},
		"mercadopago-like":     {"query data.id: doubled", "query data.id: byte 0 flipped", "header X-Request-Id: dropped"},
		"all of a request":     {"method: another", "url: another path", "header X-Maybe: added", "header X-Event: byte 3 flipped", "query q: dropped", "timestamp: its last digit moved into the body"},
		"url":                  {"url: another host", "url: none"},
		"seconds in the query": {"timestamp: doubled", "timestamp: broken escape"},
		"token":                {"token: twice", "token: with a NUL", `token: with the prefix "Bearer "`, "token: another account's", "token: in the query instead"},
		"bearer":               {`token: with the prefix ""`, `token: with the prefix "bearer "`},
		"basic":                {"credentials: not encoded", "credentials: a line end inside", "credentials: byte 6 flipped"},
		"any of three":         {"any_of[0]: body: byte 0 flipped"},
	} {
		a := everyShape()[shape]
		secret, r := authentic(t, a)
		names := map[string]bool{}
		for _, attack := range Attacks(a, secret, otherOf(a), r) {
			names[attack.Name] = true
		}
		for _, name := range want {
			if !names[name] {
				t.Errorf("%s: no attack %q", shape, name)
			}
		}
	}
	a := everyShape()["token"]
	secret, r := authentic(t, a)
	for _, attack := range Attacks(a, secret, otherOf(a), r) {
		if strings.HasPrefix(attack.Name, "body") {
			t.Errorf("%s: a token does not cover the body", attack.Name)
		}
	}
	r.Header.Set("Authorization", "wrong")
	if attacks := Attacks(a, secret, otherOf(a), r); attacks != nil {
		t.Errorf("%d attacks on a request that is not authentic", len(attacks))
	}
}

// TestAttacksFindWeakVerifiers has each attack succeed against a verifier that is
// weak in just its way: an attack that nothing lets through proves nothing.
func TestAttacksFindWeakVerifiers(t *testing.T) {
	for _, c := range []struct {
		shape  string
		weaken func(s *provider.Scheme)
		attack string
	}{
		{"sha256", func(s *provider.Scheme) { s.Signature.List = "," }, "signature: two with a comma"},
		{"sha256", func(s *provider.Scheme) { s.Signature.Encoding = append(s.Signature.Encoding, provider.Base64) }, "signature: in base64"},
		{"sha256", func(s *provider.Scheme) { s.Signature.Prefix, s.Signature.Optional = "sha1=", true }, "signature: with the prefix sha1="},
		{"prefix", func(s *provider.Scheme) { s.Signature.Optional = true }, "signature: without its prefix"},
		{"aliases", func(s *provider.Scheme) { s.Signature.Headers = s.Signature.Headers[:1] }, "signature header: X-Alias too"},
		{"stripe-like", func(s *provider.Scheme) { s.Timestamp.Tolerance = 0 }, "timestamp: a second too old"},
		{"stripe-like", func(s *provider.Scheme) { s.Timestamp.Tolerance += time.Second }, "timestamp: a second too far ahead"},
		{"stripe-like", func(s *provider.Scheme) { s.Signature.Take = "v0" }, `signature header: as "v0"`},
	} {
		t.Run(c.shape+": "+c.attack, func(t *testing.T) {
			a := everyShape()[c.shape]
			weakened := copyAuth(a)
			c.weaken(&weakened.AnyOf[0])
			secret, r := authentic(t, a)
			v, err := New(weakened, []Secret{secret})
			if err != nil {
				t.Fatal(err)
			}
			if !accepted(v, a, secret, r, c.attack) {
				t.Error("the weak verifier refuses it")
			}
		})
	}
}

// accepted says whether v lets an attack through.
func accepted(v *Verifier, a *provider.Auth, secret Secret, r Request, name string) bool {
	for _, attack := range Attacks(a, secret, otherOf(a), r) {
		if attack.Name == name {
			_, err := v.Verify(attack.Request())
			return err == nil
		}
	}
	return false
}

// TestAttacksAreNotSavedByAnotherAlternative attacks a request that satisfies
// every alternative of its pack at once.
func TestAttacksAreNotSavedByAnotherAlternative(t *testing.T) {
	a := everyShape()["any of three"]
	secret, r := authentic(t, a)
	for i := range a.AnyOf {
		var err error
		if r.Header, r.Query, err = Sign(&provider.Auth{AnyOf: a.AnyOf[i : i+1]}, secret, r); err != nil {
			t.Fatal(err)
		}
	}
	v, err := New(a, []Secret{secret})
	if err != nil {
		t.Fatal(err)
	}
	prefixes := map[string]bool{}
	for _, attack := range Attacks(a, secret, otherOf(a), r) {
		prefixes[attack.Name[:9]] = true
		if _, err := v.Verify(attack.Request()); err == nil {
			t.Errorf("%s: accepted", attack.Name)
		}
	}
	if len(prefixes) != 3 {
		t.Errorf("only %v are attacked", prefixes)
	}
}

// TestAttacksReduceToTheRightSignature attacks a request with two signatures, one
// of them another secret's.
func TestAttacksReduceToTheRightSignature(t *testing.T) {
	a := stripeLike()
	secret, r := authentic(t, a)
	other, _, err := Sign(a, otherOf(a), everyRequest())
	if err != nil {
		t.Fatal(err)
	}
	_, otherText, _ := strings.Cut(other.Get("Stripe-Signature"), ",")
	r.Header.Set("Stripe-Signature", r.Header.Get("Stripe-Signature")+","+otherText+",v0=x")
	v, _ := New(a, []Secret{secret})
	wants(t, v, r, "")
	attacks := Attacks(a, secret, otherOf(a), r)
	if len(attacks) < 100 {
		t.Errorf("only %d attacks", len(attacks))
	}
	for _, attack := range attacks {
		if _, err := v.Verify(attack.Request()); err == nil {
			t.Errorf("%s: accepted", attack.Name)
		}
	}
}
