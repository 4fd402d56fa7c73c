package normalizer

import (
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// inbox is where JetStream answers what was published: one subscription, one map and
// one clock for everything that waits. The client library's own has a future and a
// timer for every message, which cost as much as publishing it. It is safe for
// concurrent use.
type inbox struct {
	prefix  string // then the number of the question
	nc      *nats.Conn
	sub     *nats.Subscription
	changed chan nats.Status // the connection is lost, or closed
	stop    chan struct{}
	ended   chan struct{}
	closing sync.Once

	mu      sync.Mutex
	asked   uint64
	ticks   uint64 // of the clock
	waiting map[uint64]waiting
}

// waiting is who waits for an answer, and since which tick.
type waiting struct {
	heard func(*pubAck, error)
	since uint64
}

// ticksPerTimeout is how finely time is measured: who waits is told after the timeout
// and within a fourth part more.
const ticksPerTimeout = 4

func newInbox(nc *nats.Conn, timeout time.Duration) (*inbox, error) {
	i := &inbox{
		prefix: nc.NewInbox() + ".", nc: nc, waiting: make(map[uint64]waiting),
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	var err error
	if i.sub, err = nc.Subscribe(i.prefix+"*", i.take); err != nil {
		return nil, err
	}
	_ = i.sub.SetPendingLimits(-1, -1) // who publishes bounds what is under way; it fails for a closed connection only
	i.changed = nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	go i.run(timeout / ticksPerTimeout)
	return i, nil
}

// ask makes the address for one answer. heard is called exactly once, with the answer
// or with the reason why there is none; it must not block.
func (i *inbox) ask(heard func(*pubAck, error)) (reply string) {
	i.mu.Lock()
	i.asked++
	question := i.asked
	i.waiting[question] = waiting{heard, i.ticks}
	i.mu.Unlock()
	return string(strconv.AppendUint([]byte(i.prefix), question, 10))
}

// giveUp answers with an error, unless an answer was there already.
func (i *inbox) giveUp(reply string, err error) { i.answer(reply, nil, err) }

// take takes what comes; whoever else writes to the inbox answers nothing.
func (i *inbox) take(m *nats.Msg) {
	ack, err := readAck(m)
	i.answer(m.Subject, ack, err)
}

func (i *inbox) answer(reply string, ack *pubAck, err error) {
	question, failed := strconv.ParseUint(reply[len(i.prefix):], 10, 64)
	if failed != nil {
		return
	}
	i.mu.Lock()
	w, waits := i.waiting[question]
	delete(i.waiting, question)
	i.mu.Unlock()
	if waits {
		w.heard(ack, err)
	}
}

// run tells those who wait that time is up, or that the connection is lost and nobody
// knows what has arrived.
func (i *inbox) run(tick time.Duration) {
	defer close(i.ended)
	ticker := time.NewTicker(max(tick, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			i.expire(jetstream.ErrAsyncPublishTimeout, ticksPerTimeout)
		case <-i.changed:
			i.expire(nats.ErrDisconnected, 0)
		case <-i.stop:
			i.expire(nats.ErrConnectionClosed, 0)
			return
		}
	}
}

// expire gives up all that has waited for more than so many ticks, or everything.
func (i *inbox) expire(err error, ticks uint64) {
	i.mu.Lock()
	var expired []waiting
	for question, w := range i.waiting {
		if ticks == 0 || i.ticks-w.since >= ticks {
			expired = append(expired, w)
			delete(i.waiting, question)
		}
	}
	i.ticks++
	i.mu.Unlock()
	for _, w := range expired {
		w.heard(nil, err)
	}
}

// close lets go of the connection, which stays open. Nobody may ask any more.
func (i *inbox) close() {
	i.closing.Do(func() {
		_ = i.sub.Unsubscribe() // it fails on a closed connection, which has none
		close(i.stop)
		<-i.ended
		i.nc.RemoveStatusListener(i.changed)
	})
}
