package auth

import (
	"fmt"
	"slices"

	"paybridge/schemas/provider"
)

// Attack is a hostile variant of an authentic request. A verifier must refuse it.
type Attack struct {
	Name  string // what was done: "body: byte 12 flipped"
	build func() Request
}

// Request builds the hostile request; it shares nothing with the authentic one.
func (a Attack) Request() Request { return a.build() }

// Attacks makes the hostile variants of r, an authentic request under secret. Each
// must be refused by a verifier of a with secret alone. other is another
// account's secret. A request that is not authentic has none.
//
// Only what a scheme promises is attacked: a static token does not cover the body,
// a template without {timestamp} does not date, and no attack on either is made.
func Attacks(a *provider.Auth, secret, other Secret, r Request) []Attack {
	secret.AllowWeak, other.AllowWeak = true, true
	var all []Attack
	for i := range a.AnyOf {
		alone := &provider.Auth{Name: a.Name, AnyOf: a.AnyOf[i : i+1]}
		v, err := New(alone, []Secret{secret})
		if err != nil {
			continue
		}
		x := attacker{auth: a, scheme: &a.AnyOf[i], alone: v, secret: secret, other: other, base: isolate(a, i, r)}
		if _, err := v.Verify(x.base); err != nil {
			continue
		}
		if len(a.AnyOf) > 1 {
			x.prefix = fmt.Sprintf("any_of[%d]: ", i)
		}
		switch x.scheme.Kind {
		case provider.HMAC:
			x.attackHMAC()
		case provider.Token:
			x.attackToken()
		case provider.Basic:
			x.attackBasic()
		}
		all = append(all, x.all...)
	}
	return all
}

// attacker makes the attacks on one alternative of a pack. Attacks are built when
// they are asked for: a body of a megabyte has a million of them.
type attacker struct {
	auth          *provider.Auth
	scheme        *provider.Scheme
	alone         *Verifier // of the alternative
	secret, other Secret
	base          Request // authentic under this alternative alone
	prefix        string
	all           []Attack

	// Of an HMAC scheme only, see reduce.
	mac    *hmacScheme
	header string // the signature header that the request has
	text   string // the right signature as it is written, prefix included
	stamp  string // the timestamp's text
}

// add is one more attack: a change of the authentic request.
func (x *attacker) add(name string, change func(r *Request)) {
	base := x.base
	x.all = append(x.all, Attack{x.prefix + name, func() Request {
		r := base.clone()
		change(&r)
		return r
	}})
}

// isolate takes from r what only other alternatives read, so that an attack on
// this one cannot be saved by another.
func isolate(a *provider.Auth, i int, r Request) Request {
	r = r.clone()
	headers, query := reads(&a.AnyOf[i])
	for j := range a.AnyOf {
		others, otherQuery := reads(&a.AnyOf[j])
		for _, name := range others {
			if !slices.Contains(headers, name) {
				r.Header.Del(name)
			}
		}
		if otherQuery != "" && otherQuery != query {
			r.Query = dropQuery(r.Query, otherQuery)
		}
	}
	return r
}

// reads is what a scheme reads: headers, and the query parameter of a token.
func reads(s *provider.Scheme) (headers []string, query string) {
	headers, _ = (&provider.Auth{AnyOf: []provider.Scheme{*s}}).Stored()
	switch s.Kind {
	case provider.Basic:
		headers = append(headers, authorization)
	case provider.Token:
		headers = append(headers, s.Token.Header)
		query = s.Token.Query
	}
	return headers, query
}

// attackHeader attacks a header that has to stand exactly once and is covered by
// the signature, or is the token.
func (x *attacker) attackHeader(label, name string) {
	if len(x.base.Header[name]) != 1 {
		x.add(label+": added", func(r *Request) { r.Header.Set(name, "x") })
		return
	}
	x.add(label+": dropped", func(r *Request) { r.Header.Del(name) })
	x.add(label+": empty", func(r *Request) { r.Header[name] = []string{""} })
	x.add(label+": doubled", func(r *Request) { r.Header.Add(name, r.Header[name][0]) })
	x.add(label+": right, then wrong", func(r *Request) { r.Header.Add(name, flipped(r.Header[name][0], 0)) })
	x.add(label+": wrong, then right", func(r *Request) {
		r.Header[name] = []string{flipped(r.Header[name][0], 0), r.Header[name][0]}
	})
	x.add(label+": under another name", func(r *Request) {
		r.Header["X-Paybridge-Attack"] = r.Header[name]
		r.Header.Del(name)
	})
	for i := range x.base.Header[name][0] {
		x.add(fmt.Sprintf("%s: byte %d flipped", label, i), func(r *Request) {
			r.Header[name] = []string{flipped(r.Header[name][0], i)}
		})
	}
}

// attackQuery attacks a query parameter that has to stand exactly once.
func (x *attacker) attackQuery(label, name string) {
	value, reason := queryOnce(x.base.Query, name)
	if reason != "" {
		x.add(label+": added", func(r *Request) { r.Query = setQuery(r.Query, name, "x") })
		return
	}
	x.add(label+": dropped", func(r *Request) { r.Query = dropQuery(r.Query, name) })
	x.add(label+": empty", func(r *Request) { r.Query = setQuery(r.Query, name, "") })
	x.add(label+": doubled", func(r *Request) { r.Query += "&" + setQuery("", name, value) })
	x.add(label+": right, then wrong", func(r *Request) { r.Query += "&" + setQuery("", name, "x") })
	x.add(label+": broken escape", func(r *Request) { r.Query = dropQuery(r.Query, name) + "&" + name + "=%zz" })
	for i := range len(value) {
		x.add(fmt.Sprintf("%s: byte %d flipped", label, i), func(r *Request) {
			r.Query = setQuery(r.Query, name, flipped(value, i))
		})
	}
}

// flipped is text with the lowest bit of a byte flipped: never the same letter in
// the other case.
func flipped(text string, i int) string {
	b := []byte(text)
	b[i] ^= 1
	return string(b)
}
