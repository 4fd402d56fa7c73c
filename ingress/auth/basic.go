package auth

import (
	"encoding/base64"
	"strings"

	"paybridge/schemas/provider"
)

// authorization is where HTTP Basic credentials are.
const authorization = "Authorization"

// maxCredentials bounds the base64 text of "user:password".
const maxCredentials = 1024

// basicScheme is HTTP Basic (RFC 7617); a secret is "user:password". User and
// password are compared as one text, so that a refusal does not tell which of the
// two is wrong.
type basicScheme struct{ digests tokenDigests }

// newBasic compiles HTTP Basic with the credentials that it can use.
func newBasic(keys []key) scheme { return &basicScheme{newTokenDigests(keys)} }

// early is all there is to do: credentials do not cover the body.
func (b *basicScheme) early(r Request) Reason {
	_, reason := b.verify(r)
	return reason
}

// verify compares the decoded credentials with each live secret's.
func (b *basicScheme) verify(r Request) (Result, Reason) {
	value, reason := headerOnce(&r, authorization)
	if reason != "" {
		return Result{}, reason
	}
	scheme, encoded, ok := strings.Cut(value, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") || len(encoded) > maxCredentials {
		return Result{}, Malformed
	}
	// The decoder passes over line ends; credentials have none.
	credentials, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return Result{}, Malformed
	}
	id, ok := b.digests.match(string(credentials))
	if !ok {
		return Result{}, Mismatch
	}
	return Result{Scheme: string(provider.Basic), KeyID: id}, ""
}
