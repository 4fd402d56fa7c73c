package operate

import (
	"cmp"
	"context"
	"slices"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/event"
)

// Step is one event of a payment.
type Step struct {
	Sequence uint64      `json:"stream_sequence"` // in PAYMENTS
	Stored   time.Time   `json:"stored"`
	Subject  string      `json:"subject"`
	Event    event.Event `json:"-"`
}

// Timeline is every stored event of a payment, in the order in which the deliveries
// were stored: those whose payment, reference or parent is id, of any source or of
// one. r narrows what is read.
func Timeline(ctx context.Context, js natsjs.JetStream, id string, r Range) ([]Step, error) {
	var steps []Step
	err := Walk(ctx, js, jetstream.Payments, r, func(m *natsjs.RawStreamMsg) error {
		e, err := event.Decode(m.Header, m.Data)
		if err != nil {
			return nil // no event, so not of this payment; `audit` counts those
		}
		p := &e.Payment
		if is(p.ID, id) || is(p.Reference, id) || is(p.Parent, id) {
			steps = append(steps, Step{Sequence: m.Sequence, Stored: m.Time, Subject: m.Subject, Event: e})
		}
		return nil
	})
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.Event.Sequence, b.Event.Sequence) })
	return steps, err
}

// is compares a field that may be null.
func is(field *string, id string) bool { return field != nil && *field == id }
