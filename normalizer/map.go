package normalizer

import (
	"fmt"
	"reflect"

	"paybridge/normalizer/document"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// mapped maps the items of a delivery and encodes the events, so that the ordered
// stage has nothing to do but to publish. Every item is accounted for, as an event
// or as a dead letter. The error is a *mapping.Dead.
func (n *Normalizer) mapped(m Mapper, doc *document.Document, r *raw) (*outcome, error) {
	items := m.Map(&r.delivery, doc, r.sequence)
	if len(items) == 0 {
		return nil, &mapping.Dead{Reason: delivery.MappingFailed, Problem: "the delivery has no items"}
	}
	o := newOutcome(r)
	for i, item := range items {
		if dead := n.encode(o, items[:i], item); dead != nil {
			o.addDead(i, dead, n.Version)
		}
	}
	return o, nil
}

// encode adds the event of the item that comes after those before it, or says why
// there is none.
func (n *Normalizer) encode(o *outcome, before []mapping.Item, item mapping.Item) *mapping.Dead {
	e := item.Event
	switch {
	case item.Dead != nil:
		return item.Dead
	case e == nil:
		return &mapping.Dead{Reason: delivery.MappingFailed, Problem: "the mapping made nothing of an item"}
	}
	if dead := conflict(before, e); dead != nil {
		return dead
	}
	room := n.rooms.take()
	msg, err := room.Message(e, n.Mode)
	if err != nil {
		return &mapping.Dead{Reason: delivery.MappingFailed, Problem: fmt.Sprintf("not a valid event: %v", err)}
	}
	o.addEvent(len(before), e, msg).room = room
	return nil
}

// conflict says that another item of the same delivery has the id and is not the
// same event. On the bus the second would look like a repetition of the first: the
// digest of the body is the same.
func conflict(before []mapping.Item, e *event.Event) *mapping.Dead {
	for _, item := range before {
		if item.Event != nil && item.Event.ID == e.ID && !sameItem(*item.Event, *e) {
			return &mapping.Dead{Reason: delivery.IDConflict, Problem: "another item of the delivery has the same event id and other content"}
		}
	}
	return nil
}

// sameItem compares two items by what they say, and not by where they come from.
func sameItem(a, b event.Event) bool {
	if a.Native == nil && b.Native == nil {
		return reflect.DeepEqual(a.Payment, b.Payment)
	}
	a.RawDigest = ""
	return event.SameContent(a, b)
}
