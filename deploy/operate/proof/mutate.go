package proof

import "paybridge/ingress/auth"

// mutate changes every parameter of the auth half, one at a time, and finds a
// fixture that notices. A parameter that no fixture pins is a guess.
func (p *pack) mutate() []Mutation {
	var all []Mutation
	for _, m := range auth.Mutations(p.auth) {
		all = append(all, Mutation{Change: m.Name, PinnedBy: p.notices(m)})
	}
	return all
}

// notices is the first fixture that fails with another auth half. Verification is
// asked of all before mapping is asked of any: it says nearly always.
func (p *pack) notices(m auth.Mutation) string {
	other := *p
	other.auth = m.Auth
	for i := range p.fixtures {
		if auth.Prove(m.Auth, &p.fixtures[i]) != nil {
			return p.fixtures[i].Name
		}
	}
	for _, f := range p.fixtures {
		if len(other.try(f).Problems) > 0 {
			return f.Name
		}
	}
	return ""
}
