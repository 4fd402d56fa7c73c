package operate

import (
	"maps"
	"testing"

	"github.com/nats-io/nats.go"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// never says that a look may take as long as it likes.
func never() bool { return false }

// look is what one look tells.
func (r *rig) look(o *OpenDead, enough func() bool) Told {
	r.t.Helper()
	told, err := o.Look(r.t.Context(), r.js, enough)
	if err != nil {
		r.t.Fatal(err)
	}
	return told
}

// listed is what `deadletters list --open` leaves out, and how many it lists.
func (r *rig) listed() (redriven map[string]map[string]uint64, open uint64) {
	r.t.Helper()
	done, err := r.redriver(DeadSelection{}).Done(r.t.Context(), r.js)
	if err != nil {
		r.t.Fatal(err)
	}
	redriven = map[string]map[string]uint64{}
	err = EachDead(r.t.Context(), r.js, Range{Subject: "deadletters.*.*"}, nil, func(d Dead) error {
		switch {
		case !done[d.Sequence]:
			open++
		case redriven[d.Source] == nil:
			redriven[d.Source] = map[string]uint64{string(d.Reason): 1}
		default:
			redriven[d.Source][string(d.Reason)]++
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return redriven, open
}

// agree says that what was looked at before and what looks for the first time both tell
// what the list does.
func (r *rig) agree(step string, before *OpenDead, wantOpen uint64) {
	r.t.Helper()
	want, open := r.listed()
	if open != wantOpen {
		r.t.Errorf("%s: %d are open, want %d", step, open, wantOpen)
	}
	for name, o := range map[string]*OpenDead{"again": before, "at first": {Programs: r.programs}} {
		told := r.look(o, never)
		if told.Left != 0 || !maps.EqualFunc(told.Redriven, want, maps.Equal[map[string]uint64, map[string]uint64]) {
			r.t.Errorf("%s, %s: %+v, and the list leaves out %v", step, name, told, want)
		}
	}
}

// TestOpenDeadIsWhatTheListSays walks through a bad night: every way in which a dead
// letter comes to be, a pack that is mended, and a redrive in two parts.
func TestOpenDeadIsWhatTheListSays(t *testing.T) {
	r := newRig(t)
	o := &OpenDead{Programs: r.programs}
	r.agree("nothing is stored", o, 0)
	mends := []func(){
		r.broken("pik", faulty{breaks: fails(delivery.MappingFailed)}),
		r.broken("gocardless", faulty{breaks: fails(delivery.MappingFailed, 0, 2)}),
	}
	r.receive(pikBody("evt_1", "txn_1"))
	r.receive(pikBody("evt_1", "txn_1") + " ") // the same event in another delivery
	r.receive(`{`)
	r.receive(pikBody("evt_3", "txn_3"))
	r.store(r.delivery("gocardless", "hmac", batchBody("EV1", "EV2", "EV3")))
	for range 5 {
		r.normalize(all)
	}
	r.agree("five have died", o, 6)
	for _, mend := range mends {
		mend()
	}
	o.Anew(r.programs)
	r.agree("the packs are mended", o, 6)

	// After the first look: a delivery that crashed its worker once its event was out, one
	// that conflicts with a stored event, and one that nobody sealed.
	crashed := r.receive(pikBody("evt_4", "txn_4"))
	r.normalize(all)
	r.bury(crashed, delivery.CrashGuard)
	r.bury(r.receive(pikBody("evt_4", "txn_other")), delivery.IDConflict)
	r.bury(r.receive(pikBody("evt_5", "txn_5")), delivery.Unsealed)
	r.agree("more have died, and one has its event", o, 8)

	r.redrive(DeadSelection{Limit: 1}, true)
	r.agree("one is redriven, and its twin has its event", o, 6)
	r.redrive(DeadSelection{}, true)
	r.agree("all are redriven", o, 3)

	// A delivery that died whole stands for all its items, but for those with their own.
	r.bury(r.store(r.delivery("gocardless", "hmac", batchBody("EV4", "EV5", "EV6"))), delivery.CrashGuard)
	r.agree("a batch has died whole", o, 4)
	r.redrive(DeadSelection{}, true)
	r.agree("and is redriven", o, 3)
}

// TestOpenDeadBitByBit says that a look that may read little says what it has not read,
// and that the next ones go on with it.
func TestOpenDeadBitByBit(t *testing.T) {
	r := newRig(t)
	const dead, others = 100, 300
	mend := r.broken("pik", faulty{breaks: fails(delivery.MappingFailed)})
	for i := range dead {
		r.receive(pikBody("evt_"+string(rune('a'+i%26))+string(rune('a'+i/26)), "txn"))
		r.normalize(all)
	}
	mend()
	for range others {
		publish(t, r.js, aPayment("picpay", nats.NewInbox()), event.Structured)
	}
	r.redrive(DeadSelection{Limit: 60}, true)
	o := &OpenDead{Programs: r.programs}
	looks, left := 0, uint64(1)
	for ; left > 0; looks++ {
		told := r.look(o, func() bool { return true })
		left = told.Left
		if n := told.Redriven["pik"]["mapping_failed"]; n > 60 || looks == 20 {
			t.Fatalf("look %d: %d were redriven, and 60 were; %d are left", looks, n, left)
		}
	}
	r.agree("at last", o, 40)
	if looks < 5 {
		t.Errorf("%d looks have read %d messages, %d at a time", looks, dead+others+60, walkCheck)
	}
}

// TestOpenDeadOfOtherStreams says that streams that were made anew are read anew.
func TestOpenDeadOfOtherStreams(t *testing.T) {
	r := newRig(t)
	o := &OpenDead{Programs: r.programs}
	r.receive(`{`)
	r.normalize(all)
	r.agree("one", o, 1)
	for _, name := range []string{jetstream.DeadLetters, jetstream.Payments} {
		if err := r.js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := jetstream.Apply(t.Context(), r.js, r.streams); err != nil {
		t.Fatal(err)
	}
	r.agree("none", o, 0)
}
