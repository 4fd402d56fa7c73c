package operate

import (
	"strings"
	"testing"

	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

func (r *rig) redriver(s DeadSelection) Redrive {
	return Redrive{Programs: r.programs, Seals: r.seals, Mode: event.Structured, Select: s}
}

// TestToday says that a dead letter is told why it fails today, without a value, and
// what it would become once the pack is mended; and that nothing is published.
func TestToday(t *testing.T) {
	r := newRig(t)
	mend := r.broken("gocardless", faulty{breaks: fails(delivery.MappingFailed, 1)})
	r.store(r.delivery("gocardless", "hmac", batchBody("EV1", "EV2")))
	r.normalize(all)
	r.receive(strings.Replace(pikBody("evt_1", "txn_1"), `"event":"payment.confirmed",`, "", 1))
	r.normalize(all)
	r.bury(r.receive(pikBody("evt_2", "txn_2")), delivery.CrashGuard)
	foresee := func(sequence uint64) Today {
		t.Helper()
		d, err := ShowDead(t.Context(), r.js, sequence, false)
		if err != nil {
			t.Fatal(err)
		}
		today, err := r.redriver(DeadSelection{}).Foresee(t.Context(), r.js, d)
		if err != nil {
			t.Fatal(err)
		}
		return today
	}
	if today := foresee(1); today.Events != 0 || len(today.Problems) != 1 || !strings.HasPrefix(today.Problems[0], "mapping_failed: ") {
		t.Errorf("a broken item: %+v", today)
	}
	if today := foresee(2); today.Events != 0 || len(today.Problems) != 1 || !strings.HasPrefix(today.Problems[0], "mapping_failed: type: ") ||
		strings.Contains(today.Problems[0], "txn_1") {
		t.Errorf("a field that is gone: %+v", today)
	}
	if today := foresee(3); today.Events != 1 || len(today.Problems) != 0 {
		t.Errorf("one that maps: %+v", today)
	}
	mend()
	if today := foresee(1); today.Events != 1 || len(today.Problems) != 0 {
		t.Errorf("mended: %+v", today)
	}
	r.wantStored("PAYMENTS", 1)
}

// TestDone says that PAYMENTS is the record of what was redriven: what it holds is done,
// what fails still is not, and of two dead letters of one event neither is done before it
// is stored.
func TestDone(t *testing.T) {
	r := newRig(t)
	mend := r.broken("pik", faulty{breaks: fails(delivery.MappingFailed)})
	r.receive(pikBody("evt_1", "txn_1"))
	r.receive(pikBody("evt_1", "txn_1") + " ")
	r.receive(`{`)
	for range 3 {
		r.normalize(all)
	}
	mend()
	open := func(s DeadSelection) (left int) {
		t.Helper()
		done, err := r.redriver(s).Done(t.Context(), r.js)
		if err != nil {
			t.Fatal(err)
		}
		groups, err := DeadLetters(t.Context(), r.js, Range{}, done)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			left += g.Count
		}
		each := 0
		if err := EachDead(t.Context(), r.js, Range{}, done, func(Dead) error { each++; return nil }); err != nil || each != left {
			t.Errorf("%d one by one, %d in groups, %v", each, left, err)
		}
		return left
	}
	if left := open(DeadSelection{}); left != 3 {
		t.Errorf("%d are open before the redrive, want 3", left)
	}
	r.redrive(DeadSelection{}, true)
	if left := open(DeadSelection{}); left != 1 {
		t.Errorf("%d are open after it, want 1", left)
	}
	if left := open(DeadSelection{Reason: delivery.Unsealed}); left != 3 {
		t.Errorf("%d are open, and what is unsealed is never redriven", left)
	}
}

// TestDeadSourceAndLimit says that a mistyped source is told which there are, also those
// that only died, and that a limit is a number of dead letters.
func TestDeadSourceAndLimit(t *testing.T) {
	r := newRig(t)
	r.receive(`{`)
	r.normalize(all)
	for _, known := range []string{"", "pik", "configured"} {
		if err := CheckDeadSource(t.Context(), r.js, known, []string{"configured"}); err != nil {
			t.Errorf("%q: %v", known, err)
		}
	}
	err := CheckDeadSource(t.Context(), r.js, "nosuch", []string{"configured"})
	checkAdvice(t, err, `source "nosuch" is not configured`, "choose one of configured, pik")
	_, err = r.redriver(DeadSelection{Limit: -3}).Run(t.Context(), r.js)
	checkAdvice(t, err, "a limit of -3", "--limit 10")
	_, err = DeadExport{To: t.TempDir() + "/dead.jsonl", Select: DeadSelection{Limit: -3}}.Run(t.Context(), r.js)
	checkAdvice(t, err, "a limit of -3", "--limit 10")
}
