package ingress

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// eager has the committer gather whatever it may: singles seem to cost a second.
func eager(c *committer) *committer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pace = pace{gathers: true, sure: true, single: time.Second, fixed: time.Millisecond, pause: math.MaxInt}
	return c
}

// group is a committer on a real stream, and what it is made of.
type group struct {
	*committer
	js     jetstream.JetStream
	batch  *faultyConn
	single *single
}

func newGroup(t *testing.T, ns *jetstreamtest.Server) *group {
	t.Helper()
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	js := ns.JetStream(t)
	g := &group{js: js, batch: &faultyConn{requester: js.Conn()}, single: newSingle(js.Conn())}
	n := 0
	g.committer = eager(newCommitter(g.single, batch{g.batch, func() string { n++; return fmt.Sprint(t.Name(), n) }}, time.Second, m, time.Now))
	t.Cleanup(g.wait)
	return g
}

func message(id string) *nats.Msg {
	return &nats.Msg{Subject: "webhooks.pik.default", Header: nats.Header{nats.MsgIdHdr: {id}}, Data: []byte(id)}
}

// outcome is what one send came to.
type outcome struct {
	id  string
	ack *jetstream.PubAck
	err error
}

// sendAll sends one message each of ids at the same time.
func (g *group) sendAll(ctx context.Context, ids []string) []outcome {
	all := make([]outcome, len(ids))
	var wait sync.WaitGroup
	for i, id := range ids {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			ack, err := g.send(ctx, message(id))
			all[i] = outcome{id, ack, err}
		})
	}
	wait.Wait()
	return all
}

func names(prefix string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint(prefix, "-", i)
	}
	return ids
}

// stored is what the stream holds: sequence by message id.
func (g *group) stored(t *testing.T) map[string]uint64 {
	t.Helper()
	stream, err := g.js.Stream(t.Context(), rawStream)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]uint64)
	state := stream.CachedInfo().State
	for seq := state.FirstSeq; seq <= state.LastSeq && state.Msgs > 0; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		id := m.Header.Get(nats.MsgIdHdr)
		if found[id] != 0 || string(m.Data) != id {
			t.Errorf("%s is stored twice, or with other data", id)
		}
		found[id] = seq
	}
	return found
}

// batched counts the stored messages that came in a batch.
func (g *group) batched(t *testing.T) (n int) {
	t.Helper()
	stream, err := g.js.Stream(t.Context(), rawStream)
	if err != nil {
		t.Fatal(err)
	}
	for seq := range stream.CachedInfo().State.LastSeq {
		m, err := stream.GetMsg(t.Context(), seq+1)
		if err != nil {
			t.Fatal(err)
		}
		if m.Header.Get(batchIDHeader) != "" {
			n++
		}
	}
	return n
}

// checkEmpty checks that nothing is left when all is done.
func (g *group) checkEmpty(t *testing.T) {
	t.Helper()
	g.wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.ids) != 0 || len(g.queue) != 0 || g.onTheWay != 0 || g.batching {
		t.Errorf("left behind: %d ids, %d gathered, %d on their way", len(g.ids), len(g.queue), g.onTheWay)
	}
}

// TestGroups sends many at once: most leave in batches, and every receipt is true.
func TestGroups(t *testing.T) {
	g := newGroup(t, jetstreamtest.Start(t))
	for round := range 5 {
		all := g.sendAll(t.Context(), names(fmt.Sprint(round), 200))
		stored := g.stored(t)
		for _, o := range all {
			if o.err != nil || o.ack.Stream != rawStream || o.ack.Duplicate || o.ack.Sequence != stored[o.id] {
				t.Fatalf("%s: %+v %v, stored at %d", o.id, o.ack, o.err, stored[o.id])
			}
		}
	}
	if n := g.batched(t); n < 500 {
		t.Errorf("only %d of 1000 came in batches", n)
	}
	g.checkEmpty(t)
}

// TestSameIDs sends every message five times at once, and then once more.
func TestSameIDs(t *testing.T) {
	g := newGroup(t, jetstreamtest.Start(t))
	g.committer.batch.conn = &onceConn{requester: g.batch, t: t, sent: make(map[string]bool)}
	ids := names("same", 40)
	all := g.sendAll(t.Context(), append(append(append(append(ids, ids...), ids...), ids...), ids...))
	again := g.sendAll(t.Context(), append(names("fresh", 40), ids...))
	stored := g.stored(t)
	firsts := make(map[string]int)
	for _, o := range append(all, again...) {
		if o.err != nil || o.ack.Sequence != stored[o.id] {
			t.Fatalf("%s: %+v %v, stored at %d", o.id, o.ack, o.err, stored[o.id])
		}
		if !o.ack.Duplicate {
			firsts[o.id]++
		}
	}
	if len(stored) != 80 || len(firsts) != 80 {
		t.Errorf("%d stored, %d first acknowledgements", len(stored), len(firsts))
	}
	for id, n := range firsts {
		if n != 1 {
			t.Errorf("%s was acknowledged as new %d times", id, n)
		}
	}
}

// onceConn checks that no batch has an id twice: the server would reject it.
type onceConn struct {
	requester
	t    *testing.T
	sent map[string]bool // batch and message id
}

func (o *onceConn) note(m *nats.Msg) {
	key := m.Header.Get(batchIDHeader) + " " + m.Header.Get(nats.MsgIdHdr)
	if o.sent[key] {
		o.t.Errorf("%s is in a batch twice", key)
	}
	o.sent[key] = true
}

func (o *onceConn) PublishMsg(m *nats.Msg) error {
	o.note(m)
	return o.requester.PublishMsg(m)
}

func (o *onceConn) RequestMsgWithContext(ctx context.Context, m *nats.Msg) (*nats.Msg, error) {
	o.note(m)
	return o.requester.RequestMsgWithContext(ctx, m)
}

// TestStreamFillsUp has room for some only: those that are acknowledged are
// there, the others are not.
func TestStreamFillsUp(t *testing.T) {
	ns := jetstreamtest.Start(t, jetstreamtest.With(func(s *config.Streams) { s.Webhooks.MaxBytes = 2 * config.MiB }))
	g := newGroup(t, ns)
	large := strings.Repeat("x", 60_000)
	var ids []string
	for _, name := range names("full", 60) {
		ids = append(ids, large+name)
	}
	fits := 0
	stored := make(map[string]uint64)
	all := g.sendAll(t.Context(), ids)
	for id, seq := range g.stored(t) {
		stored[id] = seq
	}
	for _, o := range all {
		var api *jetstream.APIError
		switch {
		case o.err == nil && stored[o.id] == o.ack.Sequence:
			fits++
		case o.err == nil, stored[o.id] != 0:
			t.Errorf("%s: %+v %v, stored at %d", o.id[60_000:], o.ack, o.err, stored[o.id])
		case !errors.As(o.err, &api) || api.ErrorCode != codeStoreFailed:
			t.Errorf("%s: %v", o.id[60_000:], o.err)
		}
	}
	if fits < 10 || fits == len(ids) {
		t.Errorf("%d of %d fit", fits, len(ids))
	}
}

// TestNoBatches has a stream that does not take them.
func TestNoBatches(t *testing.T) {
	g := newGroup(t, jetstreamtest.Start(t))
	stream, err := g.js.Stream(t.Context(), rawStream)
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	c.AllowAtomicPublish = false
	if _, err := g.js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for _, o := range g.sendAll(t.Context(), names("x", 100)) {
		if o.err != nil {
			t.Fatal(o.err)
		}
	}
	g.checkEmpty(t)
	if len(g.stored(t)) != 100 || g.batched(t) != 0 || g.pace.rest < restRejected {
		t.Errorf("%d stored, %d in batches, rest %v", len(g.stored(t)), g.batched(t), g.pace.rest)
	}
}

// TestLeaves has senders whose time is over while they wait: gathered, and in a batch.
func TestLeaves(t *testing.T) {
	g := newGroup(t, jetstreamtest.Start(t))
	release := make(chan struct{})
	held := &heldConn{requester: g.batch, release: release, reached: make(chan struct{}, 100)}
	g.committer.batch.conn = held
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan []outcome, 3)
	go func() { results <- g.sendAll(ctx, names("batch", 40)) }()
	<-held.reached // a batch of them is under way
	go func() { results <- g.sendAll(ctx, names("gathered", 10)) }()
	eventually(t, "all are gathered", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.queue) >= 10
	})
	cancel()
	left := 0
	for range 2 {
		for _, o := range <-results {
			if o.err != nil {
				left++
			}
		}
	}
	if left < 20 {
		t.Errorf("%d left", left)
	}
	// Who sends again meanwhile shares the outcome of the batch that is under way.
	go func() { results <- g.sendAll(t.Context(), append(names("batch", 40), names("gathered", 10)...)) }()
	eventually(t, "they wait", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.queue) >= 10
	})
	close(release)
	for _, o := range <-results {
		if o.err != nil {
			t.Errorf("%s: %v", o.id, o.err)
		}
	}
	if n := len(g.stored(t)); n != 50 {
		t.Errorf("%d stored", n)
	}
	g.checkEmpty(t)
}

// heldConn holds the last message of every batch until it is released.
type heldConn struct {
	requester
	release, reached chan struct{}
}

func (h *heldConn) RequestMsgWithContext(ctx context.Context, m *nats.Msg) (*nats.Msg, error) {
	h.reached <- struct{}{}
	<-h.release
	return h.requester.RequestMsgWithContext(ctx, m)
}

// TestBounceOfBatches restarts the server under a load that leaves in batches.
func TestBounceOfBatches(t *testing.T) {
	ns := jetstreamtest.Start(t)
	s, log := prepare(t, ns, func(o *Options) { o.Budget = 2 * time.Second })
	eager(s.commits)
	d := run(t, ns, s, log)
	var l load
	stop := make(chan struct{})
	l.start(d, 48, stop)
	for range 4 {
		before := l.count.Load()
		eventually(t, "the load flows", func() bool { return l.count.Load() > before+150 })
		ns.Restart(t)
	}
	before := l.count.Load()
	eventually(t, "the load flows again", func() bool { return l.count.Load() > before+150 })
	close(stop)
	l.wait.Wait()
	eventually(t, "the test reconnected", func() bool { return d.js.Conn().IsConnected() })
	l.checkStored(t, d)
	if l.broken.Load() > 0 {
		t.Errorf("%d requests got no answer", l.broken.Load())
	}
	if !strings.Contains(scrape(t, d), `paybridge_publish_batches_total{result="ok"}`) {
		t.Error("nothing came in batches")
	}
	t.Logf("%d accepted, %d refused", l.count.Load(), l.refused.Load())
}

// TestPanicOfASend has the sending of a message panic while another waits for its
// outcome: neither it nor the next one with the same id waits for ever.
func TestPanicOfASend(t *testing.T) {
	g := newGroup(t, jetstreamtest.Start(t))
	waits := make(chan struct{})
	g.committer.single = sendFunc(func(context.Context, *nats.Msg) (*jetstream.PubAck, error) { <-waits; panic("canary") })
	var both sync.WaitGroup
	both.Go(func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is hidden")
			}
		}()
		_, _ = g.send(t.Context(), message("x"))
	})
	eventually(t, "the first is on its way", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.onTheWay == 1 })
	both.Go(func() {
		if ack, err := g.send(t.Context(), message("x")); !errors.Is(err, errUnfinished) {
			t.Errorf("%+v %v", ack, err)
		}
	})
	eventually(t, "the second waits", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.ids["x"].followers) == 1 })
	close(waits)
	both.Wait()
	g.checkEmpty(t)
	g.committer.single = g.single
	if _, err := g.send(t.Context(), message("x")); err != nil {
		t.Error(err)
	}
}

// sendFunc is a sender of one function.
type sendFunc func(ctx context.Context, m *nats.Msg) (*jetstream.PubAck, error)

func (f sendFunc) send(ctx context.Context, m *nats.Msg) (*jetstream.PubAck, error) { return f(ctx, m) }

// unanswered is a connection whose requests nobody answers.
type unanswered struct{ asked chan struct{} }

func (u unanswered) PublishMsg(*nats.Msg) error { return nil }

func (u unanswered) RequestMsgWithContext(ctx context.Context, _ *nats.Msg) (*nats.Msg, error) {
	close(u.asked)
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestBatchEndsWithTheConnection: the answer to a batch is not waited for when the server
// that owed it is gone, so that nobody queues behind it; it may be tried again.
func TestBatchEndsWithTheConnection(t *testing.T) {
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	u := unanswered{make(chan struct{})}
	c := newCommitter(nil, batch{u, func() string { return "one" }}, time.Hour, m, time.Now)
	ended := make(chan error, 1)
	go func() {
		_, err := c.publish([]*waiting{{message: message("a")}, {message: message("b")}})
		ended <- err
	}()
	<-u.asked
	c.disconnected()
	select {
	case err = <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it waits for the answer")
	}
	if result, again := resultOf(nil, err); result != "disconnected" || !again {
		t.Errorf("%v: %s, again %t", err, result, again)
	}
	c.disconnected() // nothing is under way: nothing to give up
}

// TestEmptyBatch: all who gathered may leave before their batch does.
func TestEmptyBatch(t *testing.T) {
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	c := newCommitter(nil, batch{}, time.Hour, m, time.Now)
	c.batching = true
	c.commit(c.take())
	if c.batching {
		t.Error("a batch of nothing is under way for ever")
	}
}
