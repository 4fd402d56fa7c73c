package mapping

import (
	"errors"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
	"pgregory.net/rapid"

	"paybridge/schemas/provider"
)

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "abc", 0},
		{"abc", "ab", 1},
		{"abc", "xabc", 1},
		{"itme", "item", 2},
		{"kitten", "sitting", 3},
	} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("from %q to %q it is %d, want %d", c.a, c.b, got, c.want)
		}
	}
	word := rapid.StringMatching(`[a-c]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := word.Draw(t, "a"), word.Draw(t, "b"), word.Draw(t, "c")
		d := editDistance(a, b)
		if d != editDistance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Errorf("from %q to %q it is %d", a, b, d)
		}
		if d > editDistance(a, c)+editDistance(c, b) {
			t.Errorf("by way of %q it is shorter from %q to %q", c, a, b)
		}
	})
}

func TestSuggest(t *testing.T) {
	known := []string{"amount", "item", "reference"}
	for name, want := range map[string]string{
		"amuont":    "write amount",
		"Item":      "write item",
		"refrence":  "write reference",
		"it":        "write one of: amount, item, reference",
		"something": "write one of: amount, item, reference",
	} {
		if got := suggest(name, known); got != want {
			t.Errorf("for %s: %s, want %s", name, got, want)
		}
	}
}

// TestPosition: only a block of lines has lines of its own.
func TestPosition(t *testing.T) {
	at := provider.Text{At: provider.Position{File: "acme/provider.yaml", Line: 10}}
	for _, c := range []struct {
		text string
		line int
		want int
	}{
		{"item.a", 1, 10},
		{"item.a\n  + b", 1, 11},
		{"item.a\n  + b", 2, 12},
		{"item.a\n  + b", 0, 10},
	} {
		if got := position(at, c.text, c.line); got.Line != c.want || got.File != at.At.File {
			t.Errorf("line %d of %q is at %v, want %d", c.line, c.text, got, c.want)
		}
	}
}

// TestExplainSpeaksForItself: what CEL says is sorted, never repeated. The messages
// are CEL's own, so that a release that rewords them fails here.
func TestExplainSpeaksForItself(t *testing.T) {
	for expression, want := range map[string]*failure{
		"item.missing":               failAbsent,
		"item.list[7]":               failAbsent,
		"item.list.name":             failAbsent,
		"optional.none().value()":    failAbsent,
		"{'a': 1}['b']":              failAbsent,
		"[1, 2][5]":                  failAbsent,
		"item.text - item.text":      {problem: "a value is not of the type that an operator or a helper takes"},
		"item.text.join(',')":        {problem: "a value is not of the type that an operator or a helper takes"},
		"item.text && true":          {problem: "a value is not of the type that an operator or a helper takes"},
		"1 / 0":                      {problem: "it cannot be evaluated: an overflow, a division by zero or a bad index"},
		"9223372036854775807 + 1":    {problem: "it cannot be evaluated: an overflow, a division by zero or a bad index"},
		"duration(item.text)":        {problem: "it cannot be evaluated: an overflow, a division by zero or a bad index"},
		"int('x')":                   {refused: true, problem: "int: the text is not an integer of 64 bits"},
		"item.list.map(x, int('y'))": {refused: true, problem: "int: the text is not an integer of 64 bits"},
	} {
		v, got := evaluate(t, `{"list":[1],"text":"secret"}`, expression)
		if got == nil || *got != *want {
			t.Errorf("%s: %+v %v, want %+v", expression, got, v, want)
		}
	}
	canceled := interpreter.EvalCancelledError{Cause: interpreter.CostLimitExceeded, Message: "secret"}
	if got := explain(types.WrapErr(canceled).(*types.Err)); got != failExhausted {
		t.Errorf("what is canceled is %+v", got)
	}
	if got := explain(errors.New("internal error: secret")); strings.Contains(got.problem, "secret") {
		t.Errorf("what nobody knows is %+v", got)
	}
}
