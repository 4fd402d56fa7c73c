package proof

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// pin makes a fixture that notices a mutation: a request that one of the two auth
// halves accepts and the other refuses. ok is false where none was found; then only
// a person can write one.
func (p *pack) pin(m auth.Mutation, base provider.Fixture, secret auth.Secret) (f provider.Fixture, ok bool) {
	for _, r := range candidates(p.auth, m.Auth, secret, p.dressed(base)) {
		f := base
		f.Header, f.Query, f.Events, f.DeadLetter = toMIME(r.Header), r.Query, nil, ""
		f.AnswerBody, f.AnswerType, f.Stored = "", "", nil
		f.Answer = http.StatusUnauthorized
		if accepted(p.auth, base, r) {
			f.Answer = http.StatusOK
			f.AnswerBody, f.AnswerType = p.auth.Answer.Body, p.auth.Answer.ContentType
			f.Stored = p.kept(base, r)
		}
		if auth.Prove(p.auth, &f) == nil && auth.Prove(m.Auth, &f) != nil {
			return f, true
		}
	}
	return provider.Fixture{}, false
}

// dressed is the fixture's request with a value in every header that the pack keeps,
// so that it shows which are stored, and one that it does not.
func (p *pack) dressed(base provider.Fixture) auth.Request {
	r := auth.FixtureRequest(&base)
	r.Header = r.Header.Clone()
	for _, name := range append(slices.Clone(p.auth.Keep), "X-Other") {
		if r.Header.Get(name) == "" {
			r.Header.Set(name, "x")
		}
	}
	return r
}

// kept lists which headers of a request are stored.
func (p *pack) kept(base provider.Fixture, r auth.Request) []string {
	v, err := auth.New(p.auth, auth.FixtureSecrets(&base))
	if err != nil {
		return nil
	}
	names := []string{}
	for _, name := range v.KeepHeaders() {
		if r.Header[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

// accepted says whether an auth half with the base's secrets takes a request.
func accepted(half *provider.Auth, base provider.Fixture, r auth.Request) bool {
	v, err := auth.New(half, auth.FixtureSecrets(&base))
	if err != nil {
		return false
	}
	_, err = v.Verify(r)
	return err == nil
}

// candidates are requests signed in every form that either half knows, at every
// age at which they may differ, with and without each header.
func candidates(was, is *provider.Auth, secret auth.Secret, base auth.Request) (all []auth.Request) {
	for _, half := range append(forms(was), forms(is)...) {
		for _, offset := range offsets(half) {
			for _, r := range variants(base) {
				dated := r
				dated.ReceivedAt = r.ReceivedAt.Add(offset)
				header, query, err := auth.Sign(half, secret, dated)
				if err != nil {
					continue
				}
				r.Header, r.Query = header, query
				all = append(all, r)
			}
		}
	}
	return all
}

// forms are a pack's ways to write one signature, each as an auth half of its own.
func forms(a *provider.Auth) (all []*provider.Auth) {
	add := func(s provider.Scheme) { all = append(all, &provider.Auth{Name: a.Name, AnyOf: []provider.Scheme{s}}) }
	for _, s := range a.AnyOf {
		if s.Kind != provider.HMAC {
			add(s)
			continue
		}
		for _, header := range s.Signature.Headers {
			for _, encoding := range s.Signature.Encoding {
				one := s
				one.Signature.Headers, one.Signature.Encoding = []string{header}, []string{encoding}
				add(one)
				if s.Signature.Optional {
					one.Signature.Prefix = ""
					add(one)
				}
			}
		}
		if t := s.Timestamp; t != nil && t.Unit == provider.SecondsOrMilliseconds {
			for _, unit := range []string{provider.Seconds, provider.Milliseconds} {
				one, dated := s, *t
				dated.Unit = unit
				one.Timestamp = &dated
				add(one)
			}
		}
	}
	return all
}

// offsets are the ages around which a pack's tolerance decides.
func offsets(a *provider.Auth) []time.Duration {
	t := a.AnyOf[0].Timestamp
	if t == nil {
		return []time.Duration{0}
	}
	const step = time.Second
	return []time.Duration{0, t.Tolerance, -t.Tolerance, t.Tolerance + step, -t.Tolerance - step, -10 * time.Minute}
}

// variants are a request, and the same with each part of it that a template may
// name left out or in other letters.
func variants(r auth.Request) []auth.Request {
	all := []auth.Request{r}
	change := func(change func(c *auth.Request)) {
		c := r
		c.Header = r.Header.Clone()
		change(&c)
		all = append(all, c)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		change(func(c *auth.Request) { c.Header.Del(name) })
		change(func(c *auth.Request) { c.Header.Set(name, strings.ToUpper(c.Header.Get(name))) })
	}
	if r.Query != "" {
		change(func(c *auth.Request) { c.Query = "" })
		change(func(c *auth.Request) { c.Query = upperValues(c.Query) })
	}
	return all
}

// upperValues is a query with its values in capitals.
func upperValues(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok {
			pairs[i] = name + "=" + strings.ToUpper(value)
		}
	}
	return strings.Join(pairs, "&")
}

// toMIME is the same headers under the type of a fixture.
func toMIME(h http.Header) map[string][]string { return h }
