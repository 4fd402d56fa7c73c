package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/event"
)

// The events of these tests, and the batches in which they are compared.
const (
	resumedEvents = 60
	resumedBatch  = 10
)

// resuming is a rig with events of which two thirds change, and a run with a cursor file.
type resuming struct {
	*rig
	file string
}

func newResuming(t *testing.T) *resuming {
	r := newRig(t)
	for i := range resumedEvents {
		r.receive(pikBody(fmt.Sprintf("evt_%d", i), fmt.Sprintf("txn_%d", i)))
		r.normalize(all)
	}
	r.edit("pik", func(item *mapping.Item) {
		n := 0
		if _, err := fmt.Sscanf(item.Event.ID, "evt_%d", &n); err == nil && n%3 != 0 {
			halve(item.Event)
		}
	})
	return &resuming{r, filepath.Join(t.TempDir(), "run.cursor")}
}

func (r *resuming) of(run string) Renormalize {
	n := Renormalize{Programs: r.programs, Seals: r.seals, Mode: event.Structured, Run: run, batchOf: resumedBatch}
	n.Cursor = CursorFile{r.file, []Same{{"--since", "7d"}}}
	return n
}

// killed runs until an event changes, and leaves of it what kill -9 would leave at that
// moment: what it published, and the cursor file as it was.
func (r *resuming) killed(n Renormalize, at string) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	var left []byte
	report := n.Report
	n.Report = func(c Changed) {
		if report != nil {
			report(c)
		}
		if c.ID != at {
			return
		}
		cancel()
		var err error
		if left, err = os.ReadFile(r.file); err != nil {
			r.t.Error(err)
		}
	}
	if _, err := n.Compare(ctx, r.js); !errors.Is(err, context.Canceled) {
		r.t.Errorf("killed at %s: %v", at, err)
	}
	if err := r.js.Conn().Flush(); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.file, left, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// TestRenormalizeKilled kills one run again and again, at the first event that changes, at
// the ends of batches and in between: each correction is stored once, also where the
// duplicate window knows nothing of the first, and the counts are those of a run that was
// never interrupted.
func TestRenormalizeKilled(t *testing.T) {
	r := newResuming(t)
	for _, at := range []string{"evt_1", "evt_2", "evt_8", "evt_10", "evt_19", "evt_20", "evt_20", "evt_44", "evt_59"} {
		r.killed(r.of("half"), at)
		if at == "evt_19" {
			r.forget()
		}
	}
	sum, err := r.of("half").Compare(t.Context(), r.js)
	const changed = resumedEvents * 2 / 3
	if err != nil || sum.Events != resumedEvents || sum.Changed != changed || sum.Published != changed || sum.Before != 0 || sum.Withheld != 0 || sum.Fields["amount"] != changed || sum.Earlier != 50 {
		t.Errorf("got %+v, %v", sum, err)
	}
	if _, err := os.Stat(r.file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is through, and the cursor is there: %v", err)
	}
	r.wantStored(jetstream.Payments, resumedEvents+changed+forgetting)
	if sum, err := r.of("half").Compare(t.Context(), r.js); err != nil || sum.Changed != 0 || sum.Events != resumedEvents {
		t.Errorf("when all is done: %+v, %v", sum, err)
	}
}

// TestRenormalizeGoesOn says of a comparison that it goes on where it was interrupted, with
// its counts, and that nothing before that is read again.
func TestRenormalizeGoesOn(t *testing.T) {
	r := newResuming(t)
	n := r.of("")
	ctx, cancel := context.WithCancel(t.Context())
	n.Report = func(c Changed) {
		if c.ID == "evt_35" {
			cancel()
		}
	}
	sum, err := n.Compare(ctx, r.js)
	if !errors.Is(err, context.Canceled) || sum.Events < 40 || sum.Events == resumedEvents {
		t.Fatalf("interrupted: %+v, %v", sum, err)
	}
	n = r.of("")
	var again []string
	n.Report = func(c Changed) { again = append(again, c.ID) }
	read := map[string]int{}
	n.Progress = func(stage string, done, total int) {
		if total != resumedEvents && stage == stageEvents {
			t.Errorf("%s: %d of %d", stage, done, total)
		}
		if read[stage] == 0 {
			read[stage] = done
		}
	}
	sum, err = n.Compare(t.Context(), r.js)
	if err != nil || sum.Events != resumedEvents || sum.Changed != 40 || sum.Earlier == 0 {
		t.Errorf("got %+v, %v", sum, err)
	}
	if len(again) == 0 || again[0] == "evt_1" || len(again) != 40-sum.Earlier*2/3 {
		t.Errorf("%d were compared before, and told again is %v", sum.Earlier, again)
	}
	if read[stageEvents] <= sum.Earlier || read[stageCorrections] != resumedBatch {
		t.Errorf("read again: %v", read)
	}
	whole, err := Renormalize{Programs: r.programs, Seals: r.seals}.Compare(t.Context(), r.js)
	if whole.Earlier = sum.Earlier; err != nil || !reflect.DeepEqual(whole, sum) {
		t.Errorf("interrupted it counts %+v, and else %+v, %v", sum, whole, err)
	}
	// Killed it goes on too, although it publishes nothing: it saves now and then.
	n = r.of("")
	n.batchOf = resumedEvents / (saveEvery + 2)
	var at renormalizeState
	n.Report = func(c Changed) {
		if c.ID != "evt_59" {
			return
		}
		var had cursorText
		text, err := os.ReadFile(r.file)
		if err := errors.Join(err, json.Unmarshal(text, &had), json.Unmarshal(had.State, &at)); err != nil {
			t.Error(err)
		}
	}
	if _, err := n.Compare(t.Context(), r.js); err != nil || at.Sum.Events == 0 || at.Next != uint64(at.Sum.Events)+1 {
		t.Errorf("in the end, saved is %+v, %v", at, err)
	}
}

// TestRenormalizeCursorIsOfOneThing says that a run goes on as what it was begun as, or not
// at all.
func TestRenormalizeCursorIsOfOneThing(t *testing.T) {
	r := newResuming(t)
	r.killed(r.of("half"), "evt_20")
	other := newRig(t)
	for want, test := range map[string]struct {
		change func(*Renormalize)
		on     natsjs.JetStream
	}{
		"--since was 7d, and is 8d":        {func(n *Renormalize) { n.Cursor.Of = []Same{{"--since", "8d"}} }, r.js},
		"--run was half, and is not given": {func(n *Renormalize) { n.Run = "" }, r.js},
		"the stream WEBHOOKS was made ":    {func(*Renormalize) {}, other.js},
	} {
		n := r.of("half")
		test.change(&n)
		_, err := n.Compare(t.Context(), test.on)
		checkAdvice(t, err, want, "remove it to begin anew")
	}
	// Another run in between would be undone.
	if sum, err := (Renormalize{Programs: r.programs, Seals: r.seals, Mode: event.Structured, Run: "other"}).Compare(t.Context(), r.js); err != nil || sum.Published == 0 {
		t.Fatalf("another run: %+v, %v", sum, err)
	}
	_, err := r.of("half").Compare(t.Context(), r.js)
	checkAdvice(t, err, "run other has corrected events since this one began", "to begin anew")
	if err := os.Remove(r.file); err != nil {
		t.Fatal(err)
	}
	if sum, err := r.of("half").Compare(t.Context(), r.js); err != nil || sum.Changed != 0 || sum.Events != resumedEvents {
		t.Errorf("anew: %+v, %v", sum, err)
	}
}

// TestRenormalizeCursorOfOtherEvents says that a cursor is of PAYMENTS too, which may be made
// anew alone.
func TestRenormalizeCursorOfOtherEvents(t *testing.T) {
	r := newResuming(t)
	r.killed(r.of("half"), "evt_20")
	if err := r.js.DeleteStream(t.Context(), jetstream.Payments); err != nil {
		t.Fatal(err)
	}
	if _, err := jetstream.Apply(t.Context(), r.js, r.streams); err != nil {
		t.Fatal(err)
	}
	_, err := r.of("half").Compare(t.Context(), r.js)
	checkAdvice(t, err, "the stream PAYMENTS was made ", "remove it to begin anew")
}

// TestRenormalizeOfAnIDThatCameTwice has an id that the duplicate window did not know any more
// when it came again. A run corrects one of its events and withholds the other: also where
// an earlier try has corrected the first, and where it was killed or interrupted in between.
func TestRenormalizeOfAnIDThatCameTwice(t *testing.T) {
	for name, earlier := range map[string]bool{"an earlier try": true, "killed": false} {
		r := &resuming{newRig(t), filepath.Join(t.TempDir(), "run.cursor")}
		before := maps.Clone(r.programs)
		pay := func(id, behind string) {
			r.receive(pikBody(id, "txn") + behind)
			r.normalize(all)
		}
		edit := func() { r.edit("pik", editOf(halve, "evt_1", "evt_8", "evt_9")) }
		pay("evt_1", "")
		if earlier {
			edit()
			if sum, _ := r.renormalize(run("half")); sum.Published != 1 {
				t.Fatalf("%s: %+v", name, sum)
			}
			r.programs = before
		}
		r.forget()
		var n Renormalize
		var changed int
		if earlier {
			pay("evt_2", "")
			pay("evt_3", "")
			pay("evt_8", "")
			pay("evt_1", " ")
			pay("evt_9", "")
			edit()
			n, changed = r.of("half"), 3
			n.batchOf = 3 // two in which nothing changes
			ctx, cancel := context.WithCancel(t.Context())
			n.Report = func(Changed) { cancel() }
			if _, err := n.Compare(ctx, r.js); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
			n.Report = nil
		} else {
			pay("evt_1", " ")
			pay("evt_8", "")
			pay("evt_9", "")
			edit()
			n, changed = r.of("half"), 4
			r.killed(n, "evt_9")
		}
		sum, err := n.Compare(t.Context(), r.js)
		if err != nil || sum.Changed != changed || sum.Published != changed-1 || sum.Withheld != 1 || sum.Fields["amount"] != changed {
			t.Errorf("%s: %+v, %v", name, sum, err)
		}
	}
}
