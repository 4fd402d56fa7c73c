package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"paybridge/schemas/provider"
)

// drawn is a rule of the model: whether it matches, and what it says.
type drawn struct {
	matches                bool
	kind, direction, state string
	notes                  []string
	reference, reason, id  string // "" where the rule leaves them alone
}

// decideByTheBook is the contract's sentence, in order: a matching rule decides
// whichever of the three it names and nobody before it has; its notes, fields and id
// count if it decided something; the first to set a field wins.
func decideByTheBook(rules []drawn) string {
	words := map[string]string{}
	fields := map[string]string{"reference": "own", "reason": "own"}
	id, notes := "own", []string{}
	set := map[string]bool{}
	for _, r := range rules {
		if !r.matches {
			continue
		}
		decided := false
		for _, part := range [][2]string{{"kind", r.kind}, {"direction", r.direction}, {"state", r.state}} {
			if part[1] != "" && words[part[0]] == "" {
				words[part[0]], decided = part[1], true
			}
		}
		if !decided {
			continue
		}
		notes = append(notes, r.notes...)
		for _, field := range [][2]string{{"reference", r.reference}, {"reason", r.reason}} {
			if field[1] != "" && !set[field[0]] {
				fields[field[0]], set[field[0]] = field[1], true
			}
		}
		if r.id != "" && id == "own" {
			id = r.id
		}
	}
	for _, part := range []string{"kind", "direction", "state"} {
		if words[part] == "" {
			words[part] = "unknown"
		}
	}
	slices.Sort(notes)
	return fmt.Sprint(words["kind"], words["direction"], words["state"], fields["reference"], fields["reason"], id, slices.Compact(notes))
}

func drawRule(t *rapid.T) drawn {
	maybe := func(label string, of ...string) string {
		return rapid.SampledFrom(append(of, "")).Draw(t, label)
	}
	r := drawn{
		matches:   rapid.Bool().Draw(t, "matches"),
		kind:      maybe("kind", "payin", "refund"),
		direction: maybe("direction", "in", "out"),
		state:     maybe("state", "confirmed", "failed"),
		notes:     rapid.SliceOfN(rapid.SampledFrom([]string{"late", "assumed_state", "funds_received"}), 0, 2).Draw(t, "notes"),
		reference: maybe("reference", "r1", "r2"),
		reason:    maybe("reason", "w1", "w2"),
		id:        maybe("id", "i1", "i2"),
	}
	if r.kind == "" && r.direction == "" && r.state == "" {
		r.kind = "fee"
	}
	return r
}

// asRule writes a drawn rule as a pack has it. Conditions are not literals, so that
// they are evaluated.
func asRule(r drawn) provider.Rule {
	quoted := func(s string) provider.Text { return provider.Text{Text: `"` + s + `"`} }
	rule := provider.Rule{
		When: provider.Text{Text: fmt.Sprintf("item.yes == %v", r.matches)},
		Kind: r.kind, Direction: r.direction, State: r.state, Notes: r.notes,
	}
	if r.reference != "" {
		rule.Set = append(rule.Set, provider.Let{Name: "reference", Expr: quoted(r.reference)})
	}
	if r.reason != "" {
		rule.Set = append(rule.Set, provider.Let{Name: "reason", Expr: quoted(r.reason)})
	}
	if r.id != "" {
		rule.ID = quoted(r.id)
	}
	return rule
}

func TestDecideAgainstTheContract(t *testing.T) {
	own := provider.Text{Text: `"own"`}
	rapid.Check(t, func(rt *rapid.T) {
		rules := rapid.SliceOfN(rapid.Custom(drawRule), 0, 5).Draw(rt, "rules")
		e := &provider.Events{
			Name: "acme", TypePrefix: "com.acme", Type: provider.Text{Text: `"t"`}, ID: own,
			Payment: []provider.Let{{Name: "reason", Expr: own}, {Name: "reference", Expr: own}},
		}
		for _, r := range rules {
			e.Rules = append(e.Rules, asRule(r))
		}
		p, err := Compile(e, Settings{})
		if err != nil {
			rt.Fatal(err)
		}
		made := one(t, p, `{"yes":true}`)
		pay := made.Payment
		got := fmt.Sprint(pay.Kind, pay.Direction, pay.State, text(pay.Reference), text(pay.Reason), made.ID, pay.Notes)
		if want := decideByTheBook(rules); got != want {
			rt.Fatalf("%+v:\n got %s\nwant %s", rules, got, want)
		}
	})
}

// TestConditionsStopWhenAllIsDecided: what comes after is not evaluated, so it
// cannot fail.
func TestConditionsStopWhenAllIsDecided(t *testing.T) {
	pack := `
type_prefix: com.acme
type: item.type
id: item.id
rules:
  - {when: 'item.n == 1', kind: payin, direction: in, state: settled}
  - {when: 'item.type + item.n == "x"', kind: fee, state: failed}`
	p := compile(t, pack, Settings{})
	if pay := one(t, p, `{"type":"t","id":"e","n":1}`).Payment; pay.State != "settled" {
		t.Errorf("the state is %s", pay.State)
	}
	got := dead(t, p, `{"type":"t","id":"e","n":2}`)
	if !strings.HasPrefix(got.Problem, "rules[1].when: a value is not of the type") {
		t.Errorf("the dead letter is %v", got)
	}
}
