package normalizer

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// moreBatch is how many must have gathered for a second batch to leave while the first
// is under way; batchesUnderWay is how many may be.
const (
	moreBatch       = 64
	batchesUnderWay = 2
)

// send sends what may be sent, within the window. What is ready together has no order
// among itself, as at most one of a lane is: so it may leave together, as one atomic
// batch, where the pace says that this is faster. Nothing that is ready waits for
// anything but an answer to what is under way: a lone event leaves at once.
func (s *stage) send() {
	for len(s.alone) > 0 && s.sending < s.window {
		s.sendSingle(s.alone[0])
		s.alone = s.alone[1:]
	}
	limit, batch := s.pace.atATime(s.at)
	for len(s.ready) > 0 && s.sending < s.window && s.sendNext(limit, batch) {
	}
	s.pace.sent(s.at, underWay{singles: s.singles, batches: s.batches, full: len(s.ready) > 0 && s.batches == 0 && s.singles == s.window})
}

// sendNext sends the next batch or single; it is false where what is ready gathers.
func (s *stage) sendNext(limit int, batch bool) bool {
	switch {
	case batch && len(s.ready) >= limit && s.singles <= limit && (s.batches == 0 || s.batches < batchesUnderWay && len(s.ready) >= moreBatch):
		s.sendBatch(s.gather())
	case s.batches == 0 && s.singles < limit:
		s.sendSingle(s.ready[0])
		s.ready = s.ready[1:]
	default:
		return false
	}
	return true
}

func (s *stage) sendSingle(p *publication) {
	s.sending++
	s.singles++
	s.leaves(p)
	s.bus.send(p.msg, func(ack *jetstream.PubAck, err error) { s.answers <- answer{of: p, single: true, ack: ack, err: err} })
}

// gather takes what leaves as the next batch: the oldest of what is ready for one
// stream.
func (s *stage) gather() []*publication {
	most := min(batchMessages, s.window-s.sending)
	stream, bytes := s.ready[0].stream, 0
	batch := make([]*publication, 0, min(most, len(s.ready)))
	left := s.ready[:0]
	for _, p := range s.ready {
		size := p.msg.Size()
		if p.stream != stream || len(batch) == most || len(batch) > 0 && bytes+size > batchBytes {
			left = append(left, p)
			continue
		}
		bytes += size
		batch = append(batch, p)
	}
	s.ready = left
	return batch
}

func (s *stage) sendBatch(batch []*publication) {
	s.pace.gathered(s.at)
	s.sending += len(batch)
	s.batches++
	messages := make([]*nats.Msg, len(batch))
	for i, p := range batch {
		s.leaves(p)
		messages[i] = p.msg
	}
	s.bus.sendBatch(messages, func(first *jetstream.PubAck, err error) { s.answers <- answer{batch: batch, ack: first, err: err} })
}

// settleBatch gives each publication of a batch its part of the answer. What was
// rejected goes by itself, and learns its own fate; so does what nobody knows about,
// when it is tried again.
func (s *stage) settleBatch(ctx context.Context, a answer) {
	s.batches--
	var rejected *rejectedError
	switch {
	case a.err == nil:
		s.pace.batched(s.at, len(a.batch))
	case errors.As(a.err, &rejected):
		s.pace.rejected(s.at)
		s.sending -= len(a.batch)
		s.alone = append(s.alone, a.batch...)
		return
	}
	for i, p := range a.batch {
		part := answer{of: p, err: a.err}
		if a.err == nil {
			part.ack = &jetstream.PubAck{Stream: a.ack.Stream, Sequence: a.ack.Sequence + uint64(i)}
		}
		s.settle(ctx, part)
	}
}
