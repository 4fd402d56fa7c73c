package auth

import (
	"fmt"
	"slices"

	"paybridge/schemas/provider"
)

// Mutation is a pack's auth half with one parameter changed.
type Mutation struct {
	Name string // what was changed: `any_of[0].hash: sha256 → sha1`
	Auth *provider.Auth
}

// Mutations changes every parameter of a, one at a time. A pack whose fixtures
// pin its auth half fails at least one fixture under each (see [Prove]).
//
// What has no end is sampled: an absent header stands for all other headers.
// key: base64 is not turned into whsec, which reads every base64 key alike.
func Mutations(a *provider.Auth) []Mutation {
	m := mutator{auth: a}
	for i := range a.AnyOf {
		m.path, m.index = "", i
		if len(a.AnyOf) > 1 {
			m.path = fmt.Sprintf("any_of[%d].", i)
			m.all = append(m.all, Mutation{fmt.Sprintf("any_of[%d]: removed", i), without(a, i)})
		}
		switch a.AnyOf[i].Kind {
		case provider.HMAC:
			m.mutateHMAC()
		case provider.Token:
			m.mutateToken()
		case provider.Basic:
			m.change("scheme: basic → token", func(s *provider.Scheme) {
				s.Kind, s.Token = provider.Token, provider.Value{Header: authorization}
			})
		}
	}
	m.mutateRest()
	return m.all
}

// mutator collects the mutations of one pack.
type mutator struct {
	auth  *provider.Auth
	index int    // the alternative that is changed
	path  string // what stands before its parameters' names
	all   []Mutation
}

// elsewhere is a header, a query parameter or a key that no provider sends.
const elsewhere = "X-Paybridge-Mutation"

// change is one more mutation: a change of a copy of the alternative.
func (m *mutator) change(name string, change func(s *provider.Scheme)) {
	a := copyAuth(m.auth)
	change(&a.AnyOf[m.index])
	m.all = append(m.all, Mutation{m.path + name, a})
}

// set is a change of one text parameter to each of some others.
func (m *mutator) set(name string, at func(s *provider.Scheme) *string, others ...string) {
	was := *at(&m.auth.AnyOf[m.index])
	for _, other := range others {
		if other != was {
			m.change(fmt.Sprintf("%s: %s → %s", name, named(was), named(other)), func(s *provider.Scheme) { *at(s) = other })
		}
	}
}

// named is a parameter's value for people.
func named(value string) string {
	if value == "" {
		return "none"
	}
	return value
}

// mutateToken changes where a token is.
func (m *mutator) mutateToken() {
	if m.auth.AnyOf[m.index].Token.Header != "" {
		m.set("token.header", func(s *provider.Scheme) *string { return &s.Token.Header }, elsewhere)
	} else {
		m.set("token.query", func(s *provider.Scheme) *string { return &s.Token.Query }, elsewhere)
	}
	m.set("token.prefix", func(s *provider.Scheme) *string { return &s.Token.Prefix }, "", "Bearer ", "Token ")
}

// mutateRest changes what no alternative has: the headers kept and the answer.
func (m *mutator) mutateRest() {
	for i, name := range m.auth.Keep {
		a := copyAuth(m.auth)
		a.Keep = slices.Delete(a.Keep, i, i+1)
		m.all = append(m.all, Mutation{"keep: " + name + " removed", a})
	}
	answers := []provider.Answer{{}, {ContentType: "text/plain", Body: "[mutated]"}}
	if was := m.auth.Answer; was != (provider.Answer{}) {
		answers = append(answers, provider.Answer{ContentType: was.ContentType, Body: was.Body + "x"}, provider.Answer{ContentType: was.ContentType + "x", Body: was.Body})
	}
	for _, answer := range answers {
		if answer != m.auth.Answer {
			a := copyAuth(m.auth)
			a.Answer = answer
			m.all = append(m.all, Mutation{fmt.Sprintf("answer: %s %s → %s %s", named(m.auth.Answer.ContentType), m.auth.Answer.Body, named(answer.ContentType), answer.Body), a})
		}
	}
}

// without is a without one of its alternatives.
func without(a *provider.Auth, i int) *provider.Auth {
	a = copyAuth(a)
	a.AnyOf = slices.Delete(a.AnyOf, i, i+1)
	return a
}

// copyAuth is a copy that shares nothing with a.
func copyAuth(a *provider.Auth) *provider.Auth {
	c := *a
	c.Keep = slices.Clone(a.Keep)
	c.AnyOf = slices.Clone(a.AnyOf)
	for i := range c.AnyOf {
		s := &c.AnyOf[i]
		s.Signature.Headers = slices.Clone(s.Signature.Headers)
		s.Signature.Encoding = slices.Clone(s.Signature.Encoding)
		if s.Timestamp != nil {
			t := *s.Timestamp
			s.Timestamp = &t
		}
		if s.ID != nil {
			id := *s.ID
			s.ID = &id
		}
	}
	return &c
}
