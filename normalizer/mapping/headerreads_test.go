package mapping

import (
	"slices"
	"testing"

	"paybridge/schemas/provider"
)

// TestUnstored says which headers an expression is known to read, and that those
// which are kept, and names that are computed, are nobody's mistake.
func TestUnstored(t *testing.T) {
	a := &provider.Auth{Keep: []string{"X-Kept"}}
	for expression, want := range map[string][]string{
		`header["x-acme-event"]`:                                      {"X-Acme-Event"},
		`header[?"x-acme-event"].orValue("")`:                         {"X-Acme-Event"},
		`header.event`:                                                {"Event"},
		`has(header.event) ? header.event : "none"`:                   {"Event"},
		`"x-acme-event" in header ? "a" : "b"`:                        {"X-Acme-Event"},
		`header["x-kept"]`:                                            nil,
		`header[?"x-kept"].orValue("")`:                               nil,
		`header[item.name]`:                                           nil,
		`item.header["x-acme-event"]`:                                 nil,
		`header[?"x-a"].or(header[?"x-b"]).orValue(header["x-kept"])`: {"X-A", "X-B"},
	} {
		p, err := Compile(readPack(t, "\ntype_prefix: com.acme\ntype: '"+expression+"'\nderived_id: [item.id]"), Settings{})
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		var got []string
		for _, problem := range p.Unstored(a) {
			got = append(got, problem.Hint)
			if problem.Key != "events.type" || problem.At.Line != 4 {
				t.Errorf("%s: %v", expression, problem)
			}
		}
		var hints []string
		for _, name := range want {
			hints = append(hints, "add `keep: ["+name+"]` under auth")
		}
		slices.Sort(got)
		if !slices.Equal(got, hints) {
			t.Errorf("%s: got %q, want %q", expression, got, hints)
		}
	}
}
