package provider

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
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

// TestMistakesAreSaidOnce spoils a good pack as newcomers do: one problem each, with
// what to write.
func TestMistakesAreSaidOnce(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{"encoding: [hex, base64]", "encodng: [hex, base64]", ":18: auth.signature.encodng: is not a key of the format; did you mean encoding?"},
		{"headers: [x-acme", "heders: [x-acme", ":12: auth.signature.heders: is not a key of the format; did you mean headers?"},
		{"scheme: hmac", "sheme: hmac", ":7: auth.sheme: is not a key of the format; did you mean scheme?"},
		{"tolerance: 5m", "tolerance: 300", ":19: auth.timestamp.tolerance: has no unit; write 300s or 5m"},
		{"tolerance: 5m", "tolerance: 45", "has no unit; write 45s"},
		{"  type: item.event", `  type: "a" + item.event`, ":29: is not YAML: did not find expected key; put the whole expression in single quotes"},
		{"  type: item.event", `  type: item.event == "a: b" ? "c" : "d"`, ":29: is not YAML: mapping values are not allowed in this context; put the whole expression in single quotes"},
		{"{when: 'true', ", `{when: "a" == type, `, ":46: is not YAML"},
	} {
		if !strings.Contains(good, c.before) {
			t.Fatalf("the good pack does not hold %q", c.before)
		}
		lib, err := (&Library{}).With(fstest.MapFS{"acme/provider.yaml": {Data: []byte(strings.Replace(good, c.before, c.after, 1))}}, "")
		if err != nil {
			t.Fatal(err)
		}
		_, authErr := lib.Auth("acme")
		_, eventsErr := lib.Events("acme")
		var problems Problems
		if !errors.As(authErr, &problems) {
			errors.As(eventsErr, &problems)
		}
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), c.want) {
			t.Errorf("%s: got %q, want %q", c.after, problems, c.want)
		}
	}
}
