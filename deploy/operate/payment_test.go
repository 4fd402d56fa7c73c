package operate

import (
	"testing"

	"paybridge/schemas/event"
)

// TestTimeline says that a payment is found by its id, its reference and its parent,
// in the order of the deliveries, whatever the order of storing.
func TestTimeline(t *testing.T) {
	r := newRig(t)
	step := func(id string, sequence uint64, change func(*event.Event)) {
		e := aPayment("pik", id)
		e.ID, e.Sequence = e.ID+event.Sequence(sequence, 0), event.Sequence(sequence, 0)
		change(&e)
		publish(t, r.js, e, event.Structured)
	}
	reference, parent := "order-17", "txn_1"
	step("txn_1", 7, func(e *event.Event) { e.Payment.State = event.Settled })
	step("txn_1", 3, func(e *event.Event) { e.Payment.Reference = &reference })
	step("ref_1", 9, func(e *event.Event) { e.Payment.Kind, e.Payment.Parent = event.Refund, &parent })
	step("txn_2", 4, func(e *event.Event) {})
	for id, want := range map[string][]string{
		"txn_1":    {event.Sequence(3, 0), event.Sequence(7, 0), event.Sequence(9, 0)},
		"order-17": {event.Sequence(3, 0)},
		"txn_2":    {event.Sequence(4, 0)},
		"nothing":  nil,
	} {
		steps, err := Timeline(t.Context(), r.js, id, Range{})
		if err != nil || len(steps) != len(want) {
			t.Errorf("%s: %+v, %v", id, steps, err)
			continue
		}
		for i := range want {
			if steps[i].Event.Sequence != want[i] || steps[i].Sequence == 0 || steps[i].Stored.IsZero() {
				t.Errorf("%s: step %d is %+v", id, i, steps[i])
			}
		}
	}
	if steps, err := Timeline(t.Context(), r.js, "txn_1", Range{Subject: "payments.bidali.>"}); len(steps) != 0 || err != nil {
		t.Errorf("another source's: %+v, %v", steps, err)
	}
}
