package normalizer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/schemas/event"
)

// shuffler lets handlers go on in another order than that in which they came: it
// gathers some of them, then lets one after the other go by chance. All of them
// must be in hand at once: it may keep any one for long.
type shuffler struct {
	mu      sync.Mutex
	chance  *rand.Rand
	size    int // how many it gathers
	left    int // handlers that have not come yet
	waiting []chan struct{}
}

func (s *shuffler) before(string) {
	s.mu.Lock()
	s.left--
	me := make(chan struct{})
	s.waiting = append(s.waiting, me)
	for len(s.waiting) >= s.size || s.left < s.size && len(s.waiting) > 0 {
		i := s.chance.IntN(len(s.waiting))
		close(s.waiting[i])
		s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
	}
	s.mu.Unlock()
	<-me
}

// spy is a bus that watches who is under way.
type spy struct {
	bus
	mu     sync.Mutex
	lanes  map[string]int
	both   []string // keys that were under way twice at once
	now    int
	most   int
	events int

	batches int
}

func (s *spy) send(m *nats.Msg, acked func(*jetstream.PubAck, error)) {
	key := s.left(m)
	s.bus.send(m, func(ack *jetstream.PubAck, err error) {
		s.came(key)
		acked(ack, err)
	})
}

func (s *spy) sendBatch(messages []*nats.Msg, acked func(*jetstream.PubAck, error)) {
	var keys []string
	for _, m := range messages {
		keys = append(keys, s.left(m))
	}
	s.mu.Lock()
	s.batches++
	s.mu.Unlock()
	s.bus.sendBatch(messages, func(first *jetstream.PubAck, err error) {
		for _, key := range keys {
			s.came(key)
		}
		acked(first, err)
	})
}

func (s *spy) left(m *nats.Msg) (key string) {
	e, err := event.Decode(m.Header, m.Data)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events++
	if s.lanes[e.PartitionKey]++; s.lanes[e.PartitionKey] > 1 {
		s.both = append(s.both, e.PartitionKey)
	}
	s.now++
	s.most = max(s.most, s.now)
	return e.PartitionKey
}

func (s *spy) came(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lanes[key]--
	s.now--
}

// runOn runs a normalizer whose bus is wrapped.
func (r *rig) runOn(n *Normalizer, wrap func(bus) bus) (stop func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, err := newPublisher(n.Conn, n.AckTimeout, n.window)
	if err != nil {
		r.t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		defer out.Close()
		if err := n.work(ctx, out.js, n.pullFrom, wrap(out)); err != nil {
			r.t.Errorf("work: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	r.t.Cleanup(stop)
	return stop
}

// Handlers finish in any order, each payment's events are published in the order of
// the raw stream, one after the other, and payments do not wait for each other.
func TestOrderOfEachPaymentWhileOthersFlowPast(t *testing.T) {
	for _, batches := range []bool{false, true} {
		t.Run(fmt.Sprintf("batches=%t", batches), func(t *testing.T) { testOrder(t, batches) })
	}
}

func testOrder(t *testing.T, batches bool) {
	deliveries, payments := many(3000), 200
	r := newRig(t)
	chance := rand.New(rand.NewPCG(1, 2))
	want := map[string][]string{}
	for i := range deliveries {
		// Some payments come much more often than others, some deliveries have several items.
		var lines []string
		for item := range 1 + i%3/2 {
			payment := fmt.Sprintf("p%d", chance.IntN(1+chance.IntN(payments)))
			id := fmt.Sprintf("e%d-%d", i, item)
			lines = append(lines, id+" "+payment)
			want["shop/"+payment] = append(want["shop/"+payment], id)
		}
		r.put(strings.Join(lines, "\n"))
	}

	shuffle := &shuffler{chance: chance, size: 48, left: deliveries}
	o := r.options(words{before: shuffle.before})
	o.Parallel, o.InHand = 64, 2*deliveries
	watch := &spy{lanes: map[string]int{}}
	n := r.newNormalizer(o)
	if batches {
		inBatches(n)
	}
	r.runOn(n, func(b bus) bus { watch.bus = b; return watch })
	r.settled()

	got := map[string][]string{}
	for _, e := range r.events() {
		got[e.PartitionKey] = append(got[e.PartitionKey], e.ID)
	}
	for key, ids := range want {
		if fmt.Sprint(got[key]) != fmt.Sprint(ids) {
			t.Errorf("%s: %v, want %v", key, got[key], ids)
		}
	}
	if len(watch.both) > 0 {
		t.Errorf("under way twice at once: %v", watch.both)
	}
	if watch.most < 10 {
		t.Errorf("%d publishes under way at most: payments wait for each other", watch.most)
	}
	if (watch.batches > 0) != batches {
		t.Errorf("%d batches", watch.batches)
	}
	t.Logf("%d events, at most %d under way, %d batches", watch.events, watch.most, watch.batches)
}
