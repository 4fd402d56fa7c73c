package operate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
)

// Today is what today's packs make of a dead letter: nothing is published.
type Today struct {
	Events   int      `json:"events"`             // of the items that the dead letter stands for
	Problems []string `json:"problems,omitempty"` // of the other items, each once: key of the pack and place in the body, never a value
}

// Foresee maps one dead letter again, as Run does, and says what comes of it.
func (r Redrive) Foresee(ctx context.Context, js natsjs.JetStream, d Dead) (Today, error) {
	r.Select = DeadSelection{Source: d.Source, Sequence: d.Sequence}
	w, err := r.open(ctx, js)
	if err != nil {
		return Today{}, err
	}
	if err := w.choose(ctx); err != nil {
		return Today{}, err
	}
	l, err := w.read(ctx, d.Sequence)
	if err != nil {
		return Today{}, err
	}
	var today Today
	for _, item := range l.items {
		switch {
		case item.Dead == nil:
			today.Events++
		case !slices.Contains(today.Problems, item.Dead.Error()):
			today.Problems = append(today.Problems, item.Dead.Error())
		}
	}
	return today, nil
}

// Done is the dead letters, by sequence, whose events are all in PAYMENTS with the
// content that today's packs give them: a redrive would add nothing. PAYMENTS is the
// record, so it costs what Run without Act does.
func (r Redrive) Done(ctx context.Context, js natsjs.JetStream) (map[uint64]bool, error) {
	if r.Select.Reason == delivery.Unsealed {
		return nil, nil // never redriven
	}
	r.Act = false
	w, _, err := r.run(ctx, js)
	if err != nil {
		return nil, err
	}
	return w.done, nil
}

// CheckDeadSource says that dead letters of a source may be asked for: it is configured,
// or a dead letter of it is stored.
func CheckDeadSource(ctx context.Context, js natsjs.JetStream, source string, configured []string) error {
	if source == "" || slices.Contains(configured, source) {
		return nil
	}
	info, err := subjects(ctx, js, jetstream.DeadLetters)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, name := range configured {
		known[name] = true
	}
	for subject := range info.State.Subjects {
		known[sourceToken(subject)] = true
	}
	if known[source] {
		return nil
	}
	return advise(fmt.Errorf("source %q is not configured, and no dead letter is of it", source),
		"choose one of "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
}

// check refuses what chooses nothing that could be meant.
func (s DeadSelection) check() error {
	if s.Limit < 0 {
		return advise(fmt.Errorf("a limit of %d dead letters", s.Limit), "say how many, such as --limit 10, or leave it out for all")
	}
	return nil
}
