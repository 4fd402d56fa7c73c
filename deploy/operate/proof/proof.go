// Package proof proves a provider pack: that its two halves compile, that its
// fixtures become the events they say, that nothing forged passes, and that no
// parameter of its auth half could be another without a fixture noticing.
//
// # The promise
//
// A pack whose report is [Report.OK] accepts every fixture that is answered 200 and
// refuses every one answered 401; maps each to exactly the events in its file,
// numbers' text included; every event is valid under the schema that it names;
// every attack of package auth is refused; and every mutation of the auth half
// fails at least one fixture. The fixture's own received-at is the clock.
package proof

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/provider"
)

// Report is what was found about one pack.
type Report struct {
	Pack      string     `json:"pack"`
	Problems  []string   `json:"problems"` // of the pack as a whole; each with file and line where there is one
	Fixtures  []Case     `json:"fixtures"`
	Attacks   []Attack   `json:"attacks"`
	Mutations []Mutation `json:"mutations"`
}

// OK says that nothing is wrong.
func (r Report) OK() bool {
	return len(r.Problems) == 0 &&
		r.Failing() == 0 &&
		!slices.ContainsFunc(r.Attacks, func(a Attack) bool { return len(a.Accepted) > 0 }) &&
		!slices.ContainsFunc(r.Mutations, func(m Mutation) bool { return m.PinnedBy == "" })
}

// Failing is how many fixtures do not come out as they say. While there are any,
// parameters are not tested: such a fixture would seem to notice every change.
func (r Report) Failing() int {
	n := 0
	for _, c := range r.Fixtures {
		if len(c.Problems) > 0 {
			n++
		}
	}
	return n
}

// Case is one fixture.
type Case struct {
	Name     string   `json:"name"`
	Answer   int      `json:"answer"`
	Events   int      `json:"events"`
	Problems []string `json:"problems"`
}

// LacksEvents says that the fixture does not say what comes of it, so that Update
// could write it.
func (c Case) LacksEvents() bool {
	return slices.ContainsFunc(c.Problems, func(p string) bool { return strings.HasSuffix(p, errNoEvent.Error()) })
}

// Attack is one kind of attack on all authentic fixtures.
type Attack struct {
	Name     string         `json:"name"` // "body: byte # flipped"
	Tried    int            `json:"tried"`
	Refused  map[string]int `json:"refused"`  // reason → how many
	Accepted []string       `json:"accepted"` // fixture and attack that passed and must not have
}

// Mutation is one changed parameter of the auth half.
type Mutation struct {
	Change   string `json:"change"`
	PinnedBy string `json:"pinned_by"` // the first fixture that fails under it; "" where none does
}

// pack is a pack whose halves compile.
type pack struct {
	name     string
	auth     *provider.Auth
	events   *provider.Events
	program  *mapping.Program
	fixtures []provider.Fixture
	schemas  *schemas
}

// Check proves the pack of that name. The error means that the library cannot be
// read at all; what is wrong with the pack is in the report.
func Check(lib *provider.Library, name string) (Report, error) {
	if !slices.Contains(lib.Names(), name) {
		_, err := lib.About(name) // says which there are
		return Report{}, errors.Join(err)
	}
	p, problems := open(lib, name)
	r := Report{Pack: name, Problems: problems}
	if len(problems) > 0 {
		return r, nil
	}
	if len(p.fixtures) == 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("%s: has no fixture: write fixtures/<case>.txtar from a captured request", name))
		return r, nil
	}
	for _, f := range p.fixtures {
		r.Fixtures = append(r.Fixtures, p.try(f))
	}
	r.Attacks = p.attack()
	if len(r.Attacks) == 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("%s: no fixture is authentic, so that nothing could be attacked: write one that is answered 200", name))
	}
	if r.Failing() == 0 {
		r.Mutations = p.mutate()
	}
	return r, nil
}

// open reads and compiles both halves and the fixtures, and reports every problem
// of all three.
func open(lib *provider.Library, name string) (*pack, []string) {
	p, problems := compile(lib, name)
	fixtures, err := lib.Fixtures(name)
	p.fixtures = fixtures
	return p, append(problems, split(err)...)
}

// compile reads and compiles both halves.
func compile(lib *provider.Library, name string) (*pack, []string) {
	var problems []string
	add := func(err error) { problems = append(problems, split(err)...) }
	_, err := lib.About(name)
	add(err)
	half, err := lib.Auth(name)
	add(err)
	events, err := lib.Events(name)
	add(err)
	p := &pack{name: name, auth: half, events: events}
	if events != nil {
		p.schemas = newSchemas(lib, name, events)
		p.program, err = mapping.Compile(events, mapping.Settings{})
		add(err)
	}
	if p.auth != nil && p.program != nil {
		for _, problem := range p.program.Unstored(p.auth) {
			problems = append(problems, problem.Error())
		}
	}
	return p, unique(problems)
}

// split makes one text per problem of an error.
func split(err error) []string {
	var several provider.Problems
	switch {
	case err == nil:
		return nil
	case errors.As(err, &several):
		texts := make([]string, len(several))
		for i, p := range several {
			texts[i] = p.Error()
		}
		return texts
	}
	return []string{err.Error()}
}

// unique drops repetitions: both halves read the head of the file.
func unique(texts []string) []string {
	var kept []string
	for _, t := range texts {
		if !slices.Contains(kept, t) {
			kept = append(kept, t)
		}
	}
	return kept
}
