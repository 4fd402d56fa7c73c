package ingress

import (
	"context"
	"testing"
	"time"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestHeirs has those who sent a message first give up, while others wait for the same
// one: in a batch that is rejected, and gathered behind it.
func TestHeirs(t *testing.T) {
	g := newGroup(t, jetstreamtest.Start(t))
	release := make(chan struct{})
	held := &heldConn{requester: g.batch, release: release, reached: make(chan struct{}, 100)}
	g.committer.batch.conn = held
	g.batch.nth, g.batch.how = lastOperation, batchFault{request: answers(false, `{"error":{"code":400,"err_code":10201},"stream":"WEBHOOKS"}`)}
	ctx, cancel := context.WithCancel(t.Context())
	first, others := make(chan []outcome, 2), make(chan []outcome, 2)
	// all is how many wait, when none is on its way by itself any more.
	all := func() (n int) {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, w := range g.ids {
			n += 1 + len(w.followers)
		}
		return n - 1000*g.onTheWay
	}
	go func() { first <- g.sendAll(ctx, names("batch", 40)) }()
	<-held.reached
	go func() { first <- g.sendAll(ctx, names("gathered", 5)) }()
	once := 0
	eventually(t, "all wait or are stored", func() bool {
		stream, err := g.js.Stream(t.Context(), rawStream)
		once = all()
		return err == nil && once+int(stream.CachedInfo().State.Msgs) == 45
	})
	go func() { others <- g.sendAll(t.Context(), names("batch", 40)) }()
	go func() { others <- g.sendAll(t.Context(), names("gathered", 5)) }()
	eventually(t, "all wait once more", func() bool { return all() == once+45 })
	cancel()
	for range 2 {
		<-first
	}
	close(release)
	for range 2 {
		for _, o := range <-others {
			if o.err != nil {
				t.Errorf("%s: %v", o.id, o.err)
			}
		}
	}
	if n := len(g.stored(t)); n != 45 {
		t.Errorf("%d stored", n)
	}
	g.checkEmpty(t)
}

// TestHeir: the place of a message goes to the first who still waits for it, behind whom
// the others wait from then on, and who sends it next.
func TestHeir(t *testing.T) {
	c := newCommitter(nil, batch{}, time.Second, nil, time.Now)
	left, heir, next := &waiting{id: "a", gone: true}, &waiting{id: "a"}, &waiting{id: "a"}
	first := &waiting{id: "a", followers: []*waiting{left, heir, next}}
	c.ids["a"] = first
	if got := c.heir(first); got != heir || c.ids["a"] != heir || len(heir.followers) != 1 || heir.followers[0] != next {
		t.Errorf("the heir is %p, known is %p, want %p; %d behind it", got, c.ids["a"], heir, len(heir.followers))
	}
	next.gone = true
	if got := c.heir(heir); got != nil || len(c.ids) != 0 {
		t.Errorf("nobody waits: heir %p, %d ids known", got, len(c.ids))
	}
}
