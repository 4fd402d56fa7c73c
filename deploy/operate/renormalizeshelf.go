package operate

import (
	"context"
	"errors"
	"fmt"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"paybridge/deploy/jetstream"
)

// cursor reads a range of a stream batch by batch, by direct get. Unlike in a walk,
// nothing waits at the server while a batch is worked on.
type cursor struct {
	js     natsjs.JetStream
	stream string
	r      Range
	next   jetstreamext.GetBatchOpt
	last   uint64
	done   bool
}

func (w *renormalizing) cursor(stream string, r Range) *cursor {
	next := jetstreamext.GetBatchSeq(max(r.From, 1))
	if r.From == 0 && !r.Since.IsZero() {
		next = jetstreamext.GetBatchStartTime(r.Since)
	}
	return &cursor{js: w.js, stream: stream, r: r, next: next, last: r.To}
}

// batch reads on; none are left where it returns none.
func (c *cursor) batch(ctx context.Context) (messages []*natsjs.RawStreamMsg, err error) {
	if c.done {
		return nil, nil
	}
	if c.last == 0 { // what is stored from now on is not of this range
		s, err := c.js.Stream(ctx, c.stream)
		if err != nil {
			return nil, streamAdvice(c.stream, err)
		}
		if c.last = s.CachedInfo().State.LastSeq; c.last == 0 {
			c.done = true
			return nil, nil
		}
	}
	seen, err := walkOnce(ctx, c.js, c.stream, c.next, c.r, c.last, func(m *natsjs.RawStreamMsg) error {
		messages = append(messages, m)
		return nil
	})
	switch {
	case errors.Is(err, errStop), errors.Is(err, jetstreamext.ErrNoMessages):
		c.done = true
	case err != nil:
		return nil, err
	case seen >= c.last:
		c.done = true
	}
	c.next = jetstreamext.GetBatchSeq(seen + 1)
	return messages, nil
}

// The most that a shelf holds.
const (
	shelfMessages = 8192
	shelfBytes    = 64 << 20
)

// shelf holds the deliveries around the event at hand. Events are stored in nearly
// the order of their deliveries, so it moves forward with them; one that is behind it,
// such as that of a dead letter that was redriven, is read by itself.
type shelf struct {
	stream natsjs.Stream
	ahead  *cursor
	kept   map[uint64]*natsjs.RawStreamMsg
	order  []uint64
	bytes  int
	end    uint64 // the last sequence that was read
}

// take is the delivery with a sequence, nil where WEBHOOKS does not hold it.
func (s *shelf) take(ctx context.Context, sequence uint64) (*natsjs.RawStreamMsg, error) {
	for sequence > s.end && !s.ahead.done {
		messages, err := s.ahead.batch(ctx)
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			s.put(m)
		}
	}
	if m := s.kept[sequence]; m != nil {
		return m, nil
	}
	m, err := s.stream.GetMsg(ctx, sequence)
	if errors.Is(err, natsjs.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("delivery %d: %w", sequence, streamAdvice(jetstream.Webhooks, err))
	}
	return m, nil
}

// put adds a delivery and drops the oldest for it.
func (s *shelf) put(m *natsjs.RawStreamMsg) {
	s.kept[m.Sequence], s.end = m, m.Sequence
	s.order = append(s.order, m.Sequence)
	s.bytes += len(m.Data)
	for len(s.order) > shelfMessages || s.bytes > shelfBytes {
		oldest := s.order[0]
		s.bytes -= len(s.kept[oldest].Data)
		delete(s.kept, oldest)
		s.order = s.order[1:]
	}
}
