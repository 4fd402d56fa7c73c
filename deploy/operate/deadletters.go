package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
)

// DeadGroup is the dead letters of one source with one reason.
type DeadGroup struct {
	Source string          `json:"source"`
	Reason delivery.Reason `json:"reason"`
	Count  int             `json:"count"`
	Oldest time.Time       `json:"oldest"` // stored
	Newest time.Time       `json:"newest"`
	First  uint64          `json:"first"` // sequence in DEADLETTERS
	Last   uint64          `json:"last"`
}

// DeadLetters groups the dead letters of a range by source and reason, the largest
// group first. Those that are done, by sequence, are left out.
func DeadLetters(ctx context.Context, js natsjs.JetStream, r Range, done map[uint64]bool) ([]DeadGroup, error) {
	type key struct {
		source string
		reason delivery.Reason
	}
	groups := map[key]*DeadGroup{}
	err := Walk(ctx, js, jetstream.DeadLetters, r, func(m *natsjs.RawStreamMsg) error {
		if done[m.Sequence] {
			return nil
		}
		k := key{sourceToken(m.Subject), delivery.Reason(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])}
		g := groups[k]
		if g == nil {
			g = &DeadGroup{Source: k.source, Reason: k.reason, Oldest: m.Time, First: m.Sequence}
			groups[k] = g
		}
		g.Count++
		g.Newest, g.Last = m.Time, m.Sequence
		return nil
	})
	all := make([]DeadGroup, 0, len(groups))
	for _, g := range groups {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b DeadGroup) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Source+"."+string(a.Reason), b.Source+"."+string(b.Reason))
	})
	return all, err
}

// DeadFilter is the subject filter for dead letters of a source and a reason, each
// "" for any.
func DeadFilter(source, reason string) string {
	anyOf := func(text string) string {
		if text == "" {
			return "*"
		}
		return text
	}
	return "deadletters." + anyOf(source) + "." + anyOf(reason)
}

// Dead is one dead letter as it is shown.
type Dead struct {
	Sequence uint64              `json:"sequence"` // in DEADLETTERS
	Stored   time.Time           `json:"stored"`
	Subject  string              `json:"subject"`
	Reason   delivery.Reason     `json:"reason"`
	Source   string              `json:"source"`
	Raw      uint64              `json:"webhooks_sequence"` // of the delivery in WEBHOOKS
	Item     int                 `json:"item"`
	Pointer  string              `json:"pointer"` // where in the body; never a value
	Headers  map[string][]string `json:"headers"`
	Bytes    int                 `json:"bytes"`
	Body     []byte              `json:"body,omitempty"`  // only where it was asked for
	Today    *Today              `json:"today,omitempty"` // only of one that is shown
}

// ShowDead reads one dead letter by its sequence. The body, which holds people's
// data, is only there with body.
func ShowDead(ctx context.Context, js natsjs.JetStream, sequence uint64, body bool) (Dead, error) {
	stream, err := js.Stream(ctx, jetstream.DeadLetters)
	if err != nil {
		return Dead{}, streamAdvice(jetstream.DeadLetters, err)
	}
	m, err := stream.GetMsg(ctx, sequence)
	if errors.Is(err, natsjs.ErrMsgNotFound) {
		return Dead{}, advise(fmt.Errorf("dead letter %d does not exist", sequence), "list them with `paybridge deadletters list --each`")
	}
	if err != nil {
		return Dead{}, streamAdvice(jetstream.DeadLetters, err)
	}
	return deadOf(m, body)
}

// EachDead lists the dead letters of a range one by one, without their bodies and
// without those that are done.
func EachDead(ctx context.Context, js natsjs.JetStream, r Range, done map[uint64]bool, visit func(Dead) error) error {
	return Walk(ctx, js, jetstream.DeadLetters, r, func(m *natsjs.RawStreamMsg) error {
		if done[m.Sequence] {
			return nil
		}
		d, err := deadOf(m, false)
		if err != nil {
			return err
		}
		return visit(d)
	})
}

// deadOf is a stored dead letter as it is shown; the body only with body, because it
// holds people's data.
func deadOf(m *natsjs.RawStreamMsg, body bool) (Dead, error) {
	l, err := delivery.DecodeDeadLetter(m.Subject, m.Header, m.Data)
	if err != nil {
		return Dead{}, fmt.Errorf("dead letter %d: %w", m.Sequence, err)
	}
	d := Dead{
		Sequence: m.Sequence, Stored: m.Time, Subject: m.Subject, Reason: l.Reason, Source: l.Source,
		Raw: l.StreamSequence, Item: l.Item, Pointer: l.Pointer, Headers: m.Header, Bytes: len(m.Data),
	}
	if body {
		d.Body = l.Body
	}
	return d, nil
}
