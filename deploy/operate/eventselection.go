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
	filter, err := EventFilter(s.Filter)
	if err != nil {
		return "", err
	}
	kinds, states := s.Kinds, s.States
	if _, subject := FilterSource(s.Filter); !subject {
		// A subject that is written whole may be of a bridge that knows more words.
		if words := strings.SplitN(s.Filter, ".", subjectHead); len(words) > 1 {
			kinds = append(named(words[1]), kinds...)
			if len(words) > 2 {
				states = append(named(words[2]), states...)
			}
		}
	}
	for _, kind := range kinds {
		if !event.Kind(kind).Valid() {
			return "", advise(fmt.Errorf("%q is no kind of event", kind), "one of payin, payout, transfer, refund, fee, dispute and unknown")
		}
	}
	for _, state := range states {
		if !event.State(state).Valid() {
			return "", advise(fmt.Errorf("%q is no state of a payment", state), "one of pending, authorized, confirmed, settled, failed, expired, canceled, reversed and unknown")
		}
	}
	if s.Filter != "" {
		return filter, nil
	}
	return EventFilter(only(s.Sources) + "." + only(s.Kinds) + "." + only(s.States))
}

// named is a word of a filter, unless it leaves the word open or is no word at all.
func named(word string) []string {
	if word == "" || strings.ContainsAny(word, "*> ") {
		return nil
	}
	return []string{word}
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
