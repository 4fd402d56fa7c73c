package operate

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

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
	little := func() bool { return true }
	looks, told := 0, Told{Left: 1}
	for ; told.Left > 0; looks++ {
		told = r.look(o, little)
		if n := told.Redriven["pik"]["mapping_failed"]; n > 60 || looks == 20 {
			t.Fatalf("look %d: %d were redriven, and 60 were; %d are left", looks, n, told.Left)
		}
		if rest := uint64(dead - walkCheck + 1); looks == 0 && told.Left != rest {
			t.Errorf("%d are left of the dead letters, want %d", told.Left, rest)
		}
	}
	if n := told.Redriven["pik"]["mapping_failed"]; n != 60 {
		t.Errorf("nothing is left, and %d were redriven", n)
	}
	r.agree("at last", o, 40)
	for range walkCheck {
		publish(t, r.js, aPayment("picpay", nats.NewInbox()), event.Structured)
	}
	if told := r.look(o, little); told.Left != 1 {
		t.Errorf("%d are left of what was published since", told.Left)
	}
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

// TestOpenDeadBeginsAnew says, of each stream, what makes it another one.
func TestOpenDeadBeginsAnew(t *testing.T) {
	made := time.Unix(1, 0)
	stream := func(created time.Time, last uint64) *natsjs.StreamInfo {
		return &natsjs.StreamInfo{Created: created, State: natsjs.StreamState{LastSeq: last}}
	}
	for name, test := range map[string]struct {
		letters, events *natsjs.StreamInfo
		anew            bool
	}{
		"the same":          {stream(made, 5), stream(made, 7), false},
		"longer":            {stream(made, 6), stream(made, 8), false},
		"other letters":     {stream(made.Add(1), 5), stream(made, 7), true},
		"other events":      {stream(made, 5), stream(made.Add(1), 7), true},
		"letters are lost":  {stream(made, 4), stream(made, 7), true},
		"events are lost":   {stream(made, 5), stream(made, 6), true},
		"all is made again": {stream(made.Add(1), 0), stream(made.Add(1), 0), true},
	} {
		o := &OpenDead{}
		o.begin(stream(made, 5), stream(made, 7))
		o.read = 5
		if o.begin(test.letters, test.events); (o.read == 0) != test.anew {
			t.Errorf("%s: it has read %d dead letters", name, o.read)
		}
	}
}

// TestOpenDeadLooksBack says that an event counts which was stored before its dead letter,
// for as long as a normalizer would have met it, however many came later.
func TestOpenDeadLooksBack(t *testing.T) {
	nothing := func(*rig) {}
	for name, test := range map[string]struct {
		before, after func(*rig)
		open          uint64
	}{
		"within the duplicate window": {nothing, nothing, 0},
		"before it":                   {(*rig).forget, nothing, 1},
		"within it, long ago": {nothing, func(r *rig) {
			r.forget()
			r.buryItem(1, delivery.MappingFailed, 7)
		}, 1},
	} {
		r := newRig(t)
		crashed := r.receive(pikBody("evt_1", "txn_1"))
		r.normalize(all)
		test.before(r)
		r.bury(crashed, delivery.CrashGuard)
		test.after(r)
		r.agree(name, &OpenDead{Programs: r.programs}, test.open)
	}
}

// TestOpenDeadTellsApart is about dead letters that stay open although PAYMENTS holds an
// event that looks like theirs.
func TestOpenDeadTellsApart(t *testing.T) {
	r := newRig(t)
	o := &OpenDead{Programs: r.programs}
	stored := r.receive(pikBody("evt_1", "txn_1"))
	r.normalize(all)
	r.bury(stored, delivery.Unsealed)
	r.agree("nobody has sealed it", o, 1)
	r.buryItem(stored, delivery.MappingFailed, 7)
	r.agree("an item that its delivery has not", o, 2)

	mend := r.broken("gocardless", faulty{breaks: fails(delivery.IDConflict, 1)})
	twins := batchBody("EV1", "EV1")
	second := strings.LastIndex(twins, "confirmed")
	r.store(r.delivery("gocardless", "hmac", twins[:second]+"failed"+twins[second+len("confirmed"):]))
	r.normalize(all)
	mend()
	r.agree("another item of its delivery, under its id", o, 3)
}

// TestOpenDeadOfItems says which items the dead letter of a whole delivery stands for, while
// those that have their own come one by one, twice too, and whatever today's packs make of
// them.
func TestOpenDeadOfItems(t *testing.T) {
	for name, test := range map[string]struct {
		broken int
		body   string
		open   uint64 // once those without their own are redriven
	}{
		"mended":            {9, batchBody("EV1", "EV2", "EV3"), 2},
		"broken still":      {2, batchBody("EV1", "EV2", "EV3"), 2},
		"the last two same": {9, batchBody("EV1", "EV2", "EV2"), 0},
	} {
		r := newRig(t)
		r.broken("gocardless", faulty{breaks: fails(delivery.MappingFailed, test.broken)})
		o := &OpenDead{Programs: r.programs}
		batch := r.store(r.delivery("gocardless", "hmac", test.body))
		r.bury(batch, delivery.CrashGuard)
		r.agree(name+", it has died whole", o, 1)
		for i, reason := range []delivery.Reason{delivery.MappingFailed, delivery.IDConflict} {
			r.buryItem(batch, reason, 2)
			r.agree(name+", and an item by itself", o, uint64(i)+2)
		}
		r.normalize(func(item int) bool { return item == 0 })
		r.agree(name+", the first has its event", o, 3)
		r.redrive(DeadSelection{Reason: delivery.CrashGuard}, true)
		r.agree(name+", redriven", o, test.open)
	}
}

// expire waits until a stream holds nothing any more.
func (r *rig) expire(stream string) {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), stream)
	if err != nil {
		r.t.Fatal(err)
	}
	config := s.CachedInfo().Config
	config.MaxAge, config.Duplicates = 100*time.Millisecond, 100*time.Millisecond
	if _, err := r.js.UpdateStream(r.t.Context(), config); err != nil {
		r.t.Fatal(err)
	}
	waitFor(r.t, func() bool { return r.stored(stream) == 0 })
}

// TestOpenDeadExpired says that a dead letter which is gone is neither open nor redriven,
// and that an event which comes for it is nobody's.
func TestOpenDeadExpired(t *testing.T) {
	r := newRig(t)
	o := &OpenDead{Programs: r.programs}
	redriven, open := r.receive(pikBody("evt_1", "txn_1")), r.receive(pikBody("evt_2", "txn_2"))
	r.normalize(all)
	r.normalize(none)
	r.bury(redriven, delivery.CrashGuard)
	r.bury(open, delivery.CrashGuard)
	r.agree("two", o, 1)
	r.expire(jetstream.DeadLetters)
	r.agree("gone", o, 0)
	r.receive(pikBody("evt_2", "txn_other"))
	r.normalize(all)
	r.agree("an event under the id of one", o, 0)
}

// TestOpenDeadAtMost says that what is one too many is open, and does not keep the others
// from being told.
func TestOpenDeadAtMost(t *testing.T) {
	r := newRig(t)
	for _, id := range []string{"a", "b", "c"} {
		crashed := r.receive(pikBody("evt_"+id, "txn_"+id))
		r.normalize(all)
		r.bury(crashed, delivery.CrashGuard)
	}
	o := &OpenDead{Programs: r.programs, most: 2}
	for range 2 {
		if told := r.look(o, never); told.Redriven["pik"]["crash_guard"] != 2 || told.Left != 0 {
			t.Errorf("got %+v", told)
		}
	}
}
