package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"

	"paybridge/schemas/provider"
)

// tokenScheme is a static token. It says who calls, not what was said: the body is
// covered by TLS alone. A token is compared and forgotten; it is never among the
// headers that are stored.
type tokenScheme struct {
	from    provider.Value
	digests tokenDigests
}

// newToken compiles a token scheme with the tokens that it can use.
func newToken(s *provider.Scheme, keys []key) (scheme, error) {
	if s.Token.Header == "" && s.Token.Query == "" {
		return nil, fmt.Errorf("token: has no source")
	}
	return &tokenScheme{s.Token, newTokenDigests(keys)}, nil
}

// early is all there is to do: a token does not cover the body.
func (t *tokenScheme) early(r Request) Reason {
	_, reason := t.verify(r)
	return reason
}

// verify compares the token with each live secret.
func (t *tokenScheme) verify(r Request) (Result, Reason) {
	var value string
	var reason Reason
	if t.from.Header != "" {
		value, reason = headerOnce(&r, t.from.Header)
	} else {
		value, reason = queryOnce(r.Query, t.from.Query)
	}
	if reason != "" {
		return Result{}, reason
	}
	value, ok := strings.CutPrefix(value, t.from.Prefix)
	if !ok {
		return Result{}, Malformed
	}
	id, ok := t.digests.match(value)
	if !ok {
		return Result{}, Mismatch
	}
	return Result{Scheme: string(provider.Token), KeyID: id}, ""
}

// tokenDigests are the SHA-256 digests of the live tokens. Digests are compared,
// not tokens, so that the time taken does not tell how long a token is.
type tokenDigests struct {
	ids     []string
	digests [][sha256.Size]byte
}

// newTokenDigests hashes the live tokens, once.
func newTokenDigests(keys []key) tokenDigests {
	var d tokenDigests
	for _, k := range keys {
		d.ids = append(d.ids, k.id)
		d.digests = append(d.digests, sha256.Sum256(k.bytes))
	}
	return d
}

// match is the id of the first token that value is. Every token is compared.
func (d *tokenDigests) match(value string) (id string, ok bool) {
	var text [256]byte // so that the usual token is not copied to the heap
	digest := sha256.Sum256(append(text[:0], value...))
	matched := 0
	for i := range d.digests {
		equal := subtle.ConstantTimeCompare(d.digests[i][:], digest[:])
		first := subtle.ConstantTimeEq(int32(matched), 0)
		matched = subtle.ConstantTimeSelect(equal&first, i+1, matched)
	}
	if matched == 0 {
		return "", false
	}
	return d.ids[matched-1], true
}
