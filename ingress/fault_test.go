package ingress

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// future is a PubAckFuture of our own making.
type future struct {
	ok  chan *jetstream.PubAck
	err chan error
}

func newFuture() *future {
	return &future{make(chan *jetstream.PubAck, 1), make(chan error, 1)}
}

func (f *future) Ok() <-chan *jetstream.PubAck { return f.ok }
func (f *future) Err() <-chan error            { return f.err }
func (f *future) Msg() *nats.Msg               { return nil }

// fault is a way in which one operation on the stream goes wrong.
type fault struct {
	name string
	do   func(real asyncPublisher, m *nats.Msg) (jetstream.PubAckFuture, error)
}

var errInjected = errors.New("injected")

// faults: some store the message, some do not, and none says so truthfully.
var faults = []fault{
	{"refused", func(asyncPublisher, *nats.Msg) (jetstream.PubAckFuture, error) { return nil, errInjected }},
	{"not connected", func(asyncPublisher, *nats.Msg) (jetstream.PubAckFuture, error) {
		return nil, nats.ErrReconnectBufExceeded
	}},
	{"lost on the way", func(asyncPublisher, *nats.Msg) (jetstream.PubAckFuture, error) { return newFuture(), nil }},
	{"answer lost", func(real asyncPublisher, m *nats.Msg) (jetstream.PubAckFuture, error) {
		if _, err := real.PublishMsgAsync(m); err != nil {
			return nil, err
		}
		return newFuture(), nil
	}},
	{"stored, then disconnected", func(real asyncPublisher, m *nats.Msg) (jetstream.PubAckFuture, error) {
		stored, err := real.PublishMsgAsync(m)
		if err != nil {
			return nil, err
		}
		<-stored.Ok()
		f := newFuture()
		f.err <- nats.ErrDisconnected
		return f, nil
	}},
	{"lost, then disconnected", failing(nats.ErrDisconnected)},
	{"no responders", failing(jetstream.ErrNoStreamResponse)},
	{"full", failing(&jetstream.APIError{Code: 503, ErrorCode: codeStoreFailed})},
	{"in process", failing(&jetstream.APIError{Code: 409, ErrorCode: codeIDInProcess})},
	{"another stream has it", func(asyncPublisher, *nats.Msg) (jetstream.PubAckFuture, error) {
		f := newFuture()
		f.ok <- &jetstream.PubAck{Stream: "OTHER", Sequence: 1}
		return f, nil
	}},
}

func failing(err error) func(asyncPublisher, *nats.Msg) (jetstream.PubAckFuture, error) {
	return func(asyncPublisher, *nats.Msg) (jetstream.PubAckFuture, error) {
		f := newFuture()
		f.err <- err
		return f, nil
	}
}

// faulty is a stream whose nth operation goes wrong.
type faulty struct {
	real asyncPublisher

	mu     sync.Mutex
	nth    int // 1-based; 0 none
	how    fault
	called int
}

func (f *faulty) PublishMsgAsync(m *nats.Msg, opts ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	f.mu.Lock()
	f.called++
	hit := f.called == f.nth
	f.mu.Unlock()
	if hit {
		return f.how.do(f.real, m)
	}
	return f.real.PublishMsgAsync(m, opts...)
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
	stream := &faulty{real: s.js}
	s.commits.single = single{stream}
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
