package operate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/normalizer"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// letter is a dead letter, and what today's packs make of its items.
type letter struct {
	delivery.DeadLetter
	sequence uint64 // its own, in DEADLETTERS
	stored   time.Time
	items    []mapping.Item // the items that are meant; a whole delivery's reason stands alone
}

// reread is a delivery that was read and mapped again.
type reread struct {
	id    string // raw message id
	items []mapping.Item
}

// read reads a dead letter and maps its items again. Its error is the bus's; what is
// wrong with the delivery is an item.
func (w *redriving) read(ctx context.Context, sequence uint64) (*letter, error) {
	m, err := w.dead.GetMsg(ctx, sequence)
	if err != nil {
		return nil, fmt.Errorf("dead letter %d: %w", sequence, err)
	}
	decoded, err := delivery.DecodeDeadLetter(m.Subject, m.Header, m.Data)
	if err != nil {
		return nil, fmt.Errorf("dead letter %d: %w", sequence, err)
	}
	l := &letter{DeadLetter: decoded, sequence: sequence, stored: m.Time}
	if l.Reason == delivery.Unsealed {
		l.items = []mapping.Item{{Dead: &mapping.Dead{Reason: delivery.Unsealed, Problem: "never redriven"}}}
		return l, nil
	}
	if w.last == nil || l.RawMessageID == "" || w.last.id != l.RawMessageID {
		d, dead, err := w.original(ctx, l)
		if err != nil {
			return nil, err
		}
		w.last = &reread{id: l.RawMessageID}
		if dead != nil {
			w.last.items = []mapping.Item{{Dead: dead}}
		} else {
			w.last.items = mapAgain(w.Programs, &d, l.StreamSequence)
		}
	}
	l.items = w.meant(l, w.last.items)
	return l, nil
}

// meant are the items that a dead letter stands for. The dead letter of the first
// item also stands for a delivery that died whole: then all those items are meant
// that have no dead letter of their own. Those that are events by now are found.
func (w *redriving) meant(l *letter, items []mapping.Item) []mapping.Item {
	whole := len(items) == 1 && items[0].Dead != nil
	switch {
	case l.Item == 0:
		var meant []mapping.Item
		for i, item := range items {
			if i == 0 || !w.own[itemOf{l.StreamSequence, i}] {
				meant = append(meant, item)
			}
		}
		return meant
	case l.Item < len(items):
		return items[l.Item : l.Item+1]
	case whole:
		return items
	}
	return []mapping.Item{{Dead: &mapping.Dead{Reason: delivery.MappingFailed, Problem: "the delivery has fewer items now"}}}
}

// original is the delivery behind a dead letter: as WEBHOOKS holds it, or, where
// that is gone or another one, as the dead letter itself does. Either way an
// ingress has to have sealed it.
func (w *redriving) original(ctx context.Context, l *letter) (d delivery.Delivery, dead *mapping.Dead, err error) {
	subject, header := stood(l.DeadLetter)
	received := time.Time{} // by the stream's clock, where it is known
	if l.StreamSequence > 0 {
		m, err := w.webhooks.GetMsg(ctx, l.StreamSequence)
		switch {
		case errors.Is(err, natsjs.ErrMsgNotFound):
		case err != nil:
			return d, nil, fmt.Errorf("delivery %d: %w", l.StreamSequence, streamAdvice(jetstream.Webhooks, err))
		case m.Header.Get(delivery.MessageIDHeader) == l.RawMessageID && bytes.Equal(m.Data, l.Body):
			subject, header, received = m.Subject, m.Header, m.Time
		}
	}
	if err := w.Seals.Open(subject, header, l.Body); err != nil {
		return d, &mapping.Dead{Reason: delivery.Unsealed, Problem: err.Error()}, nil
	}
	d, err = delivery.Decode(subject, header, l.Body)
	switch {
	case err != nil:
		return d, &mapping.Dead{Reason: delivery.MappingFailed, Problem: err.Error()}, nil
	case !received.IsZero() && received.Sub(d.ReceivedAt).Abs() > sealAge:
		return d, &mapping.Dead{Reason: delivery.Unsealed, Problem: "received-at and stream time are more than 10m apart"}, nil
	}
	return d, nil, nil
}

// mapAgain maps a delivery as the normalizer does; there is at least one item.
func mapAgain(programs normalizer.Programs, d *delivery.Delivery, sequence uint64) (items []mapping.Item) {
	dead := func(reason delivery.Reason, problem string) []mapping.Item {
		return []mapping.Item{{Dead: &mapping.Dead{Reason: reason, Problem: problem}}}
	}
	// What a body can make a mapping do must not end an operator's command either.
	defer func() {
		if value := recover(); value != nil {
			items = dead(delivery.MappingFailed, fmt.Sprintf("panic of type %T", value))
		}
	}()
	mapper, ok := programs[normalizer.Pack{Source: d.Source, Provider: d.Provider}]
	if !ok {
		return dead(delivery.MappingFailed, "its source is not in the configuration")
	}
	doc, whole := mapper.Decode(d)
	if whole != nil {
		return []mapping.Item{{Dead: whole}}
	}
	if items = mapper.Map(d, doc, sequence); len(items) == 0 {
		return dead(delivery.MappingFailed, "the delivery has no items")
	}
	return items
}

// readEvent reads a stored event.
func readEvent(ctx context.Context, payments natsjs.Stream, sequence uint64) (event.Event, error) {
	m, err := payments.GetMsg(ctx, sequence)
	if err != nil {
		return event.Event{}, fmt.Errorf("event %d of %s: %w", sequence, jetstream.Payments, err)
	}
	return event.Decode(m.Header, m.Data)
}

// publishing is an event on its way to PAYMENTS.
type publishing struct {
	ack   natsjs.PubAckFuture
	event *event.Event
	fate  *fate
}

// fate is what became of a dead letter; it is complete when the last of its events
// is stored.
type fate struct {
	letter                   uint64 // sequence
	group                    *RedrivenGroup
	published, already, open int
	still                    delivery.Reason // "": none of its items fails
	twin                     bool            // an event is not stored, but would be by an earlier dead letter of this run
}

// message is an event as the normalizer publishes it.
func (w *redriving) message(e *event.Event) (*nats.Msg, *mapping.Dead) {
	msg, err := e.Message(w.Mode)
	if err != nil {
		return nil, &mapping.Dead{Reason: delivery.MappingFailed, Problem: err.Error()}
	}
	return msg, nil
}
