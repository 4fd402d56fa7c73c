package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"paybridge/deploy/jetstream"
	"paybridge/normalizer"
	"paybridge/normalizer/document"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// edited is a pack that was changed.
type edited struct {
	normalizer.Mapper
	edit func(*mapping.Item)
}

func (m edited) Map(d *delivery.Delivery, doc *document.Document, sequence uint64) []mapping.Item {
	items := m.Mapper.Map(d, doc, sequence)
	for i := range items {
		m.edit(&items[i])
	}
	return items
}

// edit changes the pack of a source.
func (r *rig) edit(source string, edit func(*mapping.Item)) {
	pack := normalizer.Pack{Source: source, Provider: source}
	r.programs[pack] = edited{r.programs[pack], edit}
}

// editOf edits the events with these ids.
func editOf(edit func(*event.Event), ids ...string) func(*mapping.Item) {
	return func(item *mapping.Item) {
		if item.Event != nil && slices.Contains(ids, item.Event.ID) {
			edit(item.Event)
		}
	}
}

func halve(e *event.Event) {
	amount, _, _ := event.NewMoney("37.50", "USDT")
	e.Payment.Amount = &amount
}

func fail(e *event.Event) { e.Payment.State = event.Failed }

// renormalize compares, or publishes as a run.
func (r *rig) renormalize(change func(*Renormalize)) (Renormalized, []Changed) {
	r.t.Helper()
	var changed []Changed
	n := Renormalize{Programs: r.programs, Seals: r.seals, Mode: event.Structured, Report: func(c Changed) { changed = append(changed, c) }}
	if change != nil {
		change(&n)
	}
	sum, err := n.Compare(r.t.Context(), r.js)
	if err != nil {
		r.t.Fatal(err)
	}
	return sum, changed
}

// run names the run that publishes.
func run(name string) func(*Renormalize) { return func(n *Renormalize) { n.Run = name } }

// receivePayments stores and normalizes PIK's evt_0 to evt_(n-1), and one delivery that
// has no event of its own.
func (r *rig) receivePayments(n int) {
	r.t.Helper()
	for i := range n {
		r.receive(pikBody(fmt.Sprintf("evt_%d", i), fmt.Sprintf("txn_%d", i)))
		r.normalize(all)
	}
	r.receive(pikBody("evt_0", "txn_0") + " ")
	r.normalize(all)
}

// TestRenormalizeCompares says that exactly the events that change are named, with
// the fields, and that nothing is stored.
func TestRenormalizeCompares(t *testing.T) {
	r := newRig(t)
	r.receivePayments(20)
	r.store(r.delivery("gocardless", "hmac", batchBody("EV1", "EV2", "EV3")))
	r.normalize(all)
	if sum, changed := r.renormalize(nil); sum.Events != 23 || sum.Changed != 0 || len(changed) != 0 || sum.Gone != 0 {
		t.Fatalf("nothing was changed: %+v %+v", sum, changed)
	}
	r.edit("pik", editOf(halve, "evt_3", "evt_7"))
	r.edit("pik", editOf(fail, "evt_7"))
	r.edit("gocardless", editOf(fail, "EV2"))
	sum, changed := r.renormalize(nil)
	if sum.Text() != "3 of 23 events change: 2 amounts, 2 states" || len(changed) != 3 {
		t.Errorf("got %q, %+v", sum.Text(), changed)
	}
	c := changed[0]
	if c.Source != "pik" || c.ID != "evt_3" || c.Sequence != event.Sequence(4, 0) || !slices.Contains(c.Fields, FieldChange{"amount.value", "75.00", "37.50"}) {
		t.Errorf("the first is %+v", c)
	}
	if c := changed[2]; c.ID != "EV2" || !slices.Contains(c.Fields, FieldChange{"state", "confirmed", "failed"}) {
		t.Errorf("the last is %+v", c)
	}
	for name, test := range map[string]struct {
		change          func(*Renormalize)
		events, changed int
	}{
		"a source":            {func(n *Renormalize) { n.Source = "gocardless" }, 3, 1},
		"an id":               {func(n *Renormalize) { n.ID = "evt_7" }, 1, 1},
		"sequences":           {func(n *Renormalize) { n.Range = Range{From: 4, To: 6} }, 3, 1},
		"what is to come":     {func(n *Renormalize) { n.Range.Since = time.Now().Add(time.Hour) }, 0, 0},
		"what was":            {func(n *Renormalize) { n.Range.Until = time.Now().Add(-time.Hour) }, 0, 0},
		"all that was so far": {func(n *Renormalize) { n.Range.Until = time.Now().Add(time.Hour) }, 23, 3},
	} {
		if sum, _ := r.renormalize(test.change); sum.Events != test.events || sum.Changed != test.changed {
			t.Errorf("%s: got %+v", name, sum)
		}
	}
	r.wantStored(jetstream.Payments, 23)
}

// TestRenormalizeCorrects says what a correction is, and that the next comparison
// finds nothing more to correct.
func TestRenormalizeCorrects(t *testing.T) {
	r := newRig(t)
	r.receivePayments(5)
	r.edit("pik", editOf(halve, "evt_2", "evt_4"))
	if sum, _ := r.renormalize(run("amounts")); sum.Published != 2 || sum.Before != 0 {
		t.Errorf("got %+v", sum)
	}
	steps, err := Timeline(t.Context(), r.js, "txn_2", Range{})
	if err != nil || len(steps) != 2 {
		t.Fatalf("got %+v, %v", steps, err)
	}
	e := steps[1].Event
	if e.ID != "evt_2" || e.ReplayID != "amounts" || e.Replaces != steps[0].Event.Sequence || e.Sequence != e.Replaces || e.Payment.Amount.Value != "37.50" {
		t.Errorf("the correction is %+v", e)
	}
	r.forget()
	if sum, _ := r.renormalize(run("amounts")); sum.Changed != 0 || sum.Published != 0 || sum.Events != 5 {
		t.Errorf("again: %+v", sum)
	}
	// A later run corrects the correction, and the first run is over.
	r.edit("pik", editOf(fail, "evt_2"))
	if sum, _ := r.renormalize(run("amounts")); sum.Changed != 1 || sum.Withheld != 1 || sum.Published != 0 {
		t.Errorf("the same run: %+v", sum)
	}
	if sum, changed := r.renormalize(run("states")); sum.Text() != "1 of 5 events change: 1 state" || sum.Published != 1 {
		t.Errorf("a later run: %+v %+v", sum, changed)
	}
	r.wantStored(jetstream.Payments, 5+forgetting+3)
}

// The run that is interrupted has published so many, of so many.
const (
	firstCorrections       = 40
	interruptedCorrections = redriveWindow + 100
)

// TestRenormalizeResumes says that a run that ends half-way is continued by running it
// again, also when the duplicate window has forgotten its first half: each
// correction is stored once.
func TestRenormalizeResumes(t *testing.T) {
	r := newRig(t)
	for i := range interruptedCorrections {
		r.receive(pikBody(fmt.Sprintf("evt_%d", i), fmt.Sprintf("txn_%d", i)))
		r.normalize(all)
	}
	r.edit("pik", func(item *mapping.Item) { halve(item.Event) })
	n := Renormalize{Programs: r.programs, Seals: r.seals, Mode: event.Structured, Run: "half"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n.Report = func(c Changed) {
		if c.ID == fmt.Sprintf("evt_%d", firstCorrections) {
			cancel()
		}
	}
	if _, err := n.Compare(ctx, r.js); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	if err := r.js.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	r.forget()
	if sum, _ := r.renormalize(run("half")); sum.Published != interruptedCorrections-firstCorrections {
		t.Errorf("resumed: %+v", sum)
	}
	r.wantStored(jetstream.Payments, 2*interruptedCorrections+forgetting)
}

// TestRenormalizeCorrectsCorrections says that a second change of the pack is compared
// with the corrections of the first one, whose deliveries lie far behind.
func TestRenormalizeCorrectsCorrections(t *testing.T) {
	r := newRig(t)
	const payments = 3 * few
	r.receivePayments(payments)
	for _, change := range []struct {
		run  string
		edit func(*event.Event)
		want string
	}{
		{"amounts", halve, "24 of 24 events change: 24 amounts"},
		{"states", fail, "24 of 24 events change: 24 states"},
	} {
		r.edit("pik", func(item *mapping.Item) { change.edit(item.Event) })
		if sum, _ := r.renormalize(run(change.run)); sum.Text() != change.want || sum.Published != payments || sum.Gone != 0 {
			t.Errorf("%s: got %q, %+v", change.run, sum.Text(), sum)
		}
	}
	r.wantStored(jetstream.Payments, 3*payments)
}

// TestNear says which deliveries are read at once, and which by themselves.
func TestNear(t *testing.T) {
	dense := make([]uint64, 20)
	for i := range dense {
		dense[i] = uint64(100 + i*nearby)
	}
	for _, test := range []struct {
		sequences []uint64
		want      int
	}{
		{dense, 20},
		{dense[:few], few},
		{dense[:few-1], 1},
		{[]uint64{7}, 1},
		{append(append([]uint64{}, dense[:few]...), 100_000), few},
		{append([]uint64{1}, dense...), 1},
	} {
		if got := near(test.sequences); got != test.want {
			t.Errorf("%v: %d are read at once, want %d", test.sequences, got, test.want)
		}
	}
}

// TestRenormalizePaces says that corrections are published no faster than is asked for,
// and that people hear of it meanwhile.
func TestRenormalizePaces(t *testing.T) {
	r := newRig(t)
	r.receivePayments(10)
	r.edit("pik", func(item *mapping.Item) { halve(item.Event) })
	stages := map[string][]int{}
	began := time.Now()
	sum, _ := r.renormalize(func(n *Renormalize) {
		n.Run, n.Rate = "slowly", 50
		n.Progress = func(stage string, done, total int) {
			if stages[stage] = append(stages[stage], done); total != 10 {
				t.Errorf("%s: %d of %d", stage, done, total)
			}
		}
	})
	if took := time.Since(began); sum.Published != 10 || took < 10*time.Second/50 {
		t.Errorf("%d were published in %v", sum.Published, took)
	}
	if got := stages[stageEvents]; !slices.Equal(got, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10}) || !slices.Equal(stages[stageCorrections], []int{10}) {
		t.Errorf("the progress was %v", stages)
	}
}

// TestRenormalizeWithholds says what cannot be corrected, and why.
func TestRenormalizeWithholds(t *testing.T) {
	r := newRig(t)
	r.receivePayments(3)
	r.edit("pik", editOf(func(e *event.Event) { e.ID = "evt_new" }, "evt_1"))
	r.edit("pik", func(item *mapping.Item) {
		if item.Event != nil && item.Event.ID == "evt_2" {
			*item = mapping.Item{Dead: &mapping.Dead{Reason: delivery.MappingFailed}}
		}
	})
	sum, changed := r.renormalize(run("ids"))
	if sum.Changed != 2 || sum.Dead != 1 || sum.Withheld != 2 || sum.Published != 0 {
		t.Errorf("got %+v", sum)
	}
	for _, c := range changed {
		if c.Withheld == "" {
			t.Errorf("%+v was not withheld", c)
		}
	}
	if fields := slices.Sorted(maps.Keys(sum.Fields)); !slices.Equal(fields, []string{"event", "id"}) {
		t.Errorf("the fields are %v", fields)
	}
	r.wantStored(jetstream.Payments, 3)
}

// TestRenormalizeHidesPeople says that no value of a payer or of the provider's own
// item is shown.
func TestRenormalizeHidesPeople(t *testing.T) {
	name, other := "Ana", "Bia"
	before := event.Event{Native: []byte(`{"name":"Ana"}`), Payment: event.Payment{Payer: &event.Party{Name: &name}}}
	after := event.Event{Native: []byte(`{"name":"Bia"}`), Payment: event.Payment{Payer: &event.Party{Name: &other}}}
	changes := fieldChanges(&before, &after)
	want := []FieldChange{{"payer.name", hidden, hidden}, {"native", hidden, hidden}}
	if !slices.Equal(changes, want) {
		t.Errorf("got %+v", changes)
	}
	after = event.Event{Native: []byte(`{ "name" : "Ana" }`), Payment: before.Payment}
	if changes := fieldChanges(&before, &after); len(changes) != 0 {
		t.Errorf("white space is a change: %+v", changes)
	}
}
