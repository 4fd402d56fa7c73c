package ingress

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// stream is what a fault has to play with: the real connection, and what hears the
// answers.
type stream struct {
	publisher
	hear func(*nats.Msg)
}

// says answers a message in the stream's place.
func (s stream) says(m *nats.Msg, answer nats.Msg) error {
	answer.Subject = m.Reply
	s.hear(&answer)
	return nil
}

// stores has a message stored, and the answer go to somebody else.
func (s stream) stores(m *nats.Msg) error {
	other := *m
	other.Reply = "nobody.listens"
	return s.PublishMsg(&other)
}

// fault is a way in which one operation on the stream goes wrong.
type fault struct {
	name string
	do   func(s stream, m *nats.Msg) error
}

var errInjected = errors.New("injected")

// faults: some store the message, some do not, and none says so truthfully.
var faults = []fault{
	{"refused", failing(errInjected)},
	{"not connected", failing(nats.ErrReconnectBufExceeded)},
	{"broken under a write", failing(&net.OpError{Op: "write", Err: syscall.EPIPE})},
	{"lost on the way", failing(nil)},
	{"answer lost", stream.stores},
	{"stored, then disconnected", func(s stream, m *nats.Msg) error { return errors.Join(s.stores(m), nats.ErrDisconnected) }},
	{"lost, then disconnected", failing(nats.ErrDisconnected)},
	{"no responders", saying(nats.Msg{Header: nats.Header{"Status": {"503"}}})},
	{"full", saying(nats.Msg{Data: []byte(`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"WEBHOOKS","seq":0}`)})},
	{"in process", saying(nats.Msg{Data: []byte(`{"error":{"code":409,"err_code":10158},"stream":"WEBHOOKS","seq":0}`)})},
	{"another stream has it", saying(nats.Msg{Data: []byte(`{"stream":"OTHER","seq":1}`)})},
	{"an empty answer", saying(nats.Msg{})},
	{"an answer that is none", saying(nats.Msg{Data: []byte(`{"stream":"WEBHOOKS"}`)})},
	{"an answer on a subject of nobody's", func(s stream, m *nats.Msg) error {
		s.hear(&nats.Msg{Subject: "short", Data: []byte(`{"stream":"WEBHOOKS","seq":1}`)})
		s.hear(&nats.Msg{Subject: m.Reply + "0", Data: []byte(`{"stream":"WEBHOOKS","seq":1}`)})
		return nil
	}},
}

func failing(err error) func(stream, *nats.Msg) error {
	return func(stream, *nats.Msg) error { return err }
}

func saying(answer nats.Msg) func(stream, *nats.Msg) error {
	return func(s stream, m *nats.Msg) error { return s.says(m, answer) }
}

// faulty is a connection whose nth operation goes wrong.
type faulty struct {
	stream

	mu     sync.Mutex
	nth    int // 1-based; 0 none
	how    fault
	called int
}

// breakable puts a faulty connection between s and its own.
func breakable(s *single) *faulty {
	f := &faulty{stream: stream{s.conn, s.hear}}
	s.conn = f
	return f
}

func (f *faulty) PublishMsg(m *nats.Msg) error {
	f.mu.Lock()
	f.called++
	hit := f.called == f.nth
	f.mu.Unlock()
	if hit {
		return f.how.do(f.stream, m)
	}
	return f.stream.PublishMsg(m)
}

func (f *faulty) break_(nth int, how fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nth, f.how, f.called = nth, how, 0
}

// TestNthOperationFails lets every operation fail once, in every way: nothing that
// was answered 200 is missing from the stream, and what is sent until it is answered
// 200 is there once.
func TestNthOperationFails(t *testing.T) {
	ns := jetstreamtest.Start(t)
	s, log := prepare(t, ns, func(o *Options) { o.Budget = 300 * time.Millisecond })
	stream := breakable(s.single)
	d := run(t, ns, s, log)
	const requests = 3
	stored := uint64(0)
	for _, how := range faults {
		for nth := 1; nth <= requests; nth++ {
			stream.break_(nth, how)
			for i := range requests {
				r := webhook(fmt.Sprint(how.name, nth, i))
				tries := 0
				for status := 0; status != 200; tries++ {
					if status = d.raw(r).status; status != 200 && status != 503 {
						t.Fatalf("%s: answered %d", how.name, status)
					}
					if tries > 2 {
						t.Fatalf("%s: never stored", how.name)
					}
				}
				if stored++; d.count() != stored {
					t.Fatalf("%s, operation %d, request %d: %d stored, want %d", how.name, nth, i, d.count(), stored)
				}
			}
		}
	}
}
