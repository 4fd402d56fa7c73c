package normalizer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

var errInjected = errors.New("injected")

// faults makes the nth operation of a kind fail, once, and watches that no delivery
// is settled before what it owes has its PubAcks.
type faults struct {
	operation string
	nth       int
	after     bool // the operation is done, and only its answer is lost

	mu    sync.Mutex
	count int // operations of the kind so far

	owed  map[uint64]int // by raw sequence: the least that must have a PubAck
	early []string       // what was settled too early
}

// fails counts an operation and says whether this one fails.
func (f *faults) fails(operation string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if operation != f.operation {
		return false
	}
	f.count++
	return f.count == f.nth
}

func (f *faults) String() string {
	return fmt.Sprintf("%s %d fails, after=%t", f.operation, f.nth, f.after)
}

// faultyBus fails to publish and to read.
type faultyBus struct {
	bus
	*faults
}

func (b faultyBus) send(m *nats.Msg, acked func(*jetstream.PubAck, error)) {
	if !b.fails("send") {
		b.bus.send(m, func(ack *jetstream.PubAck, err error) {
			if err == nil {
				b.paid(m)
			}
			acked(ack, err)
		})
		return
	}
	if !b.after {
		acked(nil, errInjected)
		return
	}
	b.bus.send(m, func(*jetstream.PubAck, error) { acked(nil, errInjected) })
}

func (b faultyBus) sendBatch(messages []*nats.Msg, acked func(*jetstream.PubAck, error)) {
	switch {
	case b.fails("reject"):
		acked(nil, &rejectedError{errInjected})
	case !b.fails("batch"):
		b.bus.sendBatch(messages, func(first *jetstream.PubAck, err error) {
			for _, m := range messages {
				if err == nil {
					b.paid(m)
				}
			}
			acked(first, err)
		})
	case b.after:
		b.bus.sendBatch(messages, func(*jetstream.PubAck, error) { acked(nil, errInjected) })
	default:
		acked(nil, errInjected)
	}
}

func (b faultyBus) stored(ctx context.Context, stream string, sequence uint64) (*jetstream.RawStreamMsg, error) {
	if b.fails("stored") {
		return nil, errInjected
	}
	return b.bus.stored(ctx, stream, sequence)
}

// paid takes note of a PubAck for something that came of a delivery.
func (f *faults) paid(m *nats.Msg) {
	text := m.Header.Get(delivery.StreamSequenceHeader)
	if text == "" {
		e, err := event.Decode(m.Header, m.Data)
		if err != nil {
			panic(err)
		}
		text, _, _ = strings.Cut(e.Sequence, ".")
	}
	sequence, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owed[sequence]--
}

// faultySource fails to deliver and to settle.
type faultySource struct {
	source
	*faults
}

func (s faultySource) pull(messages, bytes int, wait time.Duration, take func(*nats.Msg)) error {
	return s.source.pull(messages, bytes, wait, func(m *nats.Msg) {
		if !s.fails("deliver") { // else it is lost on its way
			take(m)
		}
	})
}

func (s faultySource) ack(m *nats.Msg) error {
	return s.end("ack", m, func() error { return s.source.ack(m) })
}

func (s faultySource) terminate(m *nats.Msg, reason string) error {
	return s.end("term", m, func() error { return s.source.terminate(m, reason) })
}

// end settles a delivery, which must owe nothing.
func (s faultySource) end(operation string, m *nats.Msg, do func() error) error {
	meta, err := m.Metadata()
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	if owed := s.owed[meta.Sequence.Stream]; owed > 0 {
		s.early = append(s.early, fmt.Sprintf("%s of %d with %d publications owed", operation, meta.Sequence.Stream, owed))
	}
	s.mu.Unlock()
	fails := s.fails(operation)
	if fails && !s.after {
		return errInjected
	}
	if err := do(); err != nil || !fails {
		return err
	}
	return errInjected
}

// Whatever operation fails, once, wherever: every delivery ends as its events or its
// dead letters, each once, and is settled.
func TestEveryOperationFailsOnce(t *testing.T) {
	r := newRig(t)
	r.ackWait(250 * time.Millisecond)
	for _, operation := range []string{"send", "batch", "reject", "stored", "ack", "term", "deliver"} {
		for _, after := range []bool{false, true} {
			if operation == "reject" && after {
				continue // what is rejected is not stored
			}
			nth := 1
			for ; ; nth++ {
				f := &faults{operation: operation, nth: nth, after: after, owed: map[uint64]int{}}
				r.withFaults(f, fmt.Sprintf("%s-%d-%t", operation, nth, after))
				if f.count < nth {
					break // there were not so many
				}
			}
			if nth == 1 {
				t.Errorf("%s never failed", operation)
			}
		}
	}
}

func (r *rig) withFaults(f *faults, run string) {
	t := r.t
	t.Helper()
	id := func(name string) string { return run + "-" + name }
	events, letters := r.info("PAYMENTS").LastSeq, r.info("DEADLETTERS").LastSeq
	for i, body := range []string{
		id("a") + " p1\n" + id("b") + " p2",
		id("a") + " p1",               // a duplicate
		id("c") + " p1\ndead ignored", // an event and a dead letter
		"{" + run,                     // a dead letter
		id("b") + " p2 other",         // a conflict
	} {
		f.owed[r.put(body).Sequence] = []int{2, 1, 2, 1, 1}[i]
	}
	n := r.newNormalizer(r.options(words{}))
	if f.operation == "batch" || f.operation == "reject" {
		inBatches(n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out, err := newPublisher(n.Conn, n.AckTimeout, n.window)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	done := make(chan error, 1)
	open := func(stream, consumer string) (source, error) {
		s, err := n.pullFrom(stream, consumer)
		return faultySource{s, f}, err
	}
	go func() { done <- n.work(ctx, out.js, open, faultyBus{out, f}) }()
	r.settled()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("%s: work: %v", f, err)
	}

	for _, early := range f.early {
		t.Errorf("%s: %s", f, early)
	}
	got := map[string]int{}
	for _, m := range r.from("PAYMENTS", events+1) {
		got[m.Header.Get(nats.MsgIdHdr)]++
	}
	for _, m := range r.from("DEADLETTERS", letters+1) {
		got[m.Header.Get("Deadletter-Reason")]++
	}
	want := map[string]int{
		"shop/" + id("a"): 1, "shop/" + id("b"): 1, "shop/" + id("c"): 1,
		"ignored": 1, "malformed_json": 1, "id_conflict": 1,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", f, got, want)
	}
}
