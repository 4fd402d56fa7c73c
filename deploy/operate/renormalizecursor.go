package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// cursor reads a range of a stream batch by batch, by direct get, the next one while
// the last one is worked on. Unlike in a walk, nothing waits at the server meanwhile.
type cursor struct {
	js      natsjs.JetStream
	stream  string
	subject string // filter; "" means every subject
	next    jetstreamext.GetBatchOpt
	last    uint64
	batchOf int
	total   int // messages from the first on, also beyond last: after the first batch
	done    bool
	ahead   chan fetched // nil where nothing is being read
}

// fetched is one batch, or why there is none.
type fetched struct {
	messages []*natsjs.RawStreamMsg
	err      error
}

// cursorBatch is the size of one read: large enough that what a read costs by itself
// is little, and small enough that those in memory are.
const cursorBatch = 1024

// cursor begins to read a range that says where it ends. close ends it.
func (w *renormalizing) cursor(stream string, r Range) *cursor {
	next := jetstreamext.GetBatchSeq(max(r.From, 1))
	if r.From == 0 && !r.Since.IsZero() {
		next = jetstreamext.GetBatchStartTime(r.Since)
	}
	return &cursor{js: w.js, stream: stream, subject: r.Subject, next: next, last: r.To, batchOf: cmp.Or(w.batchOf, cursorBatch), done: r.To == 0}
}

// batch reads on; none are left where it returns none.
func (c *cursor) batch(ctx context.Context) ([]*natsjs.RawStreamMsg, error) {
	if c.ahead == nil {
		c.read(ctx)
	}
	if c.ahead == nil {
		return nil, nil
	}
	got := <-c.ahead
	c.ahead = nil
	if got.err == nil {
		c.read(ctx)
	}
	return got.messages, got.err
}

// read begins to read a batch, where there is one more.
func (c *cursor) read(ctx context.Context) {
	if c.done {
		return
	}
	ahead := make(chan fetched, 1)
	c.ahead = ahead
	go func() {
		messages, err := c.fetch(ctx)
		ahead <- fetched{messages, err}
	}()
}

// close waits for what is being read; whoever does not want it cancels its context.
func (c *cursor) close() {
	if c.ahead != nil {
		<-c.ahead
		c.ahead, c.done = nil, true
	}
}

// fetch reads a batch. It is done where it has read the last one.
func (c *cursor) fetch(ctx context.Context) (messages []*natsjs.RawStreamMsg, err error) {
	ctx, cancel := context.WithTimeout(ctx, walkTimeout)
	defer cancel()
	options := []jetstreamext.GetBatchOpt{c.next, jetstreamext.GetBatchMaxBytes(walkBytes)}
	if c.subject != "" {
		options = append(options, jetstreamext.GetBatchSubject(c.subject))
	}
	read, err := jetstreamext.GetBatch(ctx, c.js, c.stream, c.batchOf, options...)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", c.stream, err)
	}
	for m, err := range read {
		switch {
		case errors.Is(err, jetstreamext.ErrNoMessages):
			c.done = true
			return messages, nil
		case err != nil:
			return nil, fmt.Errorf("stream %s: %w", c.stream, err)
		case m.Sequence > c.last:
			c.done = true
			return messages, nil
		}
		if c.total == 0 {
			pending, _ := strconv.Atoi(m.Header.Get("Nats-Num-Pending")) // a guess at the end is all that it is for
			c.total = pending + 1
		}
		messages = append(messages, m)
	}
	if len(messages) == 0 {
		return nil, fmt.Errorf("stream %s: %w", c.stream, errNoAnswer)
	}
	seen := messages[len(messages)-1].Sequence
	c.done = seen >= c.last
	c.next = jetstreamext.GetBatchSeq(seen + 1)
	return messages, nil
}
