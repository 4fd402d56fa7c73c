package provider

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// read parses a document and hands its mapping to what reads a value of it.
func read(t *testing.T, text string, value func(o object) any) (any, []string) {
	t.Helper()
	r := &reader{file: "f"}
	o, ok := r.parse([]byte(text))
	if !ok {
		t.Fatalf("%v", r.sorted())
	}
	v := value(o)
	var lines []string
	if err := r.sorted(); err != nil {
		lines = strings.Split(err.Error(), "\n")
	}
	return v, lines
}

// TestValues reads every type of value as every type of node.
func TestValues(t *testing.T) {
	text := func(o object) any { return o.text("k").Text }
	flag := func(o object) any { return o.flag("k") }
	span := func(o object) any { return o.span("k", time.Hour) }
	texts := func(o object) any { return words(o.texts("k")) }
	choice := func(o object) any { return o.choice("k", "a", "a", "b") }
	for _, c := range []struct {
		name  string
		value func(o object) any
		text  string
		want  string // "value" or "value problem|problem"
	}{
		{"text", text, "k: a b", "a b"},
		{"text in quotes", text, `k: "5"`, "5"},
		{"text of lines", text, "k: |\n  a\n  b\n", "a\nb\n"},
		{"text folded", text, "k: >-\n  a\n  b\n", "a b"},
		{"text that is tagged", text, "k: !!str 5", "5"},
		{"text left out", text, "j: a", ""},
		{"text: null", text, "k: ~", ` f:1: k: is empty, not text; put it in quotes: "~"`},
		{"text: nothing", text, "k:", " f:1: k: is empty, not text; write text"},
		{"text: number", text, "k: 1.50", ` f:1: k: is a number, not text; put it in quotes: "1.50"`},
		{"text: hexadecimal", text, "k: 0x1F", ` f:1: k: is a number, not text; put it in quotes: "0x1F"`},
		{"text: truth", text, "k: false", ` f:1: k: is a true or false, not text; put it in quotes: "false"`},
		{"text: date", text, "k: 2026-01-15T10:00:00Z", ` f:1: k: is a date, not text; put it in quotes: "2026-01-15T10:00:00Z"`},
		{"text: list", text, "k: [a]", " f:1: k: is a list, not text; write text"},
		{"text: mapping", text, "k: {a: b}", " f:1: k: is a mapping, not text; write text"},
		{"text: binary", text, "k: !!binary YQ==", ` f:1: k: is of the type !!binary, not text; put it in quotes: "YQ=="`},
		{"text: own tag", text, "k: !x a", ` f:1: k: is of the type !x, not text; put it in quotes: "a"`},
		{"text: alias", text, "j: &x a\nk: *x", ` f:2: k: is an alias (write the value itself), not text; write text`},
		{"flag", flag, "k: true", "true"},
		{"flag left out", flag, "j: a", "false"},
		{"flag: text", flag, `k: "true"`, "false f:1: k: is text; write true or false"},
		{"flag: yes", flag, "k: yes", "false f:1: k: is text; write true or false"},
		{"flag: list", flag, "k: [true]", "false f:1: k: is a list; write true or false"},
		{"span", span, "k: 1m30s", "1m30s"},
		{"span left out", span, "j: a", "0s"},
		{"span: the most", span, "k: 1h", "1h0m0s"},
		{"span: more", span, "k: 61m", "1h1m0s f:1: k: 61m is not over 0 and at most 1h0m0s; write a number and a unit: 30s, 5m, 1h"},
		{"span: negative", span, "k: -5m", "-5m0s f:1: k: -5m is not over 0 and at most 1h0m0s; write a number and a unit: 30s, 5m, 1h"},
		{"span: number", span, "k: 300", `0s f:1: k: has no unit; write 300s or 5m`},
		{"texts", texts, "k: [a, b]", "[a b]"},
		{"texts left out", texts, "j: a", "[]"},
		{"texts: all problems", texts, "k:\n  - a\n  - 5\n  - ''\n  - a\n", `[a] f:3: k[1]: is a number, not text; put it in quotes: "5"|f:4: k[2]: is empty; write it, or remove the item|f:5: k[3]: "a" stands twice; remove one`},
		{"texts: text", texts, "k: a", "[] f:1: k: is text, not a list; write [first, second]"},
		{"choice", choice, "k: b", "b"},
		{"choice left out", choice, "j: b", "a"},
		{"choice: another", choice, "k: B", `B f:1: k: "B" is not known; write one of: a, b`},
		{"choice: number", choice, "k: 1", ` f:1: k: is a number, not text; put it in quotes: "1"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			value, problems := read(t, c.text, c.value)
			got := fmt.Sprint(value)
			if len(problems) > 0 {
				got += " " + strings.Join(problems, "|")
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAProblemSaysWhereWhatAndHow(t *testing.T) {
	for _, c := range []struct {
		problem Problem
		want    string
	}{
		{Problem{Position{"f", 3}, "a.b", "is wrong", "write c"}, "f:3: a.b: is wrong; write c"},
		{Problem{Position{"f", 0}, "", "is wrong", ""}, "f: is wrong"},
		{Problem{Position{"f", 3}, "", "is wrong", "write c"}, "f:3: is wrong; write c"},
	} {
		if got := c.problem.Error(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	if err := (Problems{}).err(); err != nil {
		t.Errorf("no problem is the error %v", err)
	}
}

func TestProblemsAreInTheOrderOfTheFile(t *testing.T) {
	_, problems := read(t, "a: 1\nb: 2\nc: 3\n", func(o object) any {
		o.text("c")
		o.text("a")
		o.text("b")
		return nil
	})
	for i, line := range problems {
		if !strings.HasPrefix(line, fmt.Sprintf("f:%d:", i+1)) {
			t.Errorf("problem %d is %s", i, line)
		}
	}
}
