package mapping

import (
	"slices"

	"paybridge/schemas/event"
)

// decision is what the rules say of an item.
type decision struct {
	kind      event.Kind
	direction event.Direction
	state     event.State
	notes     []string
	set       []setting   // fields of the rules that decided; the first to set a field wins
	id        *expression // of the first rule that decided and has one
}

// decide goes through the rules in order. A rule that matches decides whichever of
// kind, direction and state it names and no rule before it has decided; where it
// decides nothing it counts for nothing.
func (r *run) decide() (d decision, key string, f *failure) {
	for i := range r.program.rules {
		rule := &r.program.rules[i]
		// What could decide nothing is not evaluated: the common case ends at the first match.
		if !d.open(rule) {
			continue
		}
		matches, f := r.condition(rule.when)
		if f != nil {
			return d, rule.when.key, f
		}
		if matches {
			d.take(rule)
		}
	}
	if d.kind == "" {
		d.kind = event.UnknownKind
	}
	if d.direction == "" {
		d.direction = event.UnknownDirection
	}
	if d.state == "" {
		d.state = event.UnknownState
	}
	return d, "", nil
}

// open says whether a rule could still decide something.
func (d *decision) open(r *rule) bool {
	return d.kind == "" && r.kind != "" || d.direction == "" && r.direction != "" || d.state == "" && r.state != ""
}

// take lets a rule decide what is open.
func (d *decision) take(r *rule) {
	if d.kind == "" {
		d.kind = r.kind
	}
	if d.direction == "" {
		d.direction = r.direction
	}
	if d.state == "" {
		d.state = r.state
	}
	d.notes = append(d.notes, r.notes...)
	for _, s := range r.set {
		if !slices.ContainsFunc(d.set, func(other setting) bool { return other.field == s.field }) {
			d.set = append(d.set, s)
		}
	}
	// A rule that decides only what earlier ones left open adds to them; what they have
	// set, it does not change.
	if d.id == nil {
		d.id = r.id
	}
}

// settings is the fields of the pack with those of the rules in their place.
func (d *decision) settings(payment []setting) []setting {
	if len(d.set) == 0 {
		return payment
	}
	all := slices.Clone(d.set)
	for _, s := range payment {
		if !slices.ContainsFunc(d.set, func(other setting) bool { return other.field == s.field }) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b setting) int { return a.field - b.field })
	return all
}
