package operate

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/delivery"
)

// elsewhere is another environment with the same sources and a seal key of its own.
func (r *rig) elsewhere(options ...jetstreamtest.Option) *rig {
	r.t.Helper()
	server := jetstreamtest.Start(r.t, options...)
	key, err := delivery.NewKey("elsewhere", "the-seal-key-of-another-place")
	if err != nil {
		r.t.Fatal(err)
	}
	other := *r
	other.js, other.streams, other.seals = server.JetStream(r.t), server.Streams, delivery.Keys{key}
	return &other
}

// reingest is a run from everything in r into another environment.
func (r *rig) reingest(into *rig) Reingest {
	return Reingest{From: Stored{JS: r.js}, Seals: r.seals, Target: into.verify(), Act: true, Now: time.Now}
}

func (r *rig) reingested(w Reingest, into *rig) Reingested {
	r.t.Helper()
	sum, err := w.Run(r.t.Context(), into.js)
	if err != nil {
		r.t.Fatal(err)
	}
	return sum
}

// received makes n deliveries of pik.
func (r *rig) received(n int) {
	for i := range n {
		r.receive(pikBody(fmt.Sprint("evt_", i), fmt.Sprint("txn_", i)))
	}
}

// TestReingestOnce is the promise: interrupted half-way and run again, and two at the same
// time, each delivery is in the target once, in order, and its normalizer takes it.
func TestReingestOnce(t *testing.T) {
	r := newRig(t)
	const n = 600 // more than are on their way at once
	r.received(n)
	// Its duplicate window is over at once, so that nothing but its stream remembers.
	target := r.elsewhere(jetstreamtest.With(func(s *config.Streams) { s.Webhooks.DuplicateWindow = 100 * time.Millisecond }))

	preview := r.reingest(target)
	preview.Act = false
	if sum := r.reingested(preview, target); sum.New != n || sum.Sealed != n || sum.Sources["pik"] != n {
		t.Errorf("the preview says %+v", sum)
	}
	target.wantStored(jetstream.Webhooks, 0)

	ctx, cancel := context.WithCancel(t.Context())
	half := r.reingest(target)
	half.Progress = func(done, total int) {
		if total != n {
			t.Errorf("%d in all, want %d", total, n)
		}
		if done == n/2 {
			cancel()
		}
	}
	sum, err := half.Run(ctx, target.js)
	if !errors.Is(err, context.Canceled) || sum.New != n/2 {
		t.Errorf("interrupted: %+v, %v", sum, err)
	}
	target.wantStored(jetstream.Webhooks, n/2)

	if sum := r.reingested(r.reingest(target), target); sum.New != n/2 || sum.Already != n/2 {
		t.Errorf("run again: %+v", sum)
	}
	next := 0
	err = Walk(t.Context(), target.js, jetstream.Webhooks, Range{}, func(m *natsjs.RawStreamMsg) error {
		if want := pikBody(fmt.Sprint("evt_", next), fmt.Sprint("txn_", next)); string(m.Data) != want {
			t.Errorf("message %d is %s, want %s", m.Sequence, m.Data, want)
		}
		next++
		return nil
	})
	if err != nil || next != n {
		t.Errorf("%d deliveries, %v", next, err)
	}
	if verified, failures := target.verified(target.verify()); len(failures) != 0 || verified.Signed != n {
		t.Errorf("in the target %+v, %v", verified, failures)
	}
}

// Two runs at the same time are told apart by nobody, and put each in once.
func TestReingestTwice(t *testing.T) {
	r := newRig(t)
	const n = 300
	r.received(n)
	target := r.elsewhere()
	var sums [2]Reingested
	var both sync.WaitGroup
	for i := range sums {
		both.Go(func() { sums[i] = r.reingested(r.reingest(target), target) })
	}
	both.Wait()
	if a, b := sums[0], sums[1]; a.New+b.New != n || a.New+a.Already != n || b.New+b.Already != n {
		t.Errorf("%+v, %+v", a, b)
	}
	target.wantStored(jetstream.Webhooks, n)
}

// What the target holds is found also where deliveries do not come in the order of their
// time, as in a file that somebody put together.
func TestReingestOutOfOrder(t *testing.T) {
	r := newRig(t)
	target := r.elsewhere()
	late := r.delivery("pik", "hmac", "{}")
	late.FirstReceivedAt = late.ReceivedAt.Add(30 * 24 * time.Hour)
	r.store(late)
	early := r.delivery("pik", "hmac", "{ }")
	early.FirstReceivedAt = time.Unix(0, 0).UTC()
	r.store(early)
	if _, err := target.js.PublishMsg(t.Context(), early.Message(target.seals)); err != nil {
		t.Fatal(err)
	}
	w := r.reingest(target)
	w.Act = false
	if sum := r.reingested(w, target); sum.New != 1 || sum.Already != 1 {
		t.Errorf("%+v", sum)
	}
}

// TestReingestTrust says what vouches for each kind of delivery, and what is left out.
func TestReingestTrust(t *testing.T) {
	for _, test := range []struct {
		name  string
		store func(r *rig)
		run   func(w *Reingest)
		want  func(s Reingested) int
		why   string
	}{
		{"a known seal", func(r *rig) { r.received(1) }, nil, func(s Reingested) int { return s.Sealed }, ""},
		{"a token under a known seal", func(r *rig) { r.store(r.delivery("picpay", "token", "{}")) }, nil, func(s Reingested) int { return s.Sealed }, ""},
		{"a signature alone", func(r *rig) { r.received(1) }, func(w *Reingest) { w.Seals = nil }, func(s Reingested) int { return s.Signed }, ""},
		{"a signature alone, into production", func(r *rig) { r.received(1) }, func(w *Reingest) { w.Seals, w.Production = nil, true }, nil, "the target is production"},
		{"a seal, into production", func(r *rig) { r.received(1) }, func(w *Reingest) { w.Production = true }, func(s Reingested) int { return s.Sealed }, ""},
		{"a token alone", func(r *rig) { r.store(r.delivery("picpay", "token", "{}")) }, func(w *Reingest) { w.Seals = nil }, nil, "a token is not stored"},
		{"a wrong signature", func(r *rig) { r.store(r.delivery("pik", "hmac", "{}")) }, func(w *Reingest) { w.Seals = nil }, nil, "no secret of the target"},
		{"nothing, and nobody minds", func(r *rig) { r.store(r.delivery("picpay", "token", "{}")) }, func(w *Reingest) { w.Seals, w.Unverified = nil, true }, func(s Reingested) int { return s.Unverified }, ""},
		{"a source that the target does not have", func(r *rig) { r.store(r.delivery("shop", "hmac", "{}")) }, nil, nil, "no such source"},
		{"another provider", func(r *rig) {
			d := r.delivery("pik", "hmac", "{}")
			d.Provider = "stripe"
			r.store(d)
		}, nil, nil, "another provider"},
		{"a copy", func(r *rig) {
			d := r.delivery("pik", "hmac", "{}")
			d.ReceivedAt = d.ReceivedAt.Add(-time.Hour)
			r.store(d)
		}, nil, nil, "copied"},
		{"the id of another", func(r *rig) {
			r.received(1)
			r.seals = nil
		}, func(w *Reingest) { w.From, w.Seals = renamed{w.From}, nil }, nil, "message id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			target := r.elsewhere()
			test.store(r)
			w := r.reingest(target)
			if test.run != nil {
				test.run(&w)
			}
			sum := r.reingested(w, target)
			switch {
			case test.why == "" && (test.want(sum) != 1 || sum.New != 1):
				t.Errorf("%+v", sum)
			case test.why != "" && (sum.New != 0 || !strings.Contains(strings.Join(sum.Reasons(), "\n"), test.why)):
				t.Errorf("%+v", sum)
			}
			target.wantStored(jetstream.Webhooks, sum.New)
		})
	}
	r := newRig(t)
	target := r.elsewhere()
	w := r.reingest(target)
	w.Unverified, w.Production = true, true
	if _, err := w.Run(t.Context(), target.js); err == nil {
		t.Error("what nobody vouches for goes into production")
	}
	stream, err := target.js.Stream(t.Context(), jetstream.Webhooks)
	if err != nil {
		t.Fatal(err)
	}
	marked := stream.CachedInfo().Config
	marked.Metadata = map[string]string{"environment": "Production"}
	if _, err := target.js.UpdateStream(t.Context(), marked); err != nil {
		t.Fatal(err)
	}
	for js, want := range map[natsjs.JetStream]bool{r.js: false, target.js: true} {
		if got, err := MarkedProduction(t.Context(), js); err != nil || got != want {
			t.Errorf("marked production: %v, %v, want %v", got, err, want)
		}
	}
	if err := Elsewhere(t.Context(), r.js, r.js); err == nil {
		t.Error("a bus is another one than itself")
	}
	if err := Elsewhere(t.Context(), r.js, target.js); err != nil {
		t.Error(err)
	}
	// A restored stream keeps when it was made, and is another one all the same.
	restored := r.bare()
	if _, err := restore(t.Context(), restored, Restore{Dir: r.backup()}); err != nil {
		t.Fatal(err)
	}
	if err := Elsewhere(t.Context(), r.js, restored); err != nil {
		t.Error(err)
	}
	if err := Elsewhere(t.Context(), restored, restored); err == nil {
		t.Error("a restored bus is another one than itself")
	}
}

// renamed gives each delivery the message id of another.
type renamed struct{ Deliveries }

func (r renamed) Each(ctx context.Context, visit func(int, *natsjs.RawStreamMsg) error) error {
	return r.Deliveries.Each(ctx, func(done int, m *natsjs.RawStreamMsg) error {
		m.Header.Set(delivery.MessageIDHeader, "aaaaaaaaaaaaaaaaaaaaaa")
		return visit(done, m)
	})
}

// Out of a file as out of a stream: what is in the target is, byte for byte, what was
// exported, and a redacted delivery comes in only where that is said.
func TestReingestAFile(t *testing.T) {
	r := newRig(t)
	r.received(3)
	r.store(r.delivery("picpay", "token", "\xff{"))
	target := r.elsewhere()
	_, file := r.exported(Export{})
	w := r.reingest(target)
	w.From, w.Seals = file, r.seals
	if sum := r.reingested(w, target); sum.New != 4 || sum.Sealed != 4 {
		t.Errorf("%+v", sum)
	}
	err := Walk(t.Context(), target.js, jetstream.Webhooks, Range{}, func(m *natsjs.RawStreamMsg) error {
		stream, err := r.js.Stream(t.Context(), jetstream.Webhooks)
		if err != nil {
			return err
		}
		was, err := stream.GetMsg(t.Context(), m.Sequence)
		if err != nil {
			return err
		}
		if string(was.Data) != string(m.Data) || was.Header.Get(delivery.MessageIDHeader) != m.Header.Get(delivery.MessageIDHeader) ||
			was.Header.Get(delivery.ReceivedAtHeader) != m.Header.Get(delivery.FirstReceivedAtHeader) {
			t.Errorf("delivery %d: %v is %v", m.Sequence, was.Header, m.Header)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	redact, err := NewRedactions(r.programs, r.library)
	if err != nil {
		t.Fatal(err)
	}
	_, redacted := r.exported(Export{Redact: redact, File: filepath.Join(t.TempDir(), "redacted.jsonl")})
	fresh := r.elsewhere()
	w = r.reingest(fresh)
	w.From = redacted
	if sum := r.reingested(w, fresh); sum.New != 0 {
		t.Errorf("redacted, and trusted: %+v", sum)
	}
	w.Unverified = true
	if sum := r.reingested(w, fresh); sum.Unverified != 3 || sum.LeftOut["it has no body"] != 1 {
		t.Errorf("redacted: %+v", sum)
	}
}
