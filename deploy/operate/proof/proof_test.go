package proof_test

import (
	"testing"

	"paybridge/deploy/operate/proof"
	"paybridge/schemas/provider"
)

// TestBuiltInPacks proves every pack that is shipped.
func TestBuiltInPacks(t *testing.T) {
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range lib.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := proof.Check(lib, name)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range complaints(report) {
				t.Error(line)
			}
			if len(report.Fixtures) == 0 || len(report.Attacks) == 0 || len(report.Mutations) == 0 {
				t.Errorf("%d fixtures, %d attacks, %d mutations: something was not tried", len(report.Fixtures), len(report.Attacks), len(report.Mutations))
			}
		})
	}
}

// complaints is everything that is wrong, one a line.
func complaints(r proof.Report) []string {
	lines := r.Problems
	for _, c := range r.Fixtures {
		lines = append(lines, c.Problems...)
	}
	for _, a := range r.Attacks {
		for _, accepted := range a.Accepted {
			lines = append(lines, "accepted: "+accepted)
		}
	}
	for _, m := range r.Mutations {
		if m.PinnedBy == "" {
			lines = append(lines, "not pinned by any fixture: "+m.Change)
		}
	}
	return lines
}
