package operate

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestKnownSource says that a typo is an error, and that a source is known as long as it
// is configured or stored.
func TestKnownSource(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))
	configured := []string{"picpay", "bidali"}
	for _, source := range []string{"", "picpay", "pik"} {
		if err := KnownSource(t.Context(), r.js, configured, source); err != nil {
			t.Errorf("%q: %v", source, err)
		}
	}
	checkAdvice(t, KnownSource(t.Context(), r.js, configured, "pk"), `source "pk" is not configured, and nothing of it is stored`, "choose one of picpay, bidali")
	for _, source := range []string{"*", ">", "pik.default", "p k"} {
		checkAdvice(t, KnownSource(t.Context(), r.js, configured, source), "is no name of a source", "choose one of picpay, bidali")
	}
}

// TestExportOfNothing says that a selection of nothing makes no file, and that an empty
// bus without a selection does.
func TestExportOfNothing(t *testing.T) {
	r := newRig(t)
	file := filepath.Join(t.TempDir(), "out.jsonl")
	e := Export{File: file, Select: Selection{Source: "pik"}}
	if _, err := e.Count(t.Context(), r.js); !errors.Is(err, ErrNothingMatches) {
		t.Errorf("counted: %v", err)
	}
	if _, err := e.Run(t.Context(), r.js); !errors.Is(err, ErrNothingMatches) {
		t.Errorf("written: %v", err)
	}
	if left, _ := filepath.Glob(file + "*"); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	e.Select = Selection{}
	if sum, err := e.Run(t.Context(), r.js); err != nil || sum.Deliveries != 0 {
		t.Errorf("all of nothing: %+v, %v", sum, err)
	}
}
