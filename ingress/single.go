package ingress

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// publisher is the part of [nats.Conn] that single sends with: a publish may return
// before its message has left, and keeps nothing of it. It is called by one goroutine at a time.
type publisher interface {
	PublishMsg(m *nats.Msg) error
}

// single sends each message by itself, pipelined: many wait for their own
// acknowledgement at the same time. All acknowledgements come on one subscription, each
// on a subject that is used once, so that one that comes late, or twice, is nobody
// else's.
//
// Messages go out together where many come together: who finds nobody sending lets
// whoever else is ready to run go first, and sends what they leave as well. Each write
// to the connection, and each read at its other end, then carries several. A lone
// message finds nobody to let go first.
type single struct {
	conn   publisher
	listen func(subject string, heard nats.MsgHandler) (*nats.Subscription, error)
	prefix string // of the subjects of the acknowledgements, with a dot at its end

	mu      sync.Mutex
	heard   *nats.Subscription // nil until there is something to hear
	next    uint64
	waiting map[uint64]*reply // by the last token of the subject
	leaving []leaving
	spare   []leaving // the room of those that left before
	sending bool      // somebody sends what is leaving
	replies sync.Pool // of *reply
	rest    sync.WaitGroup
}

// leaving is a message that is to be sent.
type leaving struct {
	token   uint64
	message *nats.Msg
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
	token, first, err := s.enter(r, m)
	if err != nil {
		return nil, err
	}
	if first {
		runtime.Gosched()
		if s.sendAll() {
			s.rest.Go(s.sendRest)
		}
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

// enter gives r a token of its own and puts m among what is leaving; first says that
// nobody sends it unless the caller does. It listens where nobody does yet.
func (s *single) enter(r *reply, m *nats.Msg) (token uint64, first bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard == nil {
		if s.heard, err = s.listen(s.prefix+"*", s.hear); err != nil {
			return 0, false, err
		}
	}
	s.next++
	s.waiting[s.next] = r
	s.leaving = append(s.leaving, leaving{s.next, m})
	first, s.sending = !s.sending, true
	return s.next, first, nil
}

// sendRest sends until nothing is leaving: no request waits for others that come after
// it.
func (s *single) sendRest() {
	for s.sendAll() {
		runtime.Gosched()
	}
}

// sendAll sends what is leaving; more says that more came meanwhile, which somebody has
// to send.
func (s *single) sendAll() (more bool) {
	s.mu.Lock()
	all := s.leaving
	s.leaving, s.spare = s.spare[:0], nil
	// What nobody waits for any more need not be stored.
	all = slices.DeleteFunc(all, func(l leaving) bool { return s.waiting[l.token] == nil })
	s.mu.Unlock()
	for _, l := range all {
		if err := s.publish(l); err != nil {
			s.resolve(l.token, acknowledged{err: err})
		}
	}
	clear(all)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = all
	s.sending = len(s.leaving) > 0
	return s.sending
}

// publish puts a message on the wire. A panic is an error of this message, not the end
// of those that leave with it.
func (s *single) publish(l leaving) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("publish: a panic of type %T", cause)
		}
	}()
	var room [64]byte
	subject := strconv.AppendUint(append(room[:0], s.prefix...), l.token, 36)
	m := l.message
	return s.conn.PublishMsg(&nats.Msg{Subject: m.Subject, Reply: string(subject), Header: m.Header, Data: m.Data})
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
