package proof

import (
	"errors"
	"regexp"
	"strings"

	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// number is what differs between attacks of one kind.
var number = regexp.MustCompile(`\b[0-9]+\b`)

// attack makes every attack on every authentic fixture, and sums up by kind in the
// order in which kinds first come.
func (p *pack) attack() []Attack {
	var kinds []Attack
	at := map[string]int{}
	for _, f := range p.fixtures {
		secret, v, ok := p.authentic(f)
		if !ok {
			continue
		}
		for _, a := range auth.Attacks(p.auth, secret, p.stranger(), auth.FixtureRequest(&f)) {
			kind := number.ReplaceAllString(a.Name, "#")
			i, seen := at[kind]
			if !seen {
				i = len(kinds)
				at[kind] = i
				kinds = append(kinds, Attack{Name: kind, Refused: map[string]int{}})
			}
			k := &kinds[i]
			k.Tried++
			if reason := refused(v, a.Request()); reason != "" {
				k.Refused[reason]++
				continue
			}
			k.Accepted = append(k.Accepted, f.Name+": "+a.Name)
		}
	}
	return kinds
}

// authentic finds the secret that a fixture is signed with, and a verifier that
// knows no other.
func (p *pack) authentic(f provider.Fixture) (auth.Secret, *auth.Verifier, bool) {
	if f.Answer != 200 {
		return auth.Secret{}, nil, false
	}
	for _, s := range auth.FixtureSecrets(&f) {
		v, err := auth.New(p.auth, []auth.Secret{s})
		if err != nil {
			continue
		}
		if _, err := v.Verify(auth.FixtureRequest(&f)); err == nil {
			return s, v, true
		}
	}
	return auth.Secret{}, nil, false
}

// stranger is another account's secret, well formed for any key coding.
func (p *pack) stranger() auth.Secret {
	text := strings.Repeat("5ca1ab1e", 8)
	for _, s := range p.auth.AnyOf {
		if s.Kind == provider.Basic {
			text = "stranger:" + text
			break
		}
	}
	return auth.NewSecret("stranger", text, true, "")
}

// refused is the reason of a refusal, "" where the request passes. An early pass is
// nothing yet: the body is still to be judged.
func refused(v *auth.Verifier, r auth.Request) string {
	early := r
	early.Body = nil
	err := v.Early(early)
	if err == nil {
		_, err = v.Verify(r)
	}
	var refusal *auth.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refusal):
		return string(refusal.Reason)
	}
	return err.Error()
}
