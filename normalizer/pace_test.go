package normalizer

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"paybridge/schemas/event"
)

// model is a bus that stores one thing after the other and takes its time: for each
// message by itself, and for each batch.
type model struct {
	single, fixed, more time.Duration // more is of each message of a batch

	queue   chan func()
	mu      sync.Mutex
	stored  int
	batches int
	sent    []time.Time // when each message was sent
}

func newModel(single, fixed, more time.Duration) *model {
	return &model{single: single, fixed: fixed, more: more}
}

func (b *model) run(ctx context.Context) {
	for {
		select {
		case do := <-b.queue:
			do()
		case <-ctx.Done():
			return
		}
	}
}

func (b *model) note(count, batches int) (first uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first = uint64(b.stored + 1)
	b.stored += count
	b.batches += batches
	return first
}

func (b *model) left(count int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range count {
		b.sent = append(b.sent, time.Now())
	}
}

func (b *model) send(_ *nats.Msg, acked func(*jetstream.PubAck, error)) {
	b.left(1)
	b.queue <- func() {
		time.Sleep(b.single)
		acked(&jetstream.PubAck{Stream: paymentsStream, Sequence: b.note(1, 0)}, nil)
	}
}

func (b *model) sendBatch(messages []*nats.Msg, acked func(*jetstream.PubAck, error)) {
	count := len(messages)
	b.left(count)
	b.queue <- func() {
		time.Sleep(b.fixed + time.Duration(count)*b.more)
		acked(&jetstream.PubAck{Stream: paymentsStream, Sequence: b.note(count, 1)}, nil)
	}
}

func (b *model) stored1() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stored
}

func (b *model) storedAt(context.Context, string, uint64) (*jetstream.RawStreamMsg, error) {
	return nil, jetstream.ErrMsgNotFound
}

// staged runs a stage over the model until use returns.
func (b *model) staged(t *testing.T, start pace, use func(publish func(i int))) {
	t.Helper()
	n := &Normalizer{
		Options: Options{InHand: 512, Now: time.Now}, log: zap.NewNop(), metrics: newMetrics(),
		window: 256, retryAfter: time.Millisecond, pace: start,
	}
	b.queue = make(chan func(), 1<<16) // of this bubble
	s := newStage(modelBus{b}, n)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { b.run(ctx) })
	running.Go(func() { s.run(ctx) })
	running.Go(func() {
		for {
			select {
			case <-s.stored:
			case <-ctx.Done():
				return
			}
		}
	})
	use(func(i int) {
		r := &raw{number: uint64(i), settled: make(chan error, 1)}
		o := newOutcome(r)
		o.addEvent(0, &event.Event{PartitionKey: fmt.Sprint(i)}, &nats.Msg{Header: nats.Header{}, Data: make([]byte, 3000)})
		if err := s.publish(o); err != nil {
			t.Error(err)
		}
	})
	cancel()
	running.Wait()
}

// modelBus is the model as the stage sees it.
type modelBus struct{ *model }

func (b modelBus) stored(ctx context.Context, stream string, sequence uint64) (*jetstream.RawStreamMsg, error) {
	return b.storedAt(ctx, stream, sequence)
}

// took is how long the model takes for a backlog, of which each is there so long
// after the one before.
func (b *model) took(t *testing.T, count int, every time.Duration) (took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		b.staged(t, pace{least: firstLeast}, func(publish func(int)) {
			began := time.Now()
			for i := range count {
				if b.stored1() < i-400 { // as much as a hand holds
					for b.stored1() < i-400 {
						time.Sleep(100 * time.Microsecond)
					}
				}
				time.Sleep(every)
				publish(i)
			}
			for b.stored1() < count {
				time.Sleep(100 * time.Microsecond)
			}
			took = time.Since(began)
		})
	})
	return took
}

// Batches are found to pay where the server waits for its disk, and found out where
// they do not.
func TestPaceFindsWhatIsFaster(t *testing.T) {
	const µs = time.Microsecond
	const count = 20_000
	for _, test := range []struct {
		name                string
		single, fixed, more time.Duration
		every               time.Duration
		most                time.Duration // for each message
		batches             bool
	}{
		{"a sync for each", 150 * µs, 2 * time.Millisecond, 20 * µs, 10 * µs, 60 * µs, true},
		{"a slow sync for each", 2 * time.Millisecond, 8 * time.Millisecond, 20 * µs, 10 * µs, 170 * µs, true},
		{"no sync, and all is slow", 80 * µs, 6 * time.Millisecond, 80 * µs, 10 * µs, 90 * µs, false},
		{"no sync", 30 * µs, 6 * time.Millisecond, 30 * µs, 10 * µs, 34 * µs, false},
		{"the server is faster than we are", 20 * µs, 6 * time.Millisecond, 30 * µs, 40 * µs, 41 * µs, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newModel(test.single, test.fixed, test.more)
			took := b.took(t, count, test.every) / time.Duration(count)
			if took > test.most {
				t.Errorf("%s for each, want at most %s", took, test.most)
			}
			if few := count / 1000; !test.batches && b.batches > few || test.batches && b.batches == 0 {
				t.Errorf("%d batches", b.batches)
			}
			t.Logf("%s for each, %d batches", took, b.batches)
		})
	}
}

// A lone event leaves the moment that it is ready, whatever is known of batches; while a
// batch is under way it leaves when that is answered, and no timer is waited for.
func TestLoneEventLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newModel(time.Millisecond, 10*time.Millisecond, 0)
		known := pace{least: firstLeast, single: time.Millisecond, pays: true, again: time.Now().Add(time.Hour)}
		b.staged(t, known, func(publish func(int)) {
			for i := range 3 {
				time.Sleep(time.Second)
				publish(i)
				synctest.Wait()
				if left := len(b.sent); left != i+1 || !b.sent[i].Equal(time.Now()) {
					t.Fatalf("event %d has not left at once: %d have", i, left)
				}
			}
			time.Sleep(time.Second)
			for i := 3; i < 103; i++ {
				publish(i)
			}
			synctest.Wait()
			publish(103)
			time.Sleep(time.Second)
			synctest.Wait()
			if b.batches == 0 || b.stored1() != 104 {
				t.Fatalf("%d batches, %d stored", b.batches, b.stored1())
			}
			for i := 1; i < 104; i++ {
				if waited := b.sent[i].Sub(b.sent[3]); i > 3 && waited > 40*time.Millisecond {
					t.Errorf("event %d has waited %s", i, waited)
				}
			}
		})
	})
}
