// Package auth is the closed set of signature schemes and the template engine:
// whether a request is what a provider's account sent.
//
// # The promise
//
// The request never chooses the algorithm, the key or the order of the checks:
// the pack does. Signatures are compared as decoded bytes in constant time,
// every live secret of the source is tried, and a refusal says why only to the
// operator ([Reason]), never to the sender. The clock is the request's own
// received-at, so a stored delivery verifies again years later.
//
// What is ambiguous is refused: a signature header, a signed header or a signed
// query parameter that stands twice, a timestamp that is not exactly digits, a
// signature in another alphabet or padding than the pack's.
//
// # Growing
//
// A scheme is one file with one type (see scheme): hmac.go, token.go, basic.go.
// RSA, ECDSA and Ed25519 belong beside hmac.go and share its template, its
// signature parser and its clock; mTLS needs the connection's certificate in
// [Request]; signatures inside the body need the body decoded first, and so
// belong to a scheme that bounds that work.
package auth

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"paybridge/schemas/provider"
)

// Request is what a scheme may look at. Nothing of it is kept or changed.
type Request struct {
	Method     string
	URL        string // external URL of the endpoint as the provider knows it, without a trailing query; "" where it is not known
	Query      string // raw query, without "?"
	Header     http.Header
	Body       []byte
	ReceivedAt time.Time
}

// Result is what a verified request proved.
type Result struct {
	Scheme   string // "hmac", "token", "basic"
	KeyID    string // the secret that matched
	SignedID string // the header id that the signature covers; "" where there is none

	// SignedAt is the moment that the signature covers, where the pack says how old that
	// may be: by it two clocks can be compared. Else it is zero: nobody says how long ago
	// it was signed.
	SignedAt time.Time
}

// Verifier verifies the requests of one endpoint of one source. It is
// immutable, safe for concurrent use, and cannot be printed.
type Verifier struct {
	schemes     []scheme
	keepHeaders []string
	keepQuery   bool
}

// scheme is one compiled alternative of a pack. Its methods may be called
// concurrently and keep nothing of the request; an empty Reason means that the
// request passed.
type scheme interface {
	// early judges all but the body.
	early(r Request) Reason
	// verify judges the whole request.
	verify(r Request) (Result, Reason)
}

// New compiles a pack's auth half with the secrets of one endpoint. It reports
// every bad secret at once ([Problems]): missing, undecodable, a known
// placeholder, or short. A secret has to be good for one alternative of the pack;
// the others do not use it.
func New(a *provider.Auth, secrets []Secret) (*Verifier, error) {
	if len(a.AnyOf) == 0 {
		return nil, fmt.Errorf("%s: auth: has no scheme", a.Name)
	}
	if len(secrets) == 0 {
		return nil, Problems{{Message: "there is no secret", Hint: "write at least one under secrets"}}
	}
	v := &Verifier{}
	bad := make([]*Problem, len(secrets))
	good := make([]bool, len(secrets))
	for i := range a.AnyOf {
		keys := make([]key, 0, len(secrets))
		for j, s := range secrets {
			bytes, problem := s.keyFor(&a.AnyOf[i])
			if problem != nil {
				if bad[j] == nil {
					bad[j] = problem
				}
				continue
			}
			good[j] = true
			keys = append(keys, key{s.ID, bytes})
		}
		compiled, err := compile(&a.AnyOf[i], keys)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.Name, err)
		}
		if len(keys) > 0 {
			v.schemes = append(v.schemes, compiled)
		}
	}
	var problems Problems
	for j, p := range bad {
		if !good[j] {
			problems = append(problems, *p)
		}
	}
	if problems = append(problems, doubledIDs(secrets)...); len(problems) > 0 {
		return nil, problems
	}
	v.keepHeaders, v.keepQuery = a.Stored()
	slices.Sort(v.keepHeaders)
	return v, nil
}

// key is one secret as a scheme uses it.
type key struct {
	id    string
	bytes []byte
}

// compile makes one alternative.
func compile(s *provider.Scheme, keys []key) (scheme, error) {
	switch s.Kind {
	case provider.HMAC:
		return newHMAC(s, keys)
	case provider.Token:
		return newToken(s, keys)
	case provider.Basic:
		return newBasic(keys), nil
	}
	return nil, fmt.Errorf("scheme %q: is not built", s.Kind)
}

// Early refuses what can be refused before the body is read: a wrong token, a
// missing signature. A nil error means that the body is worth reading. It does not
// judge timestamps: received-at is when the body has come.
func (v *Verifier) Early(r Request) error {
	worst := Missing
	for _, s := range v.schemes {
		reason := s.early(r)
		if reason == "" {
			return nil
		}
		worst = worst.or(reason)
	}
	return refusals[worst]
}

// Verify authenticates the whole request: the first alternative of the pack that
// accepts it. Its error is an *Error.
func (v *Verifier) Verify(r Request) (Result, error) {
	worst := Missing
	for _, s := range v.schemes {
		result, reason := s.verify(r)
		if reason == "" {
			return result, nil
		}
		worst = worst.or(reason)
	}
	return Result{}, refusals[worst]
}

// KeepHeaders lists the canonical names of the headers that are stored with a
// delivery, sorted: never one that holds a static token.
func (v *Verifier) KeepHeaders() []string { return v.keepHeaders }

// KeepQuery says whether the raw query is stored: only where it is signed.
func (v *Verifier) KeepQuery() bool { return v.keepQuery }

// Format prints no key, whatever the verb.
func (v *Verifier) Format(f fmt.State, _ rune) { fmt.Fprint(f, "auth.Verifier") }
