package operate

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/normalizer"
	"paybridge/normalizer/document"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// faulty is a pack with a mistake: it fails for the items that breaks names, and
// for whole deliveries where decode says so.
type faulty struct {
	normalizer.Mapper
	decode *mapping.Dead
	breaks func(item int) *mapping.Dead
}

func (f faulty) Decode(d *delivery.Delivery) (*document.Document, *mapping.Dead) {
	if f.decode != nil {
		return nil, f.decode
	}
	return f.Mapper.Decode(d)
}

func (f faulty) Map(d *delivery.Delivery, doc *document.Document, sequence uint64) []mapping.Item {
	items := f.Mapper.Map(d, doc, sequence)
	for i := range items {
		if dead := f.breaks(i); dead != nil {
			items[i] = mapping.Item{Dead: dead}
		}
	}
	return items
}

// fails makes every item, or every one that is listed, fail.
func fails(reason delivery.Reason, items ...int) func(int) *mapping.Dead {
	return func(i int) *mapping.Dead {
		for _, item := range items {
			if item == i {
				return &mapping.Dead{Reason: reason}
			}
		}
		if len(items) == 0 {
			return &mapping.Dead{Reason: reason}
		}
		return nil
	}
}

// broken breaks the pack of a source, and returns what mends it.
func (r *rig) broken(source string, f faulty) (mend func()) {
	pack := normalizer.Pack{Source: source, Provider: source}
	good := r.programs[pack]
	f.Mapper = good
	if f.breaks == nil {
		f.breaks = func(int) *mapping.Dead { return nil }
	}
	r.programs[pack] = f
	return func() { r.programs[pack] = good }
}

func (r *rig) redrive(s DeadSelection, act bool) Redriven {
	r.t.Helper()
	sum, err := Redrive{Programs: r.programs, Seals: r.seals, Mode: event.Structured, Select: s, Act: act}.Run(r.t.Context(), r.js)
	if err != nil {
		r.t.Fatal(err)
	}
	return sum
}

// stored is how many messages a stream holds.
func (r *rig) stored(stream string) int {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), stream)
	if err != nil {
		r.t.Fatal(err)
	}
	return int(s.CachedInfo().State.Msgs)
}

func (r *rig) wantStored(stream string, want int) {
	r.t.Helper()
	if got := r.stored(stream); got != want {
		r.t.Errorf("%s holds %d messages, want %d", stream, got, want)
	}
}

// mixedDead is how many dead letters the acceptance test redrives: PIK's whole
// deliveries of two reasons, and items of GoCardless's batches of three, of which two die.
const mixedDead = 1000

// storeMixed stores deliveries until there are mixedDead dead letters, and how many
// events there are beside them.
func (r *rig) storeMixed() (events int) {
	mends := []func(){
		r.broken("pik", faulty{breaks: fails(delivery.MappingFailed)}),
		r.broken("gocardless", faulty{breaks: fails(delivery.TooDeep, 0, 2)}),
	}
	dead := 0
	for i := 0; dead < mixedDead; i++ {
		if i%10 == 0 {
			r.bury(r.receive(pikBody(fmt.Sprintf("evt_%d", i), fmt.Sprintf("txn_%d", i))), delivery.CrashGuard)
			r.normalize(none)
			dead++
			continue
		}
		if i%2 == 0 || dead+2 > mixedDead {
			r.receive(pikBody(fmt.Sprintf("evt_%d", i), fmt.Sprintf("txn_%d", i)))
			dead++
		} else {
			id := func(item int) string { return fmt.Sprintf("EV%d_%d", i, item) }
			r.store(r.delivery("gocardless", "hmac", batchBody(id(0), id(1), id(2))))
			dead += 2
			events++
		}
		r.normalize(all)
	}
	for _, mend := range mends {
		mend()
	}
	return events
}

// bury makes a stored delivery a dead letter.
func (r *rig) bury(sequence uint64, reason delivery.Reason) {
	r.t.Helper()
	r.buryItem(sequence, reason, 0)
}

// buryItem makes one item of a stored delivery a dead letter.
func (r *rig) buryItem(sequence uint64, reason delivery.Reason, item int) {
	r.t.Helper()
	webhooks, err := r.js.Stream(r.t.Context(), jetstream.Webhooks)
	if err != nil {
		r.t.Fatal(err)
	}
	m, err := webhooks.GetMsg(r.t.Context(), sequence)
	if err != nil {
		r.t.Fatal(err)
	}
	l := delivery.DeadLetter{
		Reason: reason, Source: sourceToken(m.Subject), StreamSequence: sequence, Deliveries: 1, NormalizerVersion: "test",
		Item: item, RawMessageID: m.Header.Get(delivery.MessageIDHeader), Raw: m.Header, Body: m.Data,
	}
	if _, err := r.js.PublishMsg(r.t.Context(), l.Message()); err != nil {
		r.t.Fatal(err)
	}
}

// TestRedriveOnce is the promise: 1,000 mixed dead letters, the packs mended, two
// redrives at the same time: each event once. And a week later nothing more, when
// the duplicate window has forgotten everything.
func TestRedriveOnce(t *testing.T) {
	r := newRig(t)
	events := r.storeMixed()
	r.wantStored(jetstream.DeadLetters, mixedDead)
	r.wantStored(jetstream.Payments, events)

	preview := r.redrive(DeadSelection{}, false)
	if preview.Published != mixedDead || preview.Events != mixedDead || len(preview.Groups) != 3 {
		t.Errorf("the preview says %+v", preview)
	}
	r.wantStored(jetstream.Payments, events)

	var sums [2]Redriven
	var both sync.WaitGroup
	for i := range sums {
		both.Go(func() { sums[i] = r.redrive(DeadSelection{}, true) })
	}
	both.Wait()
	r.wantStored(jetstream.Payments, events+mixedDead)
	if a, b := sums[0], sums[1]; a.Events+b.Events != mixedDead || a.Published+a.Already != mixedDead || b.Published+b.Already != mixedDead {
		t.Errorf("together they say %+v and %+v", a, b)
	}

	r.forget()
	if again := r.redrive(DeadSelection{}, true); again.Already != mixedDead || again.Events != 0 {
		t.Errorf("a week later: %+v", again)
	}
	r.wantStored(jetstream.Payments, events+mixedDead+forgetting)
	r.wantStored(jetstream.DeadLetters, mixedDead) // they stay
	r.want(r.audited(true), r.stored(jetstream.Webhooks), r.stored(jetstream.Webhooks), 0, 0, 0)
}

// forget makes the server forget the message ids of PAYMENTS, as after the
// duplicate window, and waits until it has.
func (r *rig) forget() {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), jetstream.Payments)
	if err != nil {
		r.t.Fatal(err)
	}
	config := s.CachedInfo().Config
	config.Duplicates = 100 * time.Millisecond
	if _, err := r.js.UpdateStream(r.t.Context(), config); err != nil {
		r.t.Fatal(err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for stored := 0; stored < forgetting; <-tick.C {
		ack, err := r.js.Publish(r.t.Context(), "payments.pik.probe.probe.probe", nil, natsjs.WithMsgID("probe"))
		if err != nil {
			r.t.Fatal(err)
		}
		if !ack.Duplicate {
			stored++
		}
	}
}

// forgetting is how many messages forget stores: one, and one with the same id,
// which is no duplicate once that and all before it is forgotten.
const forgetting = 2

// TestRedriveChooses says what is meant by each flag, and that without
// Act nothing is stored.
func TestRedriveChooses(t *testing.T) {
	r := newRig(t)
	mend := r.broken("pik", faulty{breaks: fails(delivery.MappingFailed)})
	r.receive(pikBody("evt_1", "txn_1"))
	r.receive(pikBody("evt_2", "txn_2"))
	r.receive(`{"event":`) // malformed, and stays so
	r.store(r.delivery("gocardless", "hmac", `{"events":[7]}`))
	for range 4 {
		r.normalize(all)
	}
	mend()
	for _, test := range []struct {
		name                      string
		s                         DeadSelection
		letters, published, still int
	}{
		{"all", DeadSelection{}, 4, 2, 2},
		{"a source", DeadSelection{Source: "pik"}, 3, 2, 1},
		{"a reason", DeadSelection{Reason: delivery.MappingFailed}, 3, 2, 1},
		{"both", DeadSelection{Source: "gocardless", Reason: delivery.MappingFailed}, 1, 0, 1},
		{"one", DeadSelection{Sequence: 2}, 1, 1, 0},
		{"the first", DeadSelection{Limit: 1}, 1, 1, 0},
		{"what died later", DeadSelection{Since: time.Now().Add(time.Hour)}, 0, 0, 0},
	} {
		sum := r.redrive(test.s, false)
		if sum.Letters != test.letters || sum.Published != test.published || sum.Still != test.still {
			t.Errorf("%s: got %+v", test.name, sum)
		}
	}
	r.wantStored(jetstream.Payments, 0)

	if sum := r.redrive(DeadSelection{Sequence: 2}, true); sum.Published != 1 {
		t.Errorf("one: %+v", sum)
	}
	sum := r.redrive(DeadSelection{Source: "pik"}, true)
	if sum.Published != 1 || sum.Already != 1 || sum.Still != 1 {
		t.Errorf("the rest: %+v", sum)
	}
	if g := sum.Groups[1]; g.Reason != delivery.MalformedJSON || g.Still[delivery.MalformedJSON] != 1 || g.Oldest.IsZero() {
		t.Errorf("what stays is %+v", g)
	}
	r.wantStored(jetstream.Payments, 2)
	if text := sum.Text(true); !strings.HasPrefix(text, "3 dead letters: 1 became 1 events, 1 had theirs already, 1 fail still") {
		t.Errorf("it says %q", text)
	}
}

// TestRedriveUnsealed says that nothing becomes an event that no ingress sealed,
// whatever the dead letter's reason says, and whoever asks for it.
func TestRedriveUnsealed(t *testing.T) {
	r := newRig(t)
	forged := r.delivery("pik", "hmac", pikBody("evt_1", "txn_1")).Message(r.seals)
	forged.Header.Del("Webhook-Seal")
	if _, err := r.js.PublishMsg(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	for _, reason := range []delivery.Reason{delivery.Unsealed, delivery.MappingFailed} {
		l := delivery.DeadLetter{
			Reason: reason, Source: "pik", StreamSequence: 1, NormalizerVersion: "test",
			RawMessageID: forged.Header.Get(natsjs.MsgIDHeader), Raw: forged.Header, Body: forged.Data,
		}
		if _, err := r.js.PublishMsg(t.Context(), l.Message()); err != nil {
			t.Fatal(err)
		}
	}
	if sum := r.redrive(DeadSelection{}, true); sum.Unsealed != 2 || sum.Published != 0 {
		t.Errorf("got %+v", sum)
	}
	r.wantStored(jetstream.Payments, 0)
	_, err := Redrive{Select: DeadSelection{Reason: delivery.Unsealed}}.Run(t.Context(), r.js)
	checkAdvice(t, err, "never redriven", "deadletters show")
}

// TestRedriveWithoutTheDelivery says that a dead letter is enough, when the raw
// stream no longer holds the delivery, or another one in its place.
func TestRedriveWithoutTheDelivery(t *testing.T) {
	for _, sequence := range []uint64{77, 1} {
		r := newRig(t)
		r.receive(pikBody("evt_other", "txn_other"))
		d := r.delivery("pik", "hmac", pikBody("evt_1", "txn_1"))
		msg := d.Message(r.seals)
		l := delivery.DeadLetter{
			Reason: delivery.MappingFailed, Source: "pik", StreamSequence: sequence, NormalizerVersion: "test",
			RawMessageID: d.MessageID(), Raw: msg.Header, Body: d.Body,
		}
		if _, err := r.js.PublishMsg(t.Context(), l.Message()); err != nil {
			t.Fatal(err)
		}
		if sum := r.redrive(DeadSelection{}, true); sum.Published != 1 {
			t.Errorf("at %d: %+v", sequence, sum)
		}
		steps, err := Timeline(t.Context(), r.js, "txn_1", Range{})
		if err != nil || len(steps) != 1 || steps[0].Event.ID != "evt_1" {
			t.Errorf("at %d: %+v, %v", sequence, steps, err)
		}
	}
}

// TestRedriveItems says that an item's dead letter stands for that item alone, and
// the dead letter of a delivery that died whole for all its items.
func TestRedriveItems(t *testing.T) {
	for _, test := range []struct {
		name          string
		f             faulty
		letters       int
		of            uint64 // dead letter
		before, after int    // events
	}{
		{"the whole", faulty{decode: &mapping.Dead{Reason: delivery.TooDeep}}, 1, 1, 0, 3},
		{"the first of two", faulty{breaks: fails(delivery.MappingFailed, 0, 2)}, 2, 1, 1, 2},
		{"the second of two", faulty{breaks: fails(delivery.MappingFailed, 0, 2)}, 2, 2, 1, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			mend := r.broken("gocardless", test.f)
			r.store(r.delivery("gocardless", "hmac", batchBody("EV1", "EV2", "EV3")))
			r.normalize(all)
			mend()
			r.wantStored(jetstream.DeadLetters, test.letters)
			r.wantStored(jetstream.Payments, test.before)
			sum := r.redrive(DeadSelection{Sequence: test.of}, true)
			if sum.Published != 1 || sum.Events != test.after-test.before {
				t.Errorf("got %+v", sum)
			}
			r.wantStored(jetstream.Payments, test.after)
		})
	}
}

// TestRedriveConflict says that an event that is stored with other content is not
// stored again under its id, however old it is.
func TestRedriveConflict(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))
	r.normalize(all)
	mend := r.broken("pik", faulty{breaks: fails(delivery.IDConflict)})
	r.receive(pikBody("evt_1", "txn_other"))
	r.normalize(all)
	mend()
	r.forget()
	sum := r.redrive(DeadSelection{}, true)
	if sum.Still != 1 || sum.Events != 0 || sum.Groups[0].Still[delivery.IDConflict] != 1 {
		t.Errorf("got %+v", sum)
	}
	r.wantStored(jetstream.Payments, 1+forgetting)
}
