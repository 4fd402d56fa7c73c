package normalizer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// publisher publishes to JetStream without waiting for one message before the
// next. It has two faces: send for the ordered stage, and Publish, which makes it
// a Watermill Publisher. It is safe for concurrent use.
type publisher struct {
	js     jetstream.JetStream
	places chan struct{} // one for each message of Publish that waits for its PubAck

	mu      sync.Mutex
	closed  bool
	waiting map[*nats.Msg]func(*jetstream.PubAck, error)
	calls   sync.WaitGroup // of Publish
}

var _ message.Publisher = (*publisher)(nil)

// newPublisher makes a publisher; timeout is how long a PubAck may take. pending
// is how many messages may wait for theirs at once: Publish waits for its turn, who
// calls send counts for itself.
func newPublisher(nc *nats.Conn, timeout time.Duration, pending int) (*publisher, error) {
	p := &publisher{
		places:  make(chan struct{}, pending),
		waiting: make(map[*nats.Msg]func(*jetstream.PubAck, error)),
	}
	js, err := jetstream.New(nc,
		jetstream.WithPublishAsyncMaxPending(pending),
		jetstream.WithPublishAsyncTimeout(timeout),
		jetstream.WithPublishAsyncAckHandler(func(_ jetstream.JetStream, m *nats.Msg, ack *jetstream.PubAck) { p.answer(m, ack, nil) }),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) { p.answer(m, nil, err) }),
	)
	if err != nil {
		return nil, err
	}
	p.js = js
	return p, nil
}

// send publishes m and returns. acked is called exactly once, with the PubAck or
// with the reason why there is none; it must not block. A message without a PubAck
// may be stored all the same: who sends it again does so with the same id. When
// the connection is lost every message under way is answered with an error.
func (p *publisher) send(m *nats.Msg, acked func(*jetstream.PubAck, error)) {
	p.mu.Lock()
	p.waiting[m] = acked
	p.mu.Unlock()
	if _, err := p.js.PublishMsgAsync(m); err != nil {
		p.answer(m, nil, err)
	}
}

// answer calls who waits for m, unless somebody did already.
func (p *publisher) answer(m *nats.Msg, ack *jetstream.PubAck, err error) {
	p.mu.Lock()
	acked := p.waiting[m]
	delete(p.waiting, m)
	p.mu.Unlock()
	if acked != nil {
		acked(ack, err)
	}
}

// stored is a stored message by its sequence.
func (p *publisher) stored(ctx context.Context, stream string, sequence uint64) (*jetstream.RawStreamMsg, error) {
	s, err := p.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	m, err := s.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) && sequence >= s.CachedInfo().State.FirstSeq {
		return nil, errLagging
	}
	return m, err
}

// errLagging says that the replica which answered does not have the message yet: the
// leader, asked a moment before, keeps all from an earlier sequence on, and nothing
// is deleted from within a stream.
var errLagging = errors.New("the replica that answered lags behind the leader")

// Publish stores the messages on the topic, which is a subject, and returns when
// all of them have their PubAck. UUIDs are message ids, metadata are headers. On an
// error any of the messages may be stored or not; publishing them again stores
// none twice.
func (p *publisher) Publish(topic string, messages ...*message.Message) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return errors.New("publisher: it is closed")
	}
	p.calls.Add(1)
	p.mu.Unlock()
	defer p.calls.Done()

	answers := make(chan error, len(messages))
	for _, m := range messages {
		header := make(nats.Header, len(m.Metadata)+1)
		for name, value := range m.Metadata {
			header[name] = []string{value}
		}
		header.Set(jetstream.MsgIDHeader, m.UUID)
		p.places <- struct{}{}
		p.send(&nats.Msg{Subject: topic, Header: header, Data: m.Payload}, func(_ *jetstream.PubAck, err error) {
			<-p.places
			answers <- err
		})
	}
	var errs []error
	for range messages {
		if err := <-answers; err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", topic, err))
		}
	}
	return errors.Join(errs...)
}

// Close waits for the calls of Publish and lets go of the connection, which stays
// open.
func (p *publisher) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.calls.Wait()
	p.js.CleanupPublisher()
	return nil
}
