package ingress

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/schemas/delivery"
)

// The bounds of one batch; the server takes up to 1,000 messages.
const (
	batchMessages = 1000
	batchBytes    = 4 << 20
)

// committer is a sender that commits in groups where that is faster. A message leaves
// at once, by itself, as long as few are on their way; while more are, or a batch is
// under way, those that arrive gather, and leave together as soon as they may: no timer
// delays any of them, and a lone webhook never waits.
//
// Messages with the id of one that is gathered or on its way are not sent: they share
// its outcome, or take its place when who waited for it gives up. A batch that the
// server rejects (an id of it is stored already, or the stream is full) leaves as single
// messages, each of which learns its own fate.
type committer struct {
	single   sender
	batch    batch
	patience time.Duration // for the answer to a batch
	now      func() time.Time
	metrics  *metrics

	mu       sync.Mutex
	pace     pace
	ids      map[string]*waiting     // message id → who waits for it first
	queue    []*waiting              // gathered, oldest first
	onTheWay int                     // messages that were sent by themselves
	batching bool                    // a batch is under way
	giveUp   context.CancelCauseFunc // ends the wait for the answer to it; nil where there is none
	batches  sync.WaitGroup
}

// waiting is a message whose outcome somebody waits for.
type waiting struct {
	message   *nats.Msg
	id        string
	turn      chan turn  // has room for the one turn that comes
	followers []*waiting // same id
	gone      bool       // nobody waits any more
}

// turn is what a waiting message learns: its outcome, or that it is to be sent by
// itself, by who waits for it.
type turn struct {
	ack    *jetstream.PubAck
	err    error
	itself bool
}

// newCommitter makes a committer that nothing is known to: how it sends messages by
// themselves and in a batch, how long it waits for the answer to a batch, and where it
// counts.
func newCommitter(single sender, b batch, patience time.Duration, m *metrics, now func() time.Time) *committer {
	return &committer{
		single: single, batch: b, patience: patience, now: now, metrics: m,
		pace: newPace(), ids: make(map[string]*waiting),
	}
}

// send is how a sender sees all this: one message, and what became of it. The
// goroutine of the caller does the sending where the message leaves by itself.
func (c *committer) send(ctx context.Context, m *nats.Msg) (*jetstream.PubAck, error) {
	w := &waiting{message: m, id: m.Header.Get(delivery.MessageIDHeader)}
	if !c.enter(w) {
		select {
		case t := <-w.turn:
			if !t.itself {
				return t.ack, t.err
			}
		case <-ctx.Done():
			c.leave(w)
			return nil, ctx.Err()
		}
	}
	return c.itself(ctx, w)
}

// itself sends w by itself. Whatever happens, w's place is given back: who sends the
// same message again must not wait for it.
func (c *committer) itself(ctx context.Context, w *waiting) (ack *jetstream.PubAck, err error) {
	err = errUnfinished
	defer func() { c.finish(w, ack, err) }()
	return c.single.send(ctx, w.message)
}

var errUnfinished = errors.New("the message was given up")

// wait returns when no batch is under way.
func (c *committer) wait() { c.batches.Wait() }

// enter puts w where it belongs; true means that it is to be sent by itself, now.
func (c *committer) enter(w *waiting) (itself bool) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := c.ids[w.id]; first != nil {
		w.turn = make(chan turn, 1)
		first.followers = append(first.followers, w)
		return false
	}
	c.ids[w.id] = w
	if !c.batching && len(c.queue) == 0 {
		if limit, _ := c.pace.atATime(now); c.onTheWay < limit {
			c.onTheWay++
			return true
		}
	}
	w.turn = make(chan turn, 1)
	c.queue = append(c.queue, w)
	c.dispatch(now)
	return false
}

// dispatch lets go what may go: a batch where enough has gathered, else messages by
// themselves.
func (c *committer) dispatch(now time.Time) {
	if c.batching {
		return
	}
	if c.onTheWay == 0 && len(c.queue) == 0 {
		c.pace.idle()
		return
	}
	limit, batch := c.pace.atATime(now)
	if batch && len(c.queue) > limit {
		if c.onTheWay > limit/4 {
			return // the server is busy with them as yet, and more may gather
		}
		c.batching = true
		c.pace.gathered(now)
		c.batches.Go(func() { c.commit(c.take()) })
		return
	}
	for c.onTheWay < limit && len(c.queue) > 0 {
		w := c.queue[0]
		c.queue = c.queue[1:]
		c.goes(w)
	}
}

// finish ends the way of a message that was sent by itself.
func (c *committer) finish(w *waiting, ack *jetstream.PubAck, err error) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.pace.acked(now, len(c.ids))
	}
	c.onTheWay--
	c.resolve(w, ack, err)
	c.dispatch(now)
}

// heir is who takes the place of w, for which nobody waits any more: the first of those
// with its id that does; nil where there is none.
func (c *committer) heir(w *waiting) *waiting {
	for i, f := range w.followers {
		if !f.gone {
			f.followers = w.followers[i+1:]
			c.ids[w.id] = f
			return f
		}
	}
	delete(c.ids, w.id)
	return nil
}

// resolve tells those with w's id what became of it: for them it is a duplicate.
func (c *committer) resolve(w *waiting, ack *jetstream.PubAck, err error) {
	delete(c.ids, w.id)
	for _, f := range w.followers {
		t := turn{err: err}
		if err == nil {
			same := *ack
			same.Duplicate = true
			t.ack = &same
		}
		f.turn <- t
	}
}

// leave gives w up, whose time is over; what is under way stays under way.
func (c *committer) leave(w *waiting) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	w.gone = true
	select {
	case t := <-w.turn: // it came at the same moment
		if t.itself {
			c.onTheWay--
			c.goes(w)
			c.dispatch(now)
		}
		return
	default:
	}
	i := slices.Index(c.queue, w)
	if i < 0 {
		return
	}
	if heir := c.heir(w); heir != nil {
		c.queue[i] = heir
	} else {
		c.queue = slices.Delete(c.queue, i, i+1)
	}
}

// goes sends w by itself, or who takes its place where nobody waits for it any more.
func (c *committer) goes(w *waiting) {
	if w.gone {
		w = c.heir(w)
	}
	if w != nil {
		c.onTheWay++
		w.turn <- turn{itself: true}
	}
}

// take is the next batch: the oldest that gathered.
func (c *committer) take() []*waiting {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, bytes := 0, 0
	for n < min(len(c.queue), batchMessages) {
		if bytes += len(c.queue[n].message.Data); n > 0 && bytes > batchBytes {
			break
		}
		n++
	}
	taken := c.queue[:n:n] // empty where all have left meanwhile
	c.queue = append([]*waiting(nil), c.queue[n:]...)
	return taken
}

// commit stores a batch and tells everybody.
func (c *committer) commit(group []*waiting) {
	var first uint64
	var err error
	if len(group) > 0 {
		first, err = c.publish(group)
	}
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batching = false
	if len(group) == 0 {
		c.pace.failed()
		c.dispatch(now)
		return
	}
	var rejected *rejectedError
	result := "ok"
	switch {
	case err == nil:
		c.pace.batched(now, len(group), len(c.ids))
		for i, w := range group {
			ack := &jetstream.PubAck{Stream: rawStream, Sequence: first + uint64(i)}
			c.resolve(w, ack, nil)
			w.turn <- turn{ack: ack}
		}
	case errors.As(err, &rejected):
		result = "rejected"
		c.pace.rejected(now)
		for _, w := range group {
			c.goes(w)
		}
	default:
		result = "failed"
		c.pace.failed()
		for _, w := range group {
			c.resolve(w, nil, err)
			w.turn <- turn{err: err}
		}
	}
	c.metrics.batched(result, len(group))
	c.dispatch(now)
}

// publish is the batch on the wire. A panic is an error of this batch, not the end of
// the process.
func (c *committer) publish(group []*waiting) (first uint64, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("batch: a panic of type %T", cause)
		}
	}()
	messages := make([]*nats.Msg, len(group))
	for i, w := range group {
		messages[i] = w.message
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	c.awaits(giveUp)
	defer c.awaits(nil)
	if first, err = c.batch.publish(ctx, messages); err != nil && errors.Is(context.Cause(ctx), nats.ErrDisconnected) {
		err = nats.ErrDisconnected
	}
	return first, err
}

func (c *committer) awaits(giveUp context.CancelCauseFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.giveUp = giveUp
}

// disconnected ends the wait for the answer to a batch: the server that owed it is gone.
func (c *committer) disconnected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.giveUp != nil {
		c.giveUp(nats.ErrDisconnected)
	}
}
