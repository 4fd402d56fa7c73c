package operate

import (
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// distinct finds the members to replace, besides those that are called an id, so that
// every event of the fixture is a new one: it maps the fixture as it is and varied.
// The error says that nothing helps.
func (s Send) distinct() (members []string, err error) {
	if s.Events == nil {
		return nil, nil
	}
	half, err := s.Events()
	if err != nil {
		return nil, err
	}
	program, err := mapping.Compile(half, mapping.Settings{})
	if err != nil {
		return nil, err
	}
	was := s.ids(program, s.Fixture.Header, s.Fixture.Body)
	for _, members := range [][]string{nil, identityMembers(half)} {
		v := Variation{Number: s.Seed, Members: members}
		body, changed := v.Body(s.Fixture.Body)
		if changed == 0 {
			continue
		}
		// What was no event cannot be a duplicate of one.
		if !slices.ContainsFunc(s.ids(program, v.Header(s.Fixture.Header), body), func(id string) bool { return slices.Contains(was, id) }) {
			return members, nil
		}
	}
	return nil, advise(fmt.Errorf("cannot vary %s: nothing that its id is made of changes (fixture %s)", s.Source, s.Fixture.Name),
		"choose a fixture whose body holds what events.id or derived_id reads, or leave --vary out")
}

// ids are the events' ids of a request.
func (s Send) ids(program *mapping.Program, header textproto.MIMEHeader, body []byte) (ids []string) {
	f := s.Fixture
	d := &delivery.Delivery{
		Source: s.Source, Provider: s.Source, Endpoint: f.Endpoint, ReceivedAt: f.ReceivedAt, RequestID: "vary",
		Header: textproto.MIMEHeader{}, Body: body,
	}
	if d.Endpoint == "" {
		d.Endpoint = delivery.DefaultEndpoint
	}
	stored, _ := s.Auth.Stored()
	for _, name := range stored {
		if values, ok := header[name]; ok {
			d.Header[name] = values
		}
	}
	doc, dead := program.Decode(d)
	if dead != nil {
		return nil
	}
	for _, item := range program.Map(d, doc, 1) {
		if item.Event != nil {
			ids = append(ids, item.Event.ID)
		}
	}
	return ids
}

// selected finds what an expression selects: .name, .?name and ["name"]; a name that
// a bracket follows is a function.
var selected = regexp.MustCompile(`\.\??([A-Za-z_][A-Za-z0-9_]*)(\s*\()?|\["([^"]+)"\]`)

// identityMembers are the members of a body that tell events or payments apart, by
// what the pack reads for it, and nothing else does: another type, time, state or
// amount would be another event, not a new one of the same kind.
func identityMembers(e *provider.Events) []string {
	identity := append([]provider.Text{e.ID}, e.DerivedID...)
	other := []provider.Text{e.Items, e.Ignore, e.Type, e.Time}
	sort := func(fields []provider.Let) {
		for _, f := range fields {
			switch {
			case f.Name == "id":
				identity = append(identity, f.Expr)
			case f.Name == "reference", f.Name == "parent", strings.HasPrefix(f.Name, "network."):
			default:
				other = append(other, f.Expr)
			}
		}
	}
	sort(e.Payment)
	for _, r := range e.Rules {
		identity, other = append(identity, r.ID), append(other, r.When)
		sort(r.Set)
	}
	taken := members(e, other)
	return slices.DeleteFunc(members(e, identity), func(name string) bool { return slices.Contains(taken, name) })
}

// members lists what expressions select, themselves and by the names of let.
func members(e *provider.Events, texts []provider.Text) (names []string) {
	var all strings.Builder
	for _, t := range texts {
		all.WriteString(t.Text + "\n")
	}
	// A let uses those before it.
	for _, l := range slices.Backward(e.Let) {
		if regexp.MustCompile(`\b` + regexp.QuoteMeta(l.Name) + `\b`).MatchString(all.String()) {
			all.WriteString(l.Expr.Text + "\n")
		}
	}
	for _, m := range selected.FindAllStringSubmatch(all.String(), -1) {
		if name := m[1] + m[3]; m[2] == "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
