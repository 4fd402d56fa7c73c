package mapping

import (
	"errors"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"paybridge/schemas/provider"
)

// TestIssuesSpeakOfPacks says what is said of the mistakes of those who know other
// languages.
func TestIssuesSpeakOfPacks(t *testing.T) {
	for expression, want := range map[string]string{
		`item.a = "x"`:                     "has a single =, which compares nothing (at character 8); write ==",
		`item.a == "x" and item.b == "y"`:  "has the word and for an operator (at character 15); write &&",
		`item.a == "x" or item.b == "y"`:   "has the word or for an operator (at character 15); write ||",
		`item.a.toLower()`:                 "write lowerAscii",
		`string(minor(item.cents))`:        "minor does not take (dyn) (at character 13); write minor(amount, currency)",
		`string(money(item.a, "BRL", 1))`:  "write money(amount, currency)",
		`string(time_in(item.at))`:         `write time_in(x, "America/Sao_Paulo")`,
		`item.a == 5 ? "x" : string(-"y")`: "make the types alike",
	} {
		_, err := Compile(readPack(t, "\ntype_prefix: com.acme\ntype: |\n  "+expression+"\nderived_id: [item.id]"), Settings{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", expression, err, want)
		}
	}
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
