package normalizer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// bus is where the ordered stage stores what came of deliveries. *publisher is one.
type bus interface {
	// send publishes without waiting and without blocking. It calls acked exactly
	// once, perhaps before it returns, with the PubAck or with why there is none.
	// The message may be stored without one; it is the caller's again when it is acked.
	send(m *nats.Msg, acked func(*jetstream.PubAck, error))
	// sendBatch does the same with several messages of one stream, which are stored at
	// consecutive sequences, or not at all; the PubAck is that of the first. After a
	// *rejectedError nothing of it is stored, after any other all of it may be. The
	// messages are the caller's again when it returns.
	sendBatch(messages []*nats.Msg, acked func(first *jetstream.PubAck, err error))
	// stored reads one stored message; jetstream.ErrMsgNotFound where it is gone.
	// It may block, until ctx is done, and is called concurrently.
	stored(ctx context.Context, stream string, sequence uint64) (*jetstream.RawStreamMsg, error)
}

// stage is the ordered stage: the one place from which events are published. It
// takes the outcomes of deliveries from handlers, which finish in any order, and
// publishes in the order in which the subscription numbered the deliveries.
//
// Events with the same partitionkey form a lane: at most one of a lane is
// without its PubAck, the others wait behind it. Lanes flow past each other, so
// that hundreds of messages are under way at once.
//
// One goroutine, run, owns everything; the others only send to its channels.
type stage struct {
	bus     bus
	now     func() time.Time
	log     *zap.Logger
	metrics *metrics
	storing *breaker // open while something cannot be stored
	version string   // of the program, for dead letters
	window  int      // most publications under way
	traced  bool     // note when publications leave and arrive
	rooms   *rooms   // memory of what is stored, for what comes next

	in      chan *outcome // room for everything in hand
	answers chan answer   // room for the whole window: nobody who answers ever blocks
	stored  chan *outcome // what is stored, to be accounted for; room for everything in hand
	stopped chan struct{}

	next    uint64              // number of the delivery that is published next
	early   map[uint64]*outcome // deliveries whose turn is later
	lanes   map[string][]*publication
	ready   []*publication // may be sent, in order
	alone   []*publication // may be sent, each by itself
	failed  []*publication // wait for the retry timer
	unsure  int            // publications that have failed before and are not stored yet
	sending int            // publications under way
	singles int            // of these, sent by themselves
	batches int            // under way
	pace    pace
	at      time.Time // when run woke up

	backoff   *backoff.ExponentialBackOff
	retry     *time.Timer
	comparing sync.WaitGroup
}

// answer is what came back for a publication, or for a batch of them.
type answer struct {
	of       *publication
	batch    []*publication // then ack is that of the first
	single   bool           // sent by itself
	ack      *jetstream.PubAck
	err      error
	compared comparison // of a duplicate with what is stored
}

func newStage(b bus, n *Normalizer) *stage {
	s := &stage{
		bus: b, now: n.now, log: n.log, metrics: n.metrics, storing: &n.storing, version: n.Version,
		window:  n.window,
		traced:  n.Tracer != nil,
		rooms:   &n.rooms,
		pace:    n.pace,
		in:      make(chan *outcome, n.InHand),
		answers: make(chan answer, n.window),
		stored:  make(chan *outcome, n.InHand),
		stopped: make(chan struct{}),
		early:   make(map[uint64]*outcome),
		lanes:   make(map[string][]*publication),
		backoff: backoff.NewExponentialBackOff(),
		retry:   time.NewTimer(time.Hour),
	}
	s.backoff.InitialInterval, s.backoff.MaxInterval = n.retryAfter, time.Second
	s.retry.Stop()
	return s
}

// errStopping is why a message is not handled when the subscription or the stage has
// ended. It is a canceled context to Watermill, which then Nacks without a word.
var errStopping = fmt.Errorf("normalizer: stopping: %w", context.Canceled)

// publish hands an outcome to the stage, which keeps it, and returns. When all of it
// is stored it comes out at stored.
func (s *stage) publish(o *outcome) error {
	select {
	case s.in <- o:
		return nil
	case <-s.stopped:
		return errStopping
	}
}

// run works until ctx is done. What is under way then is given up: it may be stored
// or not, and its delivery is not acknowledged.
func (s *stage) run(ctx context.Context) {
	defer close(s.stopped)
	defer s.comparing.Wait()
	defer s.retry.Stop()
	for {
		select {
		case o := <-s.in:
			s.at = s.now()
			s.accept(o)
			s.acceptMore()
		case a := <-s.answers:
			s.at = s.now()
			s.answered(ctx, a)
			s.settleMore(ctx)
		case <-s.retry.C:
			s.at = s.now()
			s.alone, s.failed = append(s.failed, s.alone...), nil
		case <-ctx.Done():
			return
		}
		s.send()
	}
}

// acceptMore and settleMore take what is there already, before anything is sent: it
// costs less, and what can be sent together is seen together.
func (s *stage) acceptMore() {
	for range cap(s.in) {
		select {
		case o := <-s.in:
			s.accept(o)
		default:
			return
		}
	}
}

func (s *stage) settleMore(ctx context.Context) {
	for range cap(s.answers) {
		select {
		case a := <-s.answers:
			s.answered(ctx, a)
		default:
			return
		}
	}
}

// answered takes note of an answer: of the bus, or of a comparison.
func (s *stage) answered(ctx context.Context, a answer) {
	if a.batch != nil {
		s.settleBatch(ctx, a)
		return
	}
	if a.single {
		s.singles--
		if a.err == nil {
			s.pace.acked(s.at)
		}
		a.single = false // it may come back, compared
	}
	s.settle(ctx, a)
}

// accept puts an outcome into the order of deliveries. One whose number has passed
// is a message that was given out again after a Nack.
func (s *stage) accept(o *outcome) {
	if o.raw.number < s.next {
		s.release(o)
		return
	}
	s.early[o.raw.number] = o
	for {
		o, here := s.early[s.next]
		if !here {
			return
		}
		delete(s.early, s.next)
		s.next++
		s.release(o)
	}
}

// release lets the publications of a delivery into their lanes.
func (s *stage) release(o *outcome) {
	for _, p := range o.publications {
		if p.key == "" {
			s.ready = append(s.ready, p)
			continue
		}
		queue, busy := s.lanes[p.key]
		if busy {
			s.lanes[p.key] = append(queue, p)
			continue
		}
		s.lanes[p.key] = nil
		s.ready = append(s.ready, p)
	}
}

// leave lets the next of a lane go when one is stored.
func (s *stage) leave(p *publication) {
	if p.key == "" {
		return
	}
	queue := s.lanes[p.key]
	if len(queue) == 0 {
		delete(s.lanes, p.key)
		return
	}
	s.lanes[p.key] = queue[1:]
	s.ready = append(s.ready, queue[0])
}
