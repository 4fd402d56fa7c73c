package ingress

import (
	"context"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// publisher is the part of [nats.Conn] that single sends with: a publish may return
// before its message has left, and keeps nothing of it. It is called concurrently.
type publisher interface {
	PublishMsg(m *nats.Msg) error
}

// single sends each message by itself, pipelined: many wait for their own
// acknowledgement at the same time. All acknowledgements come on one subscription, each
// on a subject that is used once, so that one that comes late, or twice, is nobody
// else's.
type single struct {
	conn   publisher
	listen func(subject string, heard nats.MsgHandler) (*nats.Subscription, error)
	prefix string // of the subjects of the acknowledgements, with a dot at its end

	mu      sync.Mutex
	heard   *nats.Subscription // nil until there is something to hear
	next    uint64
	waiting map[uint64]*reply // by the last token of the subject
	replies sync.Pool         // of *reply
}

// reply is the place of one acknowledgement. It is used again by another message once
// its own has come, or cannot come any more.
type reply struct {
	came chan acknowledged // has room for the one that comes
}

// acknowledged is what the server said, or why it said nothing.
type acknowledged struct {
	ack *jetstream.PubAck
	err error
}

// newSingle makes a sender on a connection; it listens from the first message on.
func newSingle(conn *nats.Conn) *single {
	s := &single{conn: conn, listen: conn.Subscribe, prefix: conn.NewInbox() + ".", waiting: make(map[uint64]*reply)}
	s.replies.New = func() any { return &reply{make(chan acknowledged, 1)} }
	return s
}

func (s *single) send(ctx context.Context, m *nats.Msg) (*jetstream.PubAck, error) {
	r := s.replies.Get().(*reply)
	token, err := s.expect(r)
	if err != nil {
		return nil, err
	}
	var room [64]byte
	subject := strconv.AppendUint(append(room[:0], s.prefix...), token, 36)
	sent := nats.Msg{Subject: m.Subject, Reply: string(subject), Header: m.Header, Data: m.Data}
	if err := s.conn.PublishMsg(&sent); err != nil {
		s.forget(token, r)
		return nil, err
	}
	select {
	case a := <-r.came:
		s.replies.Put(r)
		return a.ack, a.err
	case <-ctx.Done():
		s.forget(token, r)
		return nil, ctx.Err()
	}
}

// expect gives r a token of its own, and listens where nobody does yet.
func (s *single) expect(r *reply) (token uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard == nil {
		if s.heard, err = s.listen(s.prefix+"*", s.hear); err != nil {
			return 0, err
		}
	}
	s.next++
	s.waiting[s.next] = r
	return s.next, nil
}

// forget gives up an acknowledgement. Where it came at the same moment its place is
// not used again.
func (s *single) forget(token uint64, r *reply) {
	s.mu.Lock()
	_, waits := s.waiting[token]
	delete(s.waiting, token)
	s.mu.Unlock()
	if waits {
		s.replies.Put(r)
	}
}

// hear takes an acknowledgement to who waits for it, if anybody does.
func (s *single) hear(m *nats.Msg) {
	token, err := strconv.ParseUint(m.Subject[min(len(s.prefix), len(m.Subject)):], 36, 64)
	if err != nil {
		return
	}
	s.mu.Lock()
	r := s.waiting[token]
	delete(s.waiting, token)
	s.mu.Unlock()
	if r != nil {
		ack, err := readAck(m)
		r.came <- acknowledged{ack, err}
	}
}

// close ends the subscription; the next message begins another.
func (s *single) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard != nil {
		_ = s.heard.Unsubscribe() // a connection that is closed has ended it
		s.heard = nil
	}
}

// disconnected tells all who wait that no acknowledgement will come: the server that
// owed it is gone.
func (s *single) disconnected() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, r := range s.waiting {
		delete(s.waiting, token)
		r.came <- acknowledged{err: nats.ErrDisconnected}
	}
}

// follow tells those who wait whenever the connection is lost. Calling stop ends that,
// and the subscription.
func (s *single) follow(conn *nats.Conn) (stop func()) {
	lost := conn.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	var following sync.WaitGroup
	following.Go(func() {
		for range lost {
			s.disconnected()
		}
	})
	return func() {
		conn.RemoveStatusListener(lost)
		following.Wait()
		s.close()
	}
}
