package ingress

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// heldPublisher holds every message until it is released.
type heldPublisher struct {
	publisher
	reached, release chan struct{}
}

func (h *heldPublisher) PublishMsg(m *nats.Msg) error {
	h.reached <- struct{}{}
	<-h.release
	return h.publisher.PublishMsg(m)
}

// TestLeavesTogether has many messages come while the first is being sent: all leave,
// but for those that nobody waits for any more.
func TestLeavesTogether(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	s := newSingle(js.Conn())
	held := &heldPublisher{s.conn, make(chan struct{}, 1000), make(chan struct{})}
	s.conn = held
	var all sync.WaitGroup
	send := func(ctx context.Context, name string, fails error) {
		all.Go(func() {
			if _, err := s.send(ctx, message(name)); !errors.Is(err, fails) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	send(t.Context(), "first", nil)
	<-held.reached
	given, give := context.WithCancel(t.Context())
	for i := range 100 {
		send(t.Context(), fmt.Sprint("stays ", i), nil)
		send(given, fmt.Sprint("gives up ", i), context.Canceled)
	}
	waits := func(n int) {
		eventually(t, fmt.Sprint(n, " wait"), func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.waiting) == n })
	}
	waits(201)
	give()
	waits(101)
	close(held.release)
	all.Wait()
	stream, err := js.Stream(t.Context(), rawStream)
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 101 {
		t.Errorf("%d stored", n)
	}
	if waits(0); s.sending || len(s.leaving) > 0 {
		t.Errorf("%d are leaving", len(s.leaving))
	}
}

// panicking panics where a message asks for it.
type panicking struct{ publisher }

func (p panicking) PublishMsg(m *nats.Msg) error {
	if strings.HasPrefix(string(m.Data), "panic") {
		panic("canary")
	}
	return p.publisher.PublishMsg(m)
}

func TestPanicOfAPublish(t *testing.T) {
	s := newSingle(jetstreamtest.Start(t).Conn(t))
	s.conn = panicking{s.conn}
	var all sync.WaitGroup
	for i := range 50 {
		for _, what := range []string{"panic", "fine"} {
			all.Go(func() {
				_, err := s.send(t.Context(), message(fmt.Sprint(what, i)))
				if (err != nil) != (what == "panic") || err != nil && strings.Contains(err.Error(), "canary") {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
	}
	all.Wait()
}

// TestCannotListen has a connection that is closed for good.
func TestCannotHear(t *testing.T) {
	conn := jetstreamtest.Start(t).Conn(t)
	s := newSingle(conn)
	conn.Close()
	if ack, err := s.send(t.Context(), message("x")); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("%+v %v", ack, err)
	}
}

// TestLateAcknowledgement is nobody's, not the next message's.
func TestLateAcknowledgement(t *testing.T) {
	s := newSingle(jetstreamtest.Start(t).Conn(t))
	f := breakable(s)
	var late *nats.Msg
	f.break_(1, fault{do: func(_ stream, m *nats.Msg) error {
		late = &nats.Msg{Subject: m.Reply, Data: []byte(`{"stream":"WEBHOOKS","seq":99}`)}
		return nil
	}})
	ctx, cancel := context.WithCancel(t.Context())
	eventually(t, "it is given up", func() bool { cancel(); _, err := s.send(ctx, message("x")); return err != nil })
	f.break_(1, fault{do: func(real stream, m *nats.Msg) error {
		if late != nil {
			real.hear(late)
		}
		return real.PublishMsg(m)
	}})
	ack, err := s.send(t.Context(), message("y"))
	if err != nil || *ack != (jetstream.PubAck{Stream: rawStream, Sequence: 1}) {
		t.Errorf("%+v %v", ack, err)
	}
}
