package operate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"paybridge/schemas/event"
)

// EventSelection says which events are meant, in words; the zero value means all.
type EventSelection struct {
	Filter  string   // a subject filter as EventFilter reads it
	Sources []string // each of these lists means any of its words; an empty one, any at all
	Kinds   []string
	States  []string
	Payment string // id, merchant's reference or parent
}

// Subject is the narrowest subject filter that holds all of them. A word that no event
// can have is an error.
func (s EventSelection) Subject() (string, error) {
	if s.Filter != "" {
		return EventFilter(s.Filter)
	}
	for _, kind := range s.Kinds {
		if !event.Kind(kind).Valid() {
			return "", advise(fmt.Errorf("%q is no kind of event", kind), "one of payin, payout, transfer, refund, fee, dispute and unknown")
		}
	}
	for _, state := range s.States {
		if !event.State(state).Valid() {
			return "", advise(fmt.Errorf("%q is no state of a payment", state), "one of pending, authorized, confirmed, settled, failed, expired, canceled, reversed and unknown")
		}
	}
	return EventFilter(only(s.Sources) + "." + only(s.Kinds) + "." + only(s.States))
}

// only is the one word of a list, else the wildcard.
func only(words []string) string {
	if len(words) == 1 {
		return cmp.Or(words[0], "*")
	}
	return "*"
}

// holds says that an event is meant, of those that Subject lets through. e is nil for a
// message that is no event: of a payment it cannot be.
func (s EventSelection) holds(subject string, e *event.Event) bool {
	tokens := strings.SplitN(subject, ".", subjectHead+1)
	for i, words := range [][]string{s.Sources, s.Kinds, s.States} {
		if len(words) > 0 && (len(tokens) < subjectHead || !slices.Contains(words, tokens[i+1])) {
			return false
		}
	}
	switch {
	case s.Payment == "":
		return true
	case e == nil:
		return false
	}
	p := &e.Payment
	return is(p.ID, s.Payment) || is(p.Reference, s.Payment) || is(p.Parent, s.Payment)
}
