package operate

import (
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/normalizer"
)

// audited runs an audit of everything.
func (r *rig) audited(deep bool) Audited {
	r.t.Helper()
	sum, err := Audit{Programs: r.programs, Deep: deep}.Run(r.t.Context(), r.js, 0, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return sum
}

// want compares the counts of an audit.
func (r *rig) want(sum Audited, deliveries, events, duplicates, dead, lost int) {
	r.t.Helper()
	if sum.Deliveries != deliveries || sum.Events != events || sum.Duplicates != duplicates || sum.Dead != dead || len(sum.Lost) != lost {
		r.t.Errorf("got %+v; want %d deliveries: %d events, %d duplicates, %d dead, %d lost", sum, deliveries, events, duplicates, dead, lost)
	}
}

// TestAuditAcquits says that what ended as the promise says is accounted for.
func TestAuditAcquits(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))
	r.receive(pikBody("evt_1", "txn_1") + " ") // the same event in other bytes: no event of its own
	r.receive(`{"event":`)                     // a dead letter
	r.store(r.delivery("gocardless", "hmac", batchBody("EV1", "EV2", "EV3")))
	r.store(r.delivery("gocardless", "hmac", `{"events":[{"id":"EV4","resource_type":"payments","action":"confirmed","created_at":"2026-01-02T03:04:05.000Z","links":{"payment":"PM4"}},7]}`)) // half of it a dead letter
	for range 5 {
		r.normalize(all)
	}
	r.receive(pikBody("evt_2", "txn_2")) // not taken yet
	for _, deep := range []bool{false, true} {
		sum := r.audited(deep)
		r.want(sum, 5, 3, 1, 1, 0)
		if sum.InHand != 1 || sum.From != 1 || sum.To != 5 || sum.NoEvents != 0 || sum.Deleted != 0 {
			t.Errorf("deep %v: got %+v", deep, sum)
		}
	}
}

// TestAuditFindsWhatIsLost says that each way to lose something is seen, by its
// sequence.
func TestAuditFindsWhatIsLost(t *testing.T) {
	for _, test := range []struct {
		name    string
		deep    bool
		lose    func(r *rig)
		missing string
	}{
		{"an event", false, func(r *rig) { r.receive(pikBody("evt_1", "txn_1")); r.normalize(none) }, "the event of item 0"},
		{"a dead letter", false, func(r *rig) { r.receive(`{"event":`); r.normalize(none) }, "a dead letter: malformed_json"},
		{"a middle item of a batch", false, func(r *rig) {
			r.store(r.delivery("gocardless", "hmac", batchBody("EV1", "EV2", "EV3")))
			r.normalize(func(i int) bool { return i != 1 })
		}, "the event of item 1"},
		{"the last item of a batch", true, func(r *rig) {
			r.store(r.delivery("gocardless", "hmac", batchBody("EV1", "EV2", "EV3")))
			r.normalize(func(i int) bool { return i != 2 })
		}, "the event of item 2"},
		{"a batch", false, func(r *rig) {
			r.store(r.delivery("gocardless", "hmac", batchBody("EV1", "EV2", "EV3")))
			r.normalize(none)
		}, "the events of items [0 1 2]"},
		{"a delivery of a source that is gone", false, func(r *rig) {
			d := r.delivery("pik", "hmac", pikBody("evt_1", "txn_1"))
			d.Source = "gone"
			r.store(d)
			r.programs = normalizer.Programs{}
			r.ack()
		}, "everything, and its source"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.receive(pikBody("evt_0", "txn_0"))
			r.normalize(all)
			test.lose(r)
			sum := r.audited(test.deep)
			if len(sum.Lost) != 1 || sum.Lost[0].Sequence != 2 || !strings.HasPrefix(sum.Lost[0].Missing, test.missing) {
				t.Errorf("got %+v, want sequence 2: %s", sum.Lost, test.missing)
			}
		})
	}
}

// ack acknowledges the next delivery and does nothing with it.
func (r *rig) ack() {
	r.t.Helper()
	consumer, err := r.js.Consumer(r.t.Context(), jetstream.Webhooks, jetstream.Normalizer)
	if err != nil {
		r.t.Fatal(err)
	}
	msg, err := consumer.Next(natsjs.FetchMaxWait(5 * time.Second))
	if err != nil {
		r.t.Fatal(err)
	}
	if err := msg.DoubleAck(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// TestAuditOfManyDuplicates says that many suspects are found by a walk, and
// acquitted by it.
func TestAuditOfManyDuplicates(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))
	for i := range fewSuspects + 50 {
		r.receive(pikBody("evt_1", "txn_1") + strings.Repeat(" ", i+1))
	}
	for range fewSuspects + 51 {
		r.normalize(all)
	}
	r.want(r.audited(false), fewSuspects+51, 1, fewSuspects+50, 0, 0)
}

// TestAuditRange says that only what was asked for is judged.
func TestAuditRange(t *testing.T) {
	r := newRig(t)
	for i := range 3 {
		r.receive(pikBody("evt_"+string(rune('a'+i)), "txn"))
	}
	r.normalize(all)
	r.normalize(none) // lost
	r.normalize(all)
	sum, err := Audit{Programs: r.programs}.Run(t.Context(), r.js, 3, 3)
	if err != nil || sum.Deliveries != 1 || len(sum.Lost) != 0 {
		t.Errorf("got %+v, %v", sum, err)
	}
	sum, err = Audit{Programs: r.programs}.Run(t.Context(), r.js, 0, 2)
	if err != nil || sum.Deliveries != 2 || len(sum.Lost) != 1 {
		t.Errorf("got %+v, %v", sum, err)
	}
}

func TestAuditOfNothing(t *testing.T) {
	r := newRig(t)
	if sum := r.audited(true); sum.Deliveries != 0 || sum.InHand != 0 {
		t.Errorf("an empty bus: %+v", sum)
	}
	r.receive(pikBody("evt_1", "txn_1"))
	if sum := r.audited(true); sum.Deliveries != 0 || sum.InHand != 1 {
		t.Errorf("nothing done yet: %+v", sum)
	}
	if err := r.js.DeleteConsumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer); err != nil {
		t.Fatal(err)
	}
	_, err := Audit{Programs: r.programs}.Run(t.Context(), r.js, 0, 0)
	checkAdvice(t, err, "does not exist", "streams check")
}
