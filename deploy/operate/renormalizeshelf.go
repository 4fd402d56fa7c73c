package operate

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/event"
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
	ctx, cancel := context.WithTimeout(ctx, walkTimeout)
	defer cancel()
	options := []jetstreamext.GetBatchOpt{c.next, jetstreamext.GetBatchMaxBytes(walkBytes)}
	if c.r.Subject != "" {
		options = append(options, jetstreamext.GetBatchSubject(c.r.Subject))
	}
	read, err := jetstreamext.GetBatch(ctx, c.js, c.stream, cursorBatch, options...)
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
		messages = append(messages, m)
	}
	if len(messages) == 0 {
		return nil, fmt.Errorf("stream %s: the server did not answer a read in time", c.stream)
	}
	seen := messages[len(messages)-1].Sequence
	c.done = seen >= c.last
	c.next = jetstreamext.GetBatchSeq(seen + 1)
	return messages, nil
}

// cursorBatch is the size of one read. Every read costs some 40 ms on a busy server,
// so that a walk's 512 would be most of the time.
const cursorBatch = 4096

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

// peek finds the attribute sequence in an event in structured form, without decoding
// it; 0 where it finds none. A quote inside of a text is escaped, so that what it
// finds is a member's name; that it is this one's is for decode to confirm.
func peek(data []byte) (of itemOf) {
	const name, size = `"sequence":"`, 25
	i := bytes.Index(data, []byte(name))
	if i < 0 || len(data) < i+len(name)+size {
		return itemOf{}
	}
	sequence, item, err := splitSequence(string(data[i+len(name) : i+len(name)+size]))
	if err != nil {
		return itemOf{}
	}
	return itemOf{sequence, item}
}

// decode decodes the stored event. It is invalid where peek saw something else.
func (p *pair) decode() {
	seen := p.of
	var err error
	if p.stored, err = event.Decode(p.message.Header, p.message.Data); err == nil {
		p.of.sequence, p.of.item, err = splitSequence(p.stored.Sequence)
	}
	p.invalid = err != nil || seen.sequence != 0 && seen != p.of
}

// equals says that the stored event is, byte for byte, what an event is stored as:
// the quick way for the many that have not changed.
func (p *pair) equals(now *event.Event) bool {
	if now == nil || p.message.Header.Get("Content-Type") == "" {
		return false
	}
	text, err := now.AppendStructured(make([]byte, 0, len(p.message.Data)))
	return err == nil && bytes.Equal(text, p.message.Data)
}

// fetched is one batch, or why there is none.
type fetched struct {
	messages []*natsjs.RawStreamMsg
	err      error
}

// ahead reads the next batch while the last one is worked on. Whoever calls it
// receives from what it returns.
func (c *cursor) ahead(ctx context.Context) <-chan fetched {
	next := make(chan fetched, 1)
	go func() {
		messages, err := c.batch(ctx)
		next <- fetched{messages, err}
	}()
	return next
}
