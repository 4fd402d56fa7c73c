package auth

import (
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"paybridge/schemas/provider"
)

// everyShape is one pack of every shape that the format has.
func everyShape() map[string]*provider.Auth {
	shapes := map[string]*provider.Auth{
		"sha1": plainHMAC(provider.SHA1), "sha256": plainHMAC(provider.SHA256), "sha512": plainHMAC(provider.SHA512),
		"stripe-like": stripeLike(), "standard webhooks": standardWebhooks(), "mercadopago-like": mercadoPagoLike(),
		"token": tokenIn("Authorization", ""), "bearer": tokenIn("Authorization", "Bearer "), "basic": basicAuth(),
		"token in the query":      {AnyOf: []provider.Scheme{{Kind: provider.Token, Token: provider.Value{Query: "hmac"}}}},
		"base64, hexadecimal key": in(provider.Base64, provider.SHA256, provider.KeyHex),
		"base64url":               in(provider.Base64URL, provider.SHA512, provider.KeyText),
		"several encodings": shaped(func(s *provider.Scheme) {
			s.Signature.Prefix, s.Signature.Optional, s.Signature.Encoding = "sha256=", true, []string{provider.Hex, provider.Base64}
		}),
		"prefix":           shaped(func(s *provider.Scheme) { s.Signature.Prefix = "sha256=" }),
		"plain list":       shaped(func(s *provider.Scheme) { s.Signature.List = "|" }),
		"aliases":          shaped(func(s *provider.Scheme) { s.Signature.Headers = []string{"X-Signature", "X-Alias"} }),
		"url":              shaped(func(s *provider.Scheme) { s.Signed = "{url}{body}" }),
		"all of a request": dated("{method} {path} {header:X-Event|lower} [{header:X-Maybe}]{query:q}\n{timestamp}{body}", provider.Hex, provider.Milliseconds),
		"RFC 3339":         dated("{timestamp}.{body}", provider.Hex, provider.RFC3339),
		"seconds in the query": shaped(func(s *provider.Scheme) {
			s.Signed = "{timestamp}.{body}"
			s.Timestamp = &provider.Timestamp{From: provider.Value{Query: "ts"}, Unit: provider.Seconds, Tolerance: time.Minute}
		}),
	}
	both := plainHMAC(provider.SHA256)
	both.AnyOf = append(both.AnyOf, stripeLike().AnyOf[0], tokenIn("X-Token", "").AnyOf[0])
	shapes["any of three"] = both
	return shapes
}

// secretOf fits a pack's first scheme.
func secretOf(a *provider.Auth) string {
	switch s := &a.AnyOf[0]; {
	case s.Kind == provider.Basic:
		return "user:password-of-everyShape"
	case s.Key == provider.KeyHex:
		return "000102030405060708090a0b0c0d0e0fff"
	case s.Key == provider.KeyWhsec:
		return "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	}
	return "Secret-Of-everyShape-1"
}

// everyRequest has every part that a shape signs.
func everyRequest() Request {
	r := post(body, "X-Event", "Payment.Paid", "X-Request-Id", "Req-1")
	return from("https://pay.example/webhooks/a", "q=One&data.id=Ab1&x=1", r)
}

func TestWhatIsSignedVerifies(t *testing.T) {
	for name, a := range everyShape() {
		t.Run(name, func(t *testing.T) {
			r := everyRequest()
			h, query, err := Sign(a, NewSecret("current", secretOf(a), false, ""), r)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(r, everyRequest()) {
				t.Error("the request was changed")
			}
			v, err := New(a, []Secret{NewSecret("current", secretOf(a), false, "")})
			if err != nil {
				t.Fatal(err)
			}
			signed := r
			signed.Header, signed.Query = h, query
			before := maps.Clone(h)
			if got := wants(t, v, signed, ""); got.KeyID != "current" || got.Scheme != string(a.AnyOf[0].Kind) {
				t.Errorf("%+v", got)
			}
			if !reflect.DeepEqual(before, h) || !reflect.DeepEqual(signed.Body, r.Body) {
				t.Error("verifying changed the request")
			}
			wants(t, v, r, Missing)
		})
	}
}

func TestSignDatesAndNames(t *testing.T) {
	h, _, err := Sign(standardWebhooks(), weak("k", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), post(body))
	if err != nil {
		t.Fatal(err)
	}
	if h.Get("Webhook-Timestamp") != "1768478400" || !strings.HasPrefix(h.Get("Webhook-Id"), "msg_") || len(h.Get("Webhook-Id")) != 26 {
		t.Errorf("%v", h)
	}
	again, _, _ := Sign(standardWebhooks(), weak("k", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), post(body))
	if !reflect.DeepEqual(h, again) {
		t.Error("the same request is signed in two ways")
	}
	// A request that was signed before is signed anew, not twice.
	r := post(body)
	r.Header, r.ReceivedAt = h, noon.Add(time.Hour)
	h, _, _ = Sign(standardWebhooks(), weak("k", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), r)
	if len(h["Webhook-Signature"]) != 1 || h.Get("Webhook-Timestamp") != "1768482000" {
		t.Errorf("%v", h)
	}
}

func TestSignTakesAnySecretAndOneAlias(t *testing.T) {
	a := shaped(func(s *provider.Scheme) { s.Signature.Headers = []string{"X-Signature", "X-Alias"} })
	h, _, err := Sign(a, NewSecret("k", "abc", false, ""), post(`{"a":1}`, "X-Alias", "old"))
	if err != nil {
		t.Fatal(err)
	}
	if want := header("X-Signature", "1f14a62b15ba5095326d6c75c3e2e6b462dd71e1c4b7fbdac0f32309adb7be5f"); !reflect.DeepEqual(h, want) {
		t.Errorf("%v, want %v", h, want)
	}
}

func TestSignSaysWhatItLacks(t *testing.T) {
	for want, c := range map[string]struct {
		auth   *provider.Auth
		secret string
	}{
		"the request has not exactly one of each part of {url}{body}": {shaped(func(s *provider.Scheme) { s.Signed = "{url}{body}" }), "secret"},
		"is not hexadecimal": {keyed(provider.KeyHex), "secret"},
		"is empty":           {plainHMAC(provider.SHA256), ""},
		"has no scheme":      {&provider.Auth{}, "secret"},
		"is not built":       {&provider.Auth{AnyOf: []provider.Scheme{{Kind: "rsa"}}}, "secret"},
	} {
		if _, _, err := Sign(c.auth, weak("k", c.secret), post(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
