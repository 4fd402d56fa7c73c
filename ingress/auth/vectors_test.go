package auth

import (
	"encoding/hex"
	"testing"
	"time"

	"paybridge/schemas/provider"
)

// The vectors below come from the RFCs, from the providers' own libraries, or were
// computed apart from this code (Python's hmac, OpenSSL) in the shapes that the
// providers document.

// body is what the computed vectors sign.
const body = `{"id":"evt_1","amount":100.00}`

// mercadoPagoLike signs a manifest of query, header and timestamp, not the body.
func mercadoPagoLike() *provider.Auth {
	return &provider.Auth{Name: "mercadopago-like", AnyOf: []provider.Scheme{{
		Kind: provider.HMAC, Hash: provider.SHA256, Key: provider.KeyText,
		Signed:    "[id:{query:data.id|lower};][request-id:{header:X-Request-Id};]ts:{timestamp};",
		Signature: provider.Signature{Headers: []string{"X-Signature"}, List: ",", Pairs: "=", Take: "v1", Encoding: []string{provider.Hex}},
		Timestamp: &provider.Timestamp{From: provider.Value{Pair: "ts"}, Unit: provider.SecondsOrMilliseconds, Tolerance: 5 * time.Minute},
	}}}
}

// shaped is an HMAC-SHA256 scheme in X-Signature with a few parameters changed.
func shaped(change func(s *provider.Scheme)) *provider.Auth {
	a := plainHMAC(provider.SHA256)
	change(&a.AnyOf[0])
	return a
}

// in is an encoding of X-Signature's value.
func in(encoding, hash, key string) *provider.Auth {
	return shaped(func(s *provider.Scheme) { s.Hash, s.Key, s.Signature.Encoding = hash, key, []string{encoding} })
}

// dated is a timestamp in a header.
func dated(signed, encoding, unit string) *provider.Auth {
	return shaped(func(s *provider.Scheme) {
		s.Signed, s.Signature.Encoding = signed, []string{encoding}
		s.Timestamp = &provider.Timestamp{From: provider.Value{Header: "X-Timestamp"}, Unit: unit, Tolerance: 5 * time.Minute}
	})
}

func TestVectors(t *testing.T) {
	for _, c := range []struct {
		name, secret string
		auth         *provider.Auth
		request      Request
	}{
		{
			"spatie/laravel-webhook-server", "abc", plainHMAC(provider.SHA256),
			post(`{"a":1}`, "X-Signature", "1f14a62b15ba5095326d6c75c3e2e6b462dd71e1c4b7fbdac0f32309adb7be5f"),
		},
		{
			"spatie/laravel-webhook-server, text", "abc", plainHMAC(provider.SHA256),
			post(`{"a":"1"}`, "X-Signature", "345611a3626cf5e080a7a412184001882ab231b8bdb465dc76dbf709f01f210a"),
		},
		{
			"GitHub's documentation", "It's a Secret to Everybody", shaped(func(s *provider.Scheme) { s.Signature.Prefix = "sha256=" }),
			post("Hello, World!", "X-Signature", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
		},
		{
			"Standard Webhooks' libraries", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", standardWebhooks(),
			at(1614265330, post(`{"test": 2432232314}`, "Webhook-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek", "Webhook-Timestamp", "1614265330", "Webhook-Signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")),
		},
		{
			"Standard Webhooks, among others and without whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", standardWebhooks(),
			at(1614265330, post(`{"test": 2432232314}`, "Webhook-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek", "Webhook-Timestamp", "1614265330", "Webhook-Signature", "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=")),
		},
		{
			"Stripe", "whsec_bridge_vector_1", stripeLike(),
			post(body, "Stripe-Signature", "t=1768478400,v1=e037f7d697c7285e88919a8200ba6bc7130af1e3a048fdf8d8a02074e4e682b3,v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"),
		},
		{
			"Stripe with an unreadable signature beside it", "whsec_bridge_vector_1", stripeLike(),
			post(body, "Stripe-Signature", "t=1768478400,v1=bad_signature,v1=e037f7d697c7285e88919a8200ba6bc7130af1e3a048fdf8d8a02074e4e682b3"),
		},
		{
			"Paddle", "pdl_ntfset_bridge_vector", shaped(func(s *provider.Scheme) {
				s.Signed = "{timestamp}:{body}"
				s.Signature = provider.Signature{Headers: []string{"Paddle-Signature"}, List: ";", Pairs: "=", Take: "h1", Encoding: []string{provider.Hex}}
				s.Timestamp = &provider.Timestamp{From: provider.Value{Pair: "ts"}, Unit: provider.Seconds, Tolerance: 5 * time.Second}
			}),
			post(body, "Paddle-Signature", "ts=1768478400;h1=55e04cc508ea383b5b62a8fb3ae27db7cda932b5b368666ef22b722b7f64319e"),
		},
		{
			"Transfeera, milliseconds", "transfeera-bridge-vector", shaped(func(s *provider.Scheme) {
				s.Signed = "{timestamp}.{body}"
				s.Signature = provider.Signature{Headers: []string{"Transfeera-Signature"}, List: ",", Pairs: "=", Take: "v1", Encoding: []string{provider.Hex}}
				s.Timestamp = &provider.Timestamp{From: provider.Value{Pair: "t"}, Unit: provider.Milliseconds, Tolerance: 5 * time.Minute}
			}),
			post(body, "Transfeera-Signature", "t=1768478400123,v1=0c39de98f3b7470919e6e28d822e45fe513b434cfed2c6d2d87fc6198ecf9ed7"),
		},
		{
			"Square, URL and body", "square-bridge-vector-key", shaped(func(s *provider.Scheme) { s.Signed, s.Signature.Encoding = "{url}{body}", []string{provider.Base64} }),
			from("https://bridge.example.com/webhooks/square", "", post(body, "X-Signature", "T4pwZMFfzlFDQaY4lQl7HwiI/Vg4wM0Cd+cFPtPumQY=")),
		},
		{
			"Mercado Pago", "mercadopago-bridge-vector", mercadoPagoLike(),
			from("", "data.id=ORD01JQ4S4KY8&type=order", post(body, "X-Request-Id", "2066ca19-c6f1", "X-Signature", "ts=1768478400000,v1=97ad564525dfb486df107dc008d6a3e42b5057a3ca2614dcf9813c74783c7949")),
		},
		{
			"Mercado Pago, the id escaped", "mercadopago-bridge-vector", mercadoPagoLike(),
			from("", "type=order&data%2Eid=%4FRD01JQ4S4KY8", post(body, "X-Request-Id", "2066ca19-c6f1", "X-Signature", "ts=1768478400000,v1=97ad564525dfb486df107dc008d6a3e42b5057a3ca2614dcf9813c74783c7949")),
		},
		{
			"Mercado Pago without id, in seconds", "mercadopago-bridge-vector", mercadoPagoLike(),
			from("", "data.id=&type=order", post(body, "X-Request-Id", "2066ca19-c6f1", "X-Signature", "ts=1768478400,v1=ecf9a5e9fb52fff708dd8d2e407722620a90a5000bfe97f4f56b6e21b422cf96")),
		},
		{
			"Mercado Pago without either, spaces in the list", "mercadopago-bridge-vector", mercadoPagoLike(),
			post(body, "X-Signature", "ts=1768478400, v1=4ae61c10cbad2ce8abe9588e51c29957dc5c4b0b16765808e02b7b2724249adb"),
		},
		{
			"Adyen, key in hex", "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056", in(provider.Base64, provider.SHA256, provider.KeyHex),
			post(body, "X-Signature", "l4tUdEkEpWG6XRk/o7uZ3APUvLPhLX5plXptATBLwaU="),
		},
		{
			"Paystack, SHA-512", "paystack-bridge-vector", in(provider.Hex, provider.SHA512, provider.KeyText),
			post(body, "X-Signature", "4f5a24095fbc12813d9f5f03da503c19ab36a671a4778afcbd798bc2cf2a8a0f5c0294b63862ffe2f2aeb947616c76293eea91fafb8162ff0ee371c244e0f0b8"),
		},
		{
			"OpenPix, SHA-1 in base64", "openpix-bridge-vector", in(provider.Base64, provider.SHA1, provider.KeyText),
			post(body, "X-Signature", "omgefoqZx+TEQ1hO9b9A4zldDNw="),
		},
		{
			"Cashfree, nothing between timestamp and body", "cashfree-bridge-vector", dated("{timestamp}{body}", provider.Base64, provider.Milliseconds),
			post(body, "X-Timestamp", "1768478400123", "X-Signature", "rPVulqyVxhBb0Ri6DTwN7JD/GhJFUyFW3Eo7fFxhhRk="),
		},
		{
			"Pagou", "pagou-bridge-vector-key", dated("{timestamp}{body}", provider.Hex, provider.Seconds),
			post(body, "X-Timestamp", "1768478400", "X-Signature", "34893a0b8787fc6972939f60feabbd4a77213f631a45c85812f3858d2990e1b5"),
		},
		{
			"method, path and RFC 3339, base64url", "canonical-bridge-vector", dated("{method}\n{path}\n{timestamp}\n{body}", provider.Base64URL, provider.RFC3339),
			from("https://x.example/webhooks/a", "", post(body, "X-Timestamp", "2026-01-15T12:00:00Z", "X-Signature", "HW7etEzX0iT_v2QHPD3Ye0FZgcvFo6aGjKZki8n00uk=")),
		},
		{
			"the same without padding", "canonical-bridge-vector", dated("{method}\n{path}\n{timestamp}\n{body}", provider.Base64URL, provider.RFC3339),
			from("https://x.example/webhooks/a", "", post(body, "X-Timestamp", "2026-01-15T12:00:00Z", "X-Signature", "HW7etEzX0iT_v2QHPD3Ye0FZgcvFo6aGjKZki8n00uk")),
		},
		{
			"literal brackets", "bracket-bridge-vector", shaped(func(s *provider.Scheme) { s.Signed = "{{{method}}}[[{body}]]" }),
			post(body, "X-Signature", "857fa5300e3a138de7c1a8ed4c17c9d3ce1dd3d4226ef60239034961025edf1c"),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := verifier(t, c.auth, c.secret)
			wants(t, v, c.request, "")
			if err := v.Early(c.request); err != nil {
				t.Errorf("early: %v", err)
			}
			wants(t, verifier(t, c.auth, wrongSecret(c.auth)), c.request, Mismatch)
		})
	}
}

// wrongSecret is another secret in the pack's key coding.
func wrongSecret(a *provider.Auth) string {
	if a.AnyOf[0].Key == provider.KeyText {
		return "another-account's-secret"
	}
	return "00112233445566778899aabbccddeeff"
}

// at is a request that came at a second of Unix time.
func at(second int64, r Request) Request {
	r.ReceivedAt = time.Unix(second, 0)
	return r
}

// from is a request to an external URL with a query.
func from(url, query string, r Request) Request {
	r.URL, r.Query = url, query
	return r
}

// TestRFCVectors are HMAC-SHA-1 of RFC 2202, HMAC-SHA-256 and -512 of RFC 4231.
func TestRFCVectors(t *testing.T) {
	for _, c := range []struct{ hash, key, data, digest string }{
		{provider.SHA1, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
		{provider.SHA1, "4a656665", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
		{provider.SHA256, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{provider.SHA256, "4a656665", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{provider.SHA512, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There", "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
		{provider.SHA512, "4a656665", "what do ya want for nothing?", "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
	} {
		v := verifier(t, in(provider.Hex, c.hash, provider.KeyHex), c.key)
		wants(t, v, post(c.data, "X-Signature", c.digest), "")
		wrong, _ := hex.DecodeString(c.digest)
		wrong[len(wrong)-1] ^= 1
		wants(t, v, post(c.data, "X-Signature", hex.EncodeToString(wrong)), Mismatch)
	}
}
