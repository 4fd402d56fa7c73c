package operate

import (
	"context"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// Selection says which stored deliveries are meant; the zero value means all.
type Selection struct {
	Source string    `json:"source,omitempty"`
	Since  time.Time `json:"since,omitzero"` // stored at or after
	Until  time.Time `json:"until,omitzero"` // stored before
	From   uint64    `json:"from,omitzero"`  // sequences in WEBHOOKS, inclusive; 0: no bound
	To     uint64    `json:"to,omitzero"`
	ID     string    `json:"id,omitempty"` // of a message, a request, or an event or payment that a delivery became
}

// bounds is the selection as a part of WEBHOOKS.
func (s Selection) bounds() Range {
	r := Range{From: s.From, To: s.To, Since: s.Since, Until: s.Until}
	if s.Source != "" {
		r.Subject = "webhooks." + s.Source + ".*"
	}
	return r
}

// each visits the deliveries that are meant, in order of sequence. Where an id is
// meant, it reads PAYMENTS first, to know which deliveries became an event of it.
func (s Selection) each(ctx context.Context, js natsjs.JetStream, visit func(*natsjs.RawStreamMsg) error) error {
	if s.ID == "" {
		return Walk(ctx, js, jetstream.Webhooks, s.bounds(), visit)
	}
	became, err := s.became(ctx, js)
	if err != nil {
		return err
	}
	return Walk(ctx, js, jetstream.Webhooks, s.bounds(), func(m *natsjs.RawStreamMsg) error {
		if became[m.Sequence] || m.Header.Get(delivery.MessageIDHeader) == s.ID || m.Header.Get(delivery.RequestIDHeader) == s.ID {
			return visit(m)
		}
		return nil
	})
}

// became is the sequences of the deliveries that became an event of the id.
func (s Selection) became(ctx context.Context, js natsjs.JetStream) (map[uint64]bool, error) {
	r := Range{}
	if !s.Since.IsZero() {
		r.Since = s.Since.Add(-sealAge) // an event may be stored on another server's clock
	}
	if s.Source != "" {
		r.Subject = "payments." + s.Source + ".>"
	}
	found := map[uint64]bool{}
	err := Walk(ctx, js, jetstream.Payments, r, func(m *natsjs.RawStreamMsg) error {
		e, err := event.Decode(m.Header, m.Data)
		if err != nil || !isOf(&e, s.ID) {
			return nil // what is no event is of no payment
		}
		if sequence, _, err := splitSequence(e.Sequence); err == nil {
			found[sequence] = true
		}
		return nil
	})
	return found, err
}

// isOf says that an event has an id, or is of the payment that has it.
func isOf(e *event.Event, id string) bool {
	p := &e.Payment
	return e.ID == id || is(p.ID, id) || is(p.Reference, id) || is(p.Parent, id)
}

// Stored is deliveries in a WEBHOOKS stream.
type Stored struct {
	JS     natsjs.JetStream
	Select Selection
}

// Each visits them in order of sequence.
func (s Stored) Each(ctx context.Context, visit func(done int, m *natsjs.RawStreamMsg) error) error {
	first, _, err := s.span(ctx)
	if err != nil {
		return err
	}
	return s.Select.each(ctx, s.JS, func(m *natsjs.RawStreamMsg) error { return visit(int(m.Sequence-first+1), m) })
}

// Total is how many deliveries are looked at, at most: for progress.
func (s Stored) Total(ctx context.Context) (int, error) {
	first, last, err := s.span(ctx)
	if err != nil || last < first {
		return 0, err
	}
	return int(last - first + 1), nil
}

// span is the sequences that are looked at, as far as they are known without reading;
// what is stored from now on is not of it.
func (s Stored) span(ctx context.Context) (first, last uint64, err error) {
	stream, err := s.JS.Stream(ctx, jetstream.Webhooks)
	if err != nil {
		return 0, 0, streamAdvice(jetstream.Webhooks, err)
	}
	state := stream.CachedInfo().State
	first, last = max(s.Select.From, state.FirstSeq, 1), state.LastSeq
	if s.Select.To != 0 {
		last = min(last, s.Select.To)
	}
	return first, last, nil
}
