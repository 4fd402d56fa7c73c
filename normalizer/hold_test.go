package normalizer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/event"
)

// resize changes the size of a stream.
func (r *rig) resize(stream string, bytes int64) {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), stream)
	if err != nil {
		r.t.Fatal(err)
	}
	c := s.CachedInfo().Config
	c.MaxBytes = bytes
	if _, err := r.js.UpdateStream(r.t.Context(), c); err != nil {
		r.t.Fatal(err)
	}
}

// value is the sum of a metric over its labels, of those whose label is as asked.
func (r *rig) value(n *Normalizer, name, label string) float64 {
	families, err := n.Registry.(*prometheus.Registry).Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			matches := label == ""
			for _, l := range m.GetLabel() {
				matches = matches || l.GetValue() == label
			}
			if matches {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

// exactlyOnce checks that each of the ids has one event.
func (r *rig) exactlyOnce(ids []string) {
	r.t.Helper()
	seen := map[string]int{}
	for _, e := range r.events() {
		seen[e.ID]++
	}
	for _, id := range ids {
		if seen[id] != 1 {
			r.t.Errorf("%s: %d events", id, seen[id])
		}
	}
	if len(seen) != len(ids) {
		r.t.Errorf("%d events, want %d", len(seen), len(ids))
	}
}

// While a stream is full everything in hand is held, far beyond the server's
// patience, and nothing is handed back; then it goes on as if nothing had been.
func TestFullStreamIsWaitedOut(t *testing.T) {
	t.Parallel() // most of it is waiting
	for _, test := range []struct{ stream, line string }{
		{"PAYMENTS", "%s p1 text text text text text text text text text text text text text"},
		{"DEADLETTERS", "dead mapping_failed %s"},
	} {
		t.Run(test.stream, func(t *testing.T) {
			t.Parallel()
			const wait = 1500 * time.Millisecond
			r := newRig(t, jetstreamtest.With(func(s *config.Streams) {
				s.Payments.MaxBytes, s.DeadLetters.MaxBytes = 20<<10, 20<<10
			}))
			r.ackWait(wait)
			n, _ := r.start(r.options(words{}))
			var ids []string
			put := func(count int) {
				for range count {
					ids = append(ids, fmt.Sprintf("e%d", len(ids)))
					r.put(fmt.Sprintf(test.line, ids[len(ids)-1]))
				}
			}
			put(80)
			r.eventually("the breaker opens", func() bool { return n.Ready() != nil })
			if err := n.Ready().Error(); !strings.Contains(err, "cannot store: "+test.stream) {
				t.Errorf("not ready: %s", err)
			}
			if r.value(n, "paybridge_breaker_open", "") != 1 {
				t.Error("the metric says that the breaker is closed")
			}
			began := time.Now()
			r.eventually("the last pull is over", func() bool { return time.Since(began) > 3*n.pullWait })
			left := r.consumer().NumPending
			put(70)
			r.eventually("three times the server's patience", func() bool { return time.Since(began) > 3*wait })
			if pending := r.consumer().NumPending; pending != left+70 {
				t.Errorf("%d wait in the stream, want %d: it has pulled on", pending, left+70)
			}
			r.resize(test.stream, 1<<20)
			r.settled()
			r.eventually("ready again", func() bool { return n.Ready() == nil })

			info := r.consumer()
			if info.Delivered.Consumer != info.Delivered.Stream || info.NumRedelivered > 0 {
				t.Errorf("%d deliveries of %d messages: something was handed back", info.Delivered.Consumer, info.Delivered.Stream)
			}
			if test.stream == "PAYMENTS" {
				r.exactlyOnce(ids)
			}
			if letters := r.letters(); test.stream == "DEADLETTERS" && len(letters) != len(ids) || test.stream == "PAYMENTS" && len(letters) > 0 {
				t.Errorf("%d dead letters", len(letters))
			}
		})
	}
}

// A server that goes away and comes back, in the middle of everything.
func TestServerBouncesMidFlow(t *testing.T) {
	for _, batches := range []bool{false, true} {
		t.Run(fmt.Sprintf("batches=%t", batches), func(t *testing.T) { testBounces(t, batches) })
	}
}

func testBounces(t *testing.T, batches bool) {
	r := newRig(t)
	r.ackWait(2 * time.Second)
	deliveries := many(4000)
	var ids []string
	want := map[string][]string{}
	for i := range deliveries {
		id, key := fmt.Sprintf("e%d", i), fmt.Sprintf("p%d", i%50)
		r.put(id + " " + key)
		ids = append(ids, id)
		want[key] = append(want[key], id)
	}
	o := r.options(words{})
	o.InHand = 300
	registry := prometheus.NewRegistry()
	o.Registry = registry
	n, _ := r.start(o, func(n *Normalizer) {
		if batches {
			inBatches(n)
		}
	})
	fifth := uint64(deliveries / 5)
	for stored := fifth; stored < 5*fifth; stored += fifth {
		r.eventually("some are stored", func() bool { return r.info("PAYMENTS").LastSeq >= stored })
		r.server.Restart(t)
		r.eventually("the server is back", func() bool {
			_, err := r.js.Stream(t.Context(), "PAYMENTS")
			return err == nil
		})
	}
	r.settled()
	r.exactlyOnce(ids)
	// What the server sent into a connection that was being lost comes again, after what
	// followed it: then the sequence decides.
	events := r.events()
	if counter(t, registry, "paybridge_redeliveries_total") > 0 {
		slices.SortStableFunc(events, func(a, b event.Event) int { return strings.Compare(a.Sequence, b.Sequence) })
	}
	got := map[string][]string{}
	for _, e := range events {
		got[e.Subject] = append(got[e.Subject], e.ID)
	}
	for key := range want {
		if fmt.Sprint(got[key]) != fmt.Sprint(want[key]) {
			t.Errorf("%s: %v, want %v", key, got[key], want[key])
		}
	}
	r.eventually("ready again", func() bool { return n.Ready() == nil })
}

// counter is the value of a metric without labels.
func counter(t *testing.T, registry *prometheus.Registry, name string) (value float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			for _, m := range family.GetMetric() {
				value += m.GetCounter().GetValue()
			}
		}
	}
	return value
}

// mute is a bus whose messages get lost, or acknowledged by somebody else, until
// it is told to speak.
type mute struct {
	bus
	broken chan struct{} // closed: it works
	answer func(m *nats.Msg) (*jetstream.PubAck, error)
}

func (b *mute) send(m *nats.Msg, acked func(*jetstream.PubAck, error)) {
	select {
	case <-b.broken:
		b.bus.send(m, acked)
	default:
		ack, err := b.answer(m)
		go acked(ack, err)
	}
}

func (b *mute) sendBatch(messages []*nats.Msg, acked func(*jetstream.PubAck, error)) {
	select {
	case <-b.broken:
		b.bus.sendBatch(messages, acked)
	default:
		ack, err := b.answer(messages[0])
		go acked(ack, err)
	}
}

func TestWhatIsNotAcknowledgedByItsStreamIsHeld(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(*nats.Msg) (*jetstream.PubAck, error)
		why    string
	}{
		{"no answer in time", func(*nats.Msg) (*jetstream.PubAck, error) { return nil, jetstream.ErrAsyncPublishTimeout }, "timeout"},
		{"nobody there", func(*nats.Msg) (*jetstream.PubAck, error) { return nil, jetstream.ErrNoStreamResponse }, "no response"},
		{"disconnected", func(*nats.Msg) (*jetstream.PubAck, error) { return nil, nats.ErrDisconnected }, "disconnected"},
		{"the id is being stored", func(*nats.Msg) (*jetstream.PubAck, error) {
			return nil, &jetstream.APIError{Code: 409, ErrorCode: 10158, Description: "duplicate message id is in process"}
		}, "in process"},
		{"another stream", func(*nats.Msg) (*jetstream.PubAck, error) {
			return &jetstream.PubAck{Stream: "OTHER", Sequence: 1}, nil
		}, "stream OTHER acknowledged what is for PAYMENTS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			n := r.newNormalizer(r.options(words{}))
			broken := &mute{broken: make(chan struct{}), answer: test.answer}
			r.runOn(n, func(b bus) bus { broken.bus = b; return broken })
			r.put("e1 p1")
			r.put("e2 p1")
			r.eventually("it is held", func() bool { return n.Ready() != nil && strings.Contains(n.Ready().Error(), test.why) })
			r.eventually("it is tried again and again", func() bool { return r.value(n, "paybridge_event_publishes_total", "retry") >= 3 })
			if pending := r.consumer().NumAckPending; pending != 2 {
				t.Errorf("%d in hand", pending)
			}
			close(broken.broken)
			r.settled()
			r.exactlyOnce([]string{"e1", "e2"})
			r.eventually("ready again", func() bool { return n.Ready() == nil })
		})
	}
}

func TestBreaker(t *testing.T) {
	var b breaker
	ctx, cancel := context.WithCancel(t.Context())
	if !b.wait(ctx) || b.err() != nil || b.reset() {
		t.Error("a new breaker is not closed")
	}
	first, second := errors.New("first"), errors.New("second")
	if !b.trip(first) || b.trip(second) {
		t.Error("only the first opens it")
	}
	if b.err() != second {
		t.Errorf("why: %v, want the latest", b.err())
	}
	waited := make(chan bool)
	go func() { waited <- b.wait(ctx) }()
	if !b.reset() || b.reset() {
		t.Error("only the first closes it")
	}
	if !<-waited {
		t.Error("closing it lets nobody go")
	}
	b.trip(first)
	go func() { waited <- b.wait(ctx) }()
	cancel()
	if <-waited {
		t.Error("a canceled wait says that it is closed")
	}
}
