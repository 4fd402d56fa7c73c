package normalizer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// subscriberOptions are what a subscriber needs; all of them are required.
type subscriberOptions struct {
	consumer    func(topic string) (stream, name string) // a topic is read through a durable pull consumer
	open        func(stream, name string) (source, error)
	inHand      int                        // most messages in hand, for each subscription
	inHandBytes int                        // most bytes of them, for each subscription
	pullWait    time.Duration              // how long one pull waits for messages
	nackDelay   time.Duration              // how long a message rests after a Nack
	byHandler   bool                       // the handler of a message calls settled, which saves it a goroutine
	metadata    bool                       // put the headers into Metadata; who asks inHand has them anyway
	hold        func(context.Context) bool // blocks while nothing may be pulled; false when the context is done
	pulling     *breaker                   // open while pulls fail
	metrics     *metrics
	now         func() time.Time
}

// subscriber is a Watermill Subscriber over durable JetStream pull consumers. See
// the package comment for what Ack and Nack mean.
type subscriber struct {
	js jetstream.JetStream
	subscriberOptions

	mu            sync.Mutex
	closed        bool
	subscriptions []*subscription
}

var _ message.Subscriber = (*subscriber)(nil)

func newSubscriber(js jetstream.JetStream, o subscriberOptions) *subscriber {
	return &subscriber{js: js, subscriberOptions: o}
}

// Subscribe starts to pull from the topic's consumer, which must exist. The channel
// is closed when ctx is done, when the subscriber is closed, or when the consumer
// is gone for good; err says so then.
func (s *subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("subscriber: it is closed")
	}
	stream, name := s.consumer(topic)
	consumer, err := s.js.Consumer(ctx, stream, name)
	if err != nil {
		return nil, fmt.Errorf("consumer %s on %s: %w", name, stream, err)
	}
	from, err := s.open(stream, name)
	if err != nil {
		return nil, fmt.Errorf("consumer %s on %s: %w", name, stream, err)
	}
	sub := newSubscription(ctx, s, consumer, from)
	s.subscriptions = append(s.subscriptions, sub)
	return sub.out, nil
}

// drain stops pulling and waits until all that is in hand is settled, or ctx is done.
func (s *subscriber) drain(ctx context.Context) {
	s.mu.Lock()
	subscriptions := slices.Clone(s.subscriptions)
	s.mu.Unlock()
	for _, sub := range subscriptions {
		sub.stopPulling()
	}
	for _, sub := range subscriptions {
		sub.drained(ctx)
	}
}

// Close ends all subscriptions. What is still in hand stays unacknowledged and is
// given to another worker when the server's patience ends.
func (s *subscriber) Close() error {
	s.mu.Lock()
	s.closed = true
	subscriptions := slices.Clone(s.subscriptions)
	s.mu.Unlock()
	for _, sub := range subscriptions {
		sub.stop()
	}
	for _, sub := range subscriptions {
		<-sub.ended
	}
	return nil
}

// err is why a subscription ended by itself, nil where none did.
func (s *subscriber) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subscriptions {
		select {
		case <-sub.ended:
			if sub.failure != nil {
				return sub.failure
			}
		default:
		}
	}
	return nil
}

// count is the contents of all hands.
func (s *subscriber) count() (messages, bytes int, oldest time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subscriptions {
		m, b, o := sub.hand.count()
		messages, bytes = messages+m, bytes+b
		if oldest.IsZero() || !o.IsZero() && o.Before(oldest) {
			oldest = o
		}
	}
	return messages, bytes, oldest
}

// subscription is one Subscribe: a goroutine that pulls, one that tells the server
// what is being worked on, and one for each message that waits for Ack or Nack, where
// its handler does not settle it.
type subscription struct {
	*subscriber
	consumer jetstream.Consumer // to ask about; the pulling goroutine's own
	from     source
	hand     *hand
	out      chan *message.Message

	living      context.Context // done when the subscription ends
	stop        context.CancelFunc
	mayPull     context.Context // done when it ends or drains
	stopPulling context.CancelFunc

	next     uint64 // number of the next message given out
	suspects []*raw // in hand, not yet given out; see oneByOne
	watch    watch
	failure  error // why it ended by itself; read it after ended

	pulled   chan struct{}  // closed when the pulling goroutine is done
	settling sync.WaitGroup // counts what is given out and not settled, too
	ended    chan struct{}  // closed when all goroutines are done
}

func newSubscription(ctx context.Context, s *subscriber, consumer jetstream.Consumer, from source) *subscription {
	sub := &subscription{
		subscriber: s,
		consumer:   consumer,
		from:       from,
		hand:       newHand(s.inHand, s.inHandBytes),
		// As many as can be in hand, so that giving one out never blocks.
		out:    make(chan *message.Message, s.inHand),
		pulled: make(chan struct{}),
		ended:  make(chan struct{}),
	}
	sub.living, sub.stop = context.WithCancel(ctx)
	sub.mayPull, sub.stopPulling = context.WithCancel(sub.living)
	go sub.run()
	return sub
}

// run is the life of a subscription.
func (s *subscription) run() {
	defer close(s.ended)
	defer s.from.close()
	defer close(s.out)
	defer s.settling.Wait()
	ackWait := s.consumer.CachedInfo().Config.AckWait
	s.settling.Go(func() { s.progress(ackWait) })
	s.failure = s.pull()
	close(s.pulled)
	if s.failure != nil {
		s.stop()
	}
	<-s.living.Done()
	s.stopPulling()
}

// drained waits until pulling has stopped and nothing is in hand, or ctx is done.
func (s *subscription) drained(ctx context.Context) {
	select {
	case <-s.pulled:
		s.hand.only(ctx, 0)
	case <-ctx.Done():
	}
}

// pull asks for as much as there is room for, takes it into hand, and so on. What
// it asked for is in hand the moment it arrives: the server's clock runs from
// then, and progress stops it. A pull is never given up, or what the server sends
// into it would be delivered to nobody; so pullWait bounds how long a subscription
// takes to stop. The error is why it cannot go on.
func (s *subscription) pull() error {
	for s.hold(s.mayPull) {
		messages, bytes, ok := s.hand.room(s.mayPull)
		if !ok {
			return nil
		}
		taken := 0
		err := s.from.pull(messages, bytes, s.wait(), func(m *nats.Msg) {
			taken++
			s.take(m)
		})
		s.oneByOne()
		if err := s.look(taken, err); err != nil {
			return err
		}
	}
	return nil
}

// take puts a message into hand and gives it out, or sets it aside as a suspect.
func (s *subscription) take(msg *nats.Msg) {
	r, err := newRaw(s.living, msg, s.now())
	if err != nil {
		// The server always sets it; who else writes to our inbox gets no answer.
		return
	}
	r.from = s
	if r.suspect() {
		s.metrics.redeliveries.Inc()
	}
	switch {
	case !s.hand.take(r):
	case r.suspect():
		s.suspects = append(s.suspects, r)
	default:
		s.give(r)
	}
}

// oneByOne gives out the suspects: in stream order, each alone, when all else in
// hand is settled, while nothing is pulled. The one that crashes its worker is
// then known: everything before it is settled for good, and what comes after it
// has not been touched. See crashGuard for what follows from that.
func (s *subscription) oneByOne() {
	if len(s.suspects) == 0 {
		return
	}
	slices.SortFunc(s.suspects, func(a, b *raw) int { return cmp.Compare(a.sequence, b.sequence) })
	for len(s.suspects) > 0 && s.hand.only(s.living, len(s.suspects)) {
		s.give(s.suspects[0])
		s.suspects = s.suspects[1:]
	}
	s.hand.only(s.living, 0)
}

// give numbers a message and gives it out.
func (s *subscription) give(r *raw) {
	r.number = s.next
	s.next++
	s.giveAgain(r)
}

// giveAgain gives a message out under the number that it has.
func (s *subscription) giveAgain(r *raw) {
	m := message.NewMessageWithContext(r, r.id(), r.msg.Data)
	if s.metadata {
		for name, values := range r.msg.Header {
			m.Metadata[name] = values[0]
		}
	}
	s.settling.Add(1)
	if !s.byHandler {
		go s.settle(r, m)
	}
	s.out <- m
}

// settle waits for the Ack or Nack of a message and does what the package comment
// says.
func (s *subscription) settle(r *raw, m *message.Message) {
	defer s.settling.Done()
	select {
	case <-m.Acked():
	case <-m.Nacked():
		s.rest(r)
		return
	case <-s.living.Done():
		select {
		case <-m.Acked():
		default:
			s.hand.drop(r)
			return
		}
	}
	s.acknowledge(r)
	s.hand.drop(r)
}

// accounted ends r, all of whose outcome is stored and accounted for: the server is told,
// and who waits in settled goes on. Few goroutines call it for many messages: those
// that wait are one for each, with small stacks, and would fight for the connection.
func (s *subscription) accounted(r *raw) {
	s.acknowledge(r)
	r.settle(nil)
}

// settled waits until r is accounted for or cannot be, and acks or nacks m for it. The
// error is why it is to be tried again, perhaps by another worker.
func (s *subscription) settled(r *raw, m *message.Message) error {
	var err error
	select {
	case err = <-r.settled:
	case <-s.living.Done():
		select {
		case err = <-r.settled:
		default:
			err = errStopping
		}
	}
	if err == nil && m.Ack() {
		defer s.settling.Done()
		s.hand.drop(r)
		return nil
	}
	m.Nack()
	go func() { // Watermill has done with the message
		defer s.settling.Done()
		s.rest(r)
	}()
	return err
}

// rest keeps a message in hand for a while and gives it out again: same message,
// same number, and no word to the server.
func (s *subscription) rest(r *raw) {
	timer := time.NewTimer(s.nackDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		s.giveAgain(s.hand.renew(r))
	case <-s.living.Done():
		s.hand.drop(r)
	}
}

// acknowledge ends a message on the server. An error is no loss: the message is
// delivered again, and what came of it is found to be stored already.
func (s *subscription) acknowledge(r *raw) {
	var err error
	if r.verdict == "" {
		err = s.from.ack(r.msg)
	} else {
		err = s.from.terminate(r.msg, string(r.verdict))
	}
	if err == nil && r.suspect() {
		// The next suspect may crash us: this one must not be delivered again for it.
		ctx, cancel := context.WithTimeout(s.living, 5*time.Second)
		defer cancel()
		err = s.from.flush(ctx)
	}
	if err != nil {
		s.metrics.acksFailed.Inc()
	}
}

// progress keeps everything in hand from being given to another worker: it speaks
// up three times within the time that the server waits.
func (s *subscription) progress(ackWait time.Duration) {
	ticker := time.NewTicker(max(ackWait/3, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for _, r := range s.hand.all() {
				_ = s.from.inProgress(r.msg) // the next round is well before the server's patience ends
			}
		case <-s.living.Done():
			return
		}
	}
}
