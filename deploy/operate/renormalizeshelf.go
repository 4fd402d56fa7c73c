package operate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/event"
)

// The most that a shelf holds: what all normalizers together may have in hand, in any
// order, and a batch.
const (
	shelfMessages = jetstream.MaxAckPending + cursorBatch
	shelfBytes    = 32 << 20
)

// shelf holds the deliveries around the events at hand. Events are stored in nearly
// the order of their deliveries, so it moves forward with them. What is behind it,
// such as the deliveries of corrections and of dead letters that were redriven, is
// read beside it.
type shelf struct {
	w       *renormalizing
	stream  natsjs.Stream
	forward *cursor
	kept    map[uint64]*natsjs.RawStreamMsg
	order   []uint64 // of kept; the oldest first
	bytes   int
	end     uint64 // the last sequence that was read
}

// take is the deliveries with these sequences that WEBHOOKS holds.
func (s *shelf) take(ctx context.Context, sequences []uint64) (map[uint64]*natsjs.RawStreamMsg, error) {
	slices.Sort(sequences)
	sequences = slices.Compact(sequences)
	found := make(map[uint64]*natsjs.RawStreamMsg, len(sequences))
	var behind []uint64
	for _, sequence := range sequences {
		if err := s.advance(ctx, sequence); err != nil {
			return nil, err
		}
		if m := s.kept[sequence]; m != nil {
			found[sequence] = m
		} else {
			behind = append(behind, sequence)
		}
	}
	for len(behind) > 0 {
		n := near(behind)
		if err := s.readBehind(ctx, behind[:n], found); err != nil {
			return nil, err
		}
		behind = behind[n:]
	}
	return found, nil
}

// advance reads on up to a sequence.
func (s *shelf) advance(ctx context.Context, sequence uint64) error {
	for sequence > s.end {
		messages, err := s.forward.batch(ctx)
		if err != nil {
			return err
		}
		if len(messages) == 0 {
			return nil
		}
		for _, m := range messages {
			s.put(m)
		}
	}
	return nil
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

// Where the next delivery is not farther than nearby, reading what is between costs
// less than asking again.
const (
	nearby = 32
	few    = 8
)

// near is how many of some sequences, which are in order, are best read at once.
func near(sequences []uint64) int {
	n := 1
	for n < len(sequences) && sequences[n]-sequences[n-1] <= nearby {
		n++
	}
	if n < few {
		return 1
	}
	return n
}

// readBehind reads deliveries that the shelf does not hold, and what is between them.
func (s *shelf) readBehind(ctx context.Context, sequences []uint64, into map[uint64]*natsjs.RawStreamMsg) error {
	if len(sequences) == 1 {
		m, err := s.stream.GetMsg(ctx, sequences[0])
		switch {
		case errors.Is(err, natsjs.ErrMsgNotFound):
		case err != nil:
			return fmt.Errorf("delivery %d: %w", sequences[0], streamAdvice(jetstream.Webhooks, err))
		default:
			into[m.Sequence] = m
		}
		return nil
	}
	c := s.w.cursor(jetstream.Webhooks, Range{From: sequences[0], To: sequences[len(sequences)-1]})
	defer c.close()
	for {
		messages, err := c.batch(ctx)
		if err != nil || len(messages) == 0 {
			return err
		}
		for _, m := range messages {
			if _, asked := slices.BinarySearch(sequences, m.Sequence); asked {
				into[m.Sequence] = m
			}
		}
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
