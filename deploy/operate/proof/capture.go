package proof

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"paybridge/ingress/auth"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// Capture is a stored delivery as a fixture of its pack: its headers, its body and when it
// came, signed anew with a secret that is none, because a fixture holds its secret. url is how
// the provider knows the URL; "" where that is not known. What comes of it is for Update to
// add.
func Capture(d *delivery.Delivery, half *provider.Auth, url, doc string) ([]byte, error) {
	f := provider.Fixture{
		Doc: doc, ReceivedAt: d.SignedAt(), Method: http.MethodPost, URL: url, Query: d.Query, Body: d.Body,
		Header: map[string][]string{}, Secrets: []provider.FixtureSecret{{ID: "current", Text: noSecret(half)}}, Sequence: 1, Answer: http.StatusOK,
	}
	if d.Endpoint != delivery.DefaultEndpoint {
		f.Endpoint = d.Endpoint
	}
	for name, values := range d.Header {
		f.Header[name] = values
	}
	for _, s := range half.AnyOf {
		for _, name := range s.Signature.Headers {
			delete(f.Header, http.CanonicalHeaderKey(name)) // an alias of the one that is signed anew
		}
		if strings.Contains(s.Signed, "{url}") && f.URL == "" {
			f.URL = "https://pay.example.com/webhooks/" + d.Source
		}
	}
	request := auth.FixtureRequest(&f)
	header, query, err := auth.Sign(half, auth.FixtureSecrets(&f)[0], request)
	if err != nil {
		return nil, err
	}
	f.Header, f.Query = map[string][]string(header), query
	return archive(f)
}

// noSecret is what a capture is signed with: hex is text, hex and base64 at once, so that
// it fits every key coding.
func noSecret(half *provider.Auth) string {
	sum := sha256.Sum256([]byte("the secret of a captured fixture, which is none"))
	text := hex.EncodeToString(sum[:])
	if len(half.AnyOf) > 0 && half.AnyOf[0].Kind == provider.Basic {
		return "paybridge:" + text
	}
	return text
}
