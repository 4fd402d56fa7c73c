package normalizer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// publisher publishes to JetStream without waiting for one message before the
// next. It has two faces: send and sendBatch for the ordered stage, and Publish, which
// makes it a Watermill Publisher. It is safe for concurrent use.
type publisher struct {
	nc      *nats.Conn
	js      jetstream.JetStream // to read with
	inbox   *inbox
	batchID string        // how the ids of batches begin
	batches atomic.Uint64 // so many so far
	places  chan struct{} // one for each message of Publish that waits for its PubAck

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup // of Publish
}

var (
	_ message.Publisher = (*publisher)(nil)
	_ bus               = (*publisher)(nil)
)

// newPublisher makes a publisher; timeout is how long a PubAck may take. pending
// is how many messages may wait for theirs at once: Publish waits for its turn, who
// calls send counts for itself.
func newPublisher(nc *nats.Conn, timeout time.Duration, pending int) (*publisher, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	in, err := newInbox(nc, timeout)
	if err != nil {
		return nil, err
	}
	unique := in.prefix[strings.LastIndexByte(in.prefix[:len(in.prefix)-1], '.')+1:]
	return &publisher{nc: nc, js: js, inbox: in, batchID: unique, places: make(chan struct{}, pending)}, nil
}

// send publishes m and returns. acked is called exactly once, with the PubAck or
// with the reason why there is none; it must not block. A message without a PubAck
// may be stored all the same: who sends it again does so with the same id. When
// the connection is lost every message under way is answered with an error.
func (p *publisher) send(m *nats.Msg, acked func(*jetstream.PubAck, error)) {
	m.Reply = p.inbox.ask(func(ack *pubAck, err error) {
		if err != nil {
			acked(nil, err)
			return
		}
		acked(&ack.PubAck, nil)
	})
	if err := p.nc.PublishMsg(m); err != nil {
		p.inbox.giveUp(m.Reply, err)
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
	p.inbox.close()
	return nil
}
