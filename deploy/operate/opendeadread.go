package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// add takes a dead letter in, with what it waits for.
func (o *OpenDead) add(m *natsjs.RawStreamMsg) error {
	l, err := delivery.DecodeDeadLetter(m.Subject, m.Header, m.Data)
	kind := deadKind{sourceToken(m.Subject), delivery.Reason(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])}
	at := int32(len(o.letters)) //nolint:gosec // at most MostOpen
	o.letters = append(o.letters, openLetter{sequence: m.Sequence, delivery: l.StreamSequence, kind: o.kind(kind)})
	if err != nil || l.Reason == delivery.Unsealed {
		o.letters[at].left = 1 // never redriven
		return nil
	}
	if l.Item > 0 {
		o.takeOver(l)
	}
	items := o.mapped(l)
	if l.Item == 0 && len(items) > 1 {
		o.several[l.StreamSequence] = at + 1
	}
	left := int32(0)
	for i, item := range items {
		if l.Item == 0 && i > 0 && o.own[itemOf{l.StreamSequence, i}] || l.Item > 0 && i != l.Item {
			continue // another dead letter stands for it, or it became an event at once
		}
		left++
		if item.Event != nil {
			o.claim(item.Event, at, i)
		}
	}
	o.letters[at].left = max(left, 1) // where none is meant the delivery has fewer items now, and fails
	if o.late.IsZero() || m.Time.Before(o.late) {
		o.late = m.Time
	}
	return nil
}

// kind is the number of a source and reason.
func (o *OpenDead) kind(k deadKind) int32 {
	i := slices.Index(o.kinds, k)
	if i < 0 {
		i = len(o.kinds)
		o.kinds = append(o.kinds, k)
	}
	return int32(i) //nolint:gosec // sources times reasons
}

// takeOver makes a dead letter stand for its own item, for which that of the delivery's
// first item stood until it came.
func (o *OpenDead) takeOver(l delivery.DeadLetter) {
	item := itemOf{l.StreamSequence, l.Item}
	first := o.several[l.StreamSequence] - 1
	if o.own[item] || first < 0 {
		o.own[item] = true
		return
	}
	o.own[item] = true
	items := o.mapped(l)
	if l.Item >= len(items) {
		return
	}
	if items[l.Item].Event == nil {
		o.letters[first].left--
		return
	}
	for at := o.byID[o.hash(items[l.Item].Event.MessageID())]; at != 0; at = o.claims[at-1].next {
		if c := &o.claims[at-1]; c.letter == first && int(c.item) == l.Item && !c.settled {
			c.settled = true
			o.letters[first].left--
		}
	}
}

// claim notes that a dead letter waits for an event.
func (o *OpenDead) claim(e *event.Event, letter int32, item int) {
	id := o.hash(e.MessageID())
	o.claims = append(o.claims, claim{
		digest: o.hash(e.RawDigest), letter: letter, next: o.byID[id], item: int32(item), //nolint:gosec // items of one body
	})
	o.byID[id] = int32(len(o.claims)) //nolint:gosec // memory ends long before
}

// mapped is what today's packs make of the delivery that a dead letter holds; one item
// that is dead where they make nothing of it. Dead letters of one delivery are neighbors,
// and it is mapped once.
func (o *OpenDead) mapped(l delivery.DeadLetter) []mapping.Item {
	if o.last != nil && l.RawMessageID != "" && o.last.id == l.RawMessageID {
		return o.last.items
	}
	subject, header := stood(l)
	items := []mapping.Item{{Dead: &mapping.Dead{Reason: delivery.MappingFailed}}}
	if d, err := delivery.Decode(subject, header, l.Body); err == nil {
		items = mapAgain(o.Programs, &d, l.StreamSequence)
	}
	o.last = &reread{id: l.RawMessageID, items: items}
	return items
}

// stood is the subject and the header under which the delivery of a dead letter stood in
// WEBHOOKS.
func stood(l delivery.DeadLetter) (string, nats.Header) {
	header := maps.Clone(l.Raw)
	header.Set(delivery.MessageIDHeader, l.RawMessageID)
	return delivery.Subject(l.Source, l.Raw.Get(delivery.EndpointHeader)), header
}

// compare says whether an event that is stored under an id is what a claim waits for. It is
// meant where it is the claim's id; what was hashed is read again only where the two may differ.
func (o *OpenDead) compare(ctx context.Context, dead natsjs.Stream, id string, stored event.Event, c claim) (same, meant bool, err error) {
	l := o.letters[c.letter]
	sequence, item, err := splitSequence(stored.Sequence)
	sibling := err == nil && sequence == l.delivery && item != int(c.item)
	if o.hash(stored.RawDigest) == c.digest && stored.RawDigest != "" && !sibling {
		return true, true, nil
	}
	m, err := dead.GetMsg(ctx, l.sequence)
	if errors.Is(err, natsjs.ErrMsgNotFound) {
		return false, true, nil // expired, and no longer counted
	}
	if err != nil {
		return false, false, fmt.Errorf("dead letter %d: %w", l.sequence, err)
	}
	letter, err := delivery.DecodeDeadLetter(m.Subject, m.Header, m.Data)
	if err != nil {
		return false, true, nil
	}
	items := o.mapped(letter)
	if int(c.item) >= len(items) || items[c.item].Event == nil {
		return false, true, nil
	}
	mine := *items[c.item].Event
	return isStored(stored, mine), mine.MessageID() == id, nil
}
