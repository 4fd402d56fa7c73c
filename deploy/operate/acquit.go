package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/normalizer"
	"paybridge/schemas/delivery"
)

// suspect is a delivery that was mapped again.
type suspect struct {
	lost    Lost
	missing map[string]int // message id of each event that it becomes → its item, until it is found
	unknown string         // what else is missing, or why that cannot be told
}

// acquit maps suspects again and looks for what they become among all stored
// events. What is not found is lost.
func (a Audit) acquit(ctx context.Context, js natsjs.JetStream, sequences []uint64, t *traces, sum *Audited) ([]Lost, error) {
	suspects := map[uint64]*suspect{}
	look := map[string][]uint64{} // message id of an event → suspects that become it
	again, mapped := a.progress("deliveries mapped again"), 0
	err := each(ctx, js, sequences, func(m *natsjs.RawStreamMsg) {
		mapped++
		again(mapped, len(sequences))
		s := a.again(m, t.hasDead(m.Sequence))
		suspects[m.Sequence] = s
		for id := range s.missing {
			look[id] = append(look[id], m.Sequence)
		}
	})
	if err != nil || len(sequences) == 0 {
		return nil, err
	}
	if err := find(ctx, js, look, suspects, a.progress("messages of "+jetstream.Payments+" searched")); err != nil {
		return nil, err
	}
	var lost []Lost
	for _, sequence := range sequences {
		s := suspects[sequence]
		switch {
		case s == nil:
			sum.Deliveries-- // it has reached its age meanwhile, or is counted as deleted
		case s.unknown != "" || len(s.missing) > 0:
			s.lost.Missing = s.text()
			lost = append(lost, s.lost)
		case !t.events[sequence-t.from] && !t.hasDead(sequence):
			sum.Duplicates++
		}
	}
	return lost, nil
}

// fewSuspects is how many suspects are fetched one by one; more are found by a walk.
const fewSuspects = 100

// each visits the stored deliveries of some sequences, which are in order.
func each(ctx context.Context, js natsjs.JetStream, sequences []uint64, visit func(*natsjs.RawStreamMsg)) error {
	if len(sequences) == 0 {
		return nil
	}
	if len(sequences) > fewSuspects {
		r := Range{From: sequences[0], To: sequences[len(sequences)-1]}
		return Walk(ctx, js, jetstream.Webhooks, r, func(m *natsjs.RawStreamMsg) error {
			if _, asked := slices.BinarySearch(sequences, m.Sequence); asked {
				visit(m)
			}
			return nil
		})
	}
	stream, err := js.Stream(ctx, jetstream.Webhooks)
	if err != nil {
		return streamAdvice(jetstream.Webhooks, err)
	}
	for _, sequence := range sequences {
		m, err := stream.GetMsg(ctx, sequence)
		if errors.Is(err, natsjs.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return streamAdvice(jetstream.Webhooks, err)
		}
		visit(m)
	}
	return nil
}

// find walks the events once and strikes what it finds off the suspects' lists.
func find(ctx context.Context, js natsjs.JetStream, look map[string][]uint64, suspects map[uint64]*suspect, progress func(done, total int)) error {
	if len(look) == 0 {
		return nil
	}
	return Walk(ctx, js, jetstream.Payments, Range{}, counting(func(m *natsjs.RawStreamMsg) error {
		id := m.Header.Get(delivery.MessageIDHeader)
		for _, sequence := range look[id] {
			delete(suspects[sequence].missing, id)
		}
		return nil
	}, progress))
}

// again maps a stored delivery as the normalizer does. dead says that a dead letter
// of it is stored.
func (a Audit) again(m *natsjs.RawStreamMsg, dead bool) *suspect {
	s := &suspect{lost: Lost{Sequence: m.Sequence, Subject: m.Subject, Stored: m.Time}, missing: map[string]int{}}
	needsDead := func(why string) *suspect {
		if !dead {
			s.unknown = "a dead letter: " + why
		}
		return s
	}
	d, err := delivery.Decode(m.Subject, m.Header, m.Data)
	if err != nil {
		return needsDead("it is no delivery")
	}
	mapper, ok := a.Programs[normalizer.Pack{Source: d.Source, Provider: d.Provider}]
	if !ok {
		s.unknown = "everything, and its source is not in this configuration to tell what it becomes"
		return s
	}
	doc, whole := mapper.Decode(&d)
	if whole != nil {
		return needsDead(string(whole.Reason))
	}
	for i, item := range mapper.Map(&d, doc, m.Sequence) {
		if item.Dead != nil {
			needsDead(string(item.Dead.Reason))
			continue
		}
		s.missing[d.Source+"/"+item.Event.ID] = i
	}
	return s
}

// text says what is missing, items by number: an id may be a person's.
func (s *suspect) text() string {
	if s.unknown != "" {
		return s.unknown
	}
	items := slices.Sorted(maps.Values(s.missing))
	if len(items) == 1 {
		return fmt.Sprintf("the event of item %d", items[0])
	}
	return fmt.Sprintf("the events of items %v", items)
}
