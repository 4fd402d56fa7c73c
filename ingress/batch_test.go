package ingress

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// faultyConn is a connection whose nth operation on a batch goes wrong.
type faultyConn struct {
	requester
	mu     sync.Mutex
	nth    int // 1-based; 0 none, lastOperation the request
	how    batchFault
	called int
	hits   int
}

const lastOperation = -1

// batchFault is a way in which an operation on a batch goes wrong: request is of its
// last message.
type batchFault struct {
	name    string
	publish func(real requester, m *nats.Msg) error
	request func(ctx context.Context, real requester, m *nats.Msg) (*nats.Msg, error)
}

func (f *faultyConn) hit(last bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.called++
	if f.called != f.nth && !(last && f.nth == lastOperation) {
		return false
	}
	f.nth = 0
	f.hits++
	return true
}

func (f *faultyConn) PublishMsg(m *nats.Msg) error {
	if f.hit(false) {
		return f.how.publish(f.requester, m)
	}
	return f.requester.PublishMsg(m)
}

func (f *faultyConn) RequestMsgWithContext(ctx context.Context, m *nats.Msg) (*nats.Msg, error) {
	if f.hit(true) {
		return f.how.request(ctx, f.requester, m)
	}
	return f.requester.RequestMsgWithContext(ctx, m)
}

// answers has the batch stored, or not, and answered with something else.
func answers(stored bool, text string) func(context.Context, requester, *nats.Msg) (*nats.Msg, error) {
	return func(ctx context.Context, real requester, m *nats.Msg) (*nats.Msg, error) {
		if stored {
			if _, err := real.RequestMsgWithContext(ctx, m); err != nil {
				return nil, err
			}
		}
		return &nats.Msg{Data: []byte(text)}, nil
	}
}

var batchFaults = func() []batchFault {
	lost := func(requester, *nats.Msg) error { return nil }
	refused := func(requester, *nats.Msg) error { return nats.ErrReconnectBufExceeded }
	fail := func(err error) func(context.Context, requester, *nats.Msg) (*nats.Msg, error) {
		return func(context.Context, requester, *nats.Msg) (*nats.Msg, error) { return nil, err }
	}
	return []batchFault{
		{"refused", refused, fail(nats.ErrReconnectBufExceeded)},
		{"lost", lost, fail(context.DeadlineExceeded)},
		{"answer lost", lost, func(ctx context.Context, real requester, m *nats.Msg) (*nats.Msg, error) {
			if _, err := real.RequestMsgWithContext(ctx, m); err != nil {
				return nil, err
			}
			return nil, nats.ErrDisconnected
		}},
		{"nobody there", refused, fail(nats.ErrNoResponders)},
		{"sent twice", func(real requester, m *nats.Msg) error { return errors.Join(real.PublishMsg(m), real.PublishMsg(m)) }, answers(true, "nonsense")},
		{"another stream has it", lost, answers(false, `{"stream":"OTHER","seq":1}`)},
		{"an empty answer", lost, answers(true, "")},
		{"an answer to another batch", lost, answers(true, `{"stream":"WEBHOOKS","seq":100,"batch":"other","count":1}`)},
		{"an answer to another batch of as many", lost, func(_ context.Context, _ requester, m *nats.Msg) (*nats.Msg, error) {
			return &nats.Msg{Data: fmt.Appendf(nil, `{"stream":"WEBHOOKS","seq":50000,"batch":"other","count":%s}`, m.Header.Get(batchSeqHeader))}, nil
		}},
		{"an answer to the batch that counts nothing", lost, func(_ context.Context, _ requester, m *nats.Msg) (*nats.Msg, error) {
			return &nats.Msg{Data: fmt.Appendf(nil, `{"stream":"WEBHOOKS","seq":50000,"batch":%q}`, m.Header.Get(batchIDHeader))}, nil
		}},
		{"rejected", refused, answers(false, `{"error":{"code":400,"err_code":10201},"stream":"WEBHOOKS"}`)},
		{"rejected, yet stored", refused, answers(true, `{"error":{"code":400,"err_code":10176},"stream":"WEBHOOKS"}`)},
		{"full", refused, answers(false, `{"error":{"code":503,"err_code":10077},"stream":"WEBHOOKS"}`)},
		{"panic", func(requester, *nats.Msg) error { panic("canary") }, func(context.Context, requester, *nats.Msg) (*nats.Msg, error) { panic("canary") }},
	}
}()

// TestNthOperationOfABatchFails lets every operation of a batch fail, in every way:
// what is acknowledged is stored, where it says; and what is sent until it is
// acknowledged is there once.
func TestNthOperationOfABatchFails(t *testing.T) {
	g := newGroup(t, jetstreamtest.Start(t))
	const messages = 40
	acknowledged := make(map[string]uint64)
	for _, how := range batchFaults {
		for _, nth := range []int{1, 2, 9, lastOperation} {
			eager(g.committer)
			g.batch.mu.Lock()
			g.batch.nth, g.batch.how, g.batch.called = nth, how, 0
			g.batch.mu.Unlock()
			left := names(fmt.Sprint(how.name, nth), messages)
			for tries := 0; len(left) > 0; tries++ {
				if tries > 3 {
					t.Fatalf("%s, operation %d: %d are never stored", how.name, nth, len(left))
				}
				var failed []string
				for _, o := range g.sendAll(t.Context(), left) {
					if o.err != nil {
						failed = append(failed, o.id)
						continue
					}
					acknowledged[o.id] = o.ack.Sequence
				}
				left = failed
			}
		}
	}
	if want := 4 * len(batchFaults); g.batch.hits != want {
		t.Errorf("%d operations failed, want %d", g.batch.hits, want)
	}
	stored := g.stored(t)
	for id, seq := range acknowledged {
		if stored[id] != seq {
			t.Errorf("%s was acknowledged at %d and is stored at %d", id, seq, stored[id])
		}
	}
	if len(stored) != len(acknowledged) {
		t.Errorf("%d stored, %d acknowledged", len(stored), len(acknowledged))
	}
}
