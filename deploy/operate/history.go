package operate

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/normalizer"
	"paybridge/schemas/delivery"
)

// History is all that is stored of a payment, in the order in which it was stored:
// the deliveries, the events that they became, and the dead letters.
//
// A delivery is of the payment if an event of it is; if today's packs make an event of
// the payment of it, as of a duplicate; or if nothing can be made of it and its body
// names the id. A dead letter is, if its delivery is. It reads the three streams once
// each.
type History struct {
	ID       string // of the payment, the merchant's reference, or a parent
	Source   string // "": any
	Filter   string // of events; "" for all of the source
	Since    time.Time
	Programs normalizer.Programs
	Progress func(what string) func(done, total int) // called for each stream; may be nil
}

// What a step of a history is.
const (
	StepDelivery   = "delivery"
	StepEvent      = "event"
	StepDeadLetter = "dead_letter"
)

// HistoryStep is one message of a payment.
type HistoryStep struct {
	What       string           `json:"what"`
	Sequence   uint64           `json:"stream_sequence"` // in its stream
	Stored     time.Time        `json:"stored"`
	Subject    string           `json:"subject"`
	Event      *Step            `json:"-"`
	Delivery   *DeliverySummary `json:"delivery,omitempty"`
	DeadLetter *Dead            `json:"dead_letter,omitempty"` // without its body
}

// DeliverySummary is what is told of a delivery; its body is not.
type DeliverySummary struct {
	MessageID  string    `json:"message_id"`
	Source     string    `json:"source"`
	Endpoint   string    `json:"endpoint"`
	ReceivedAt time.Time `json:"received_at"`
	RequestID  string    `json:"request_id"`
	Scheme     string    `json:"scheme"`
	KeyID      string    `json:"key_id"`
	Bytes      int       `json:"bytes"`
	Events     int       `json:"events"` // of the payment, that are stored as this delivery's
}

// Read reads it.
func (h History) Read(ctx context.Context, js natsjs.JetStream) ([]HistoryStep, error) {
	events, err := Timeline(ctx, js, h.ID, Range{Subject: h.Filter, Since: h.Since})
	if err != nil {
		return nil, err
	}
	var steps []HistoryStep
	became := map[uint64]int{} // sequence of a delivery → events
	for i := range events {
		e := &events[i]
		steps = append(steps, HistoryStep{What: StepEvent, Sequence: e.Sequence, Stored: e.Stored, Subject: e.Subject, Event: e})
		if sequence, _, err := splitSequence(e.Event.Sequence); err == nil {
			became[sequence]++
		}
	}
	deliveries, err := h.deliveries(ctx, js, became)
	if err != nil {
		return nil, err
	}
	dead, err := h.deadLetters(ctx, js, became)
	if err != nil {
		return nil, err
	}
	steps = slices.Concat(deliveries, steps, dead)
	slices.SortStableFunc(steps, func(a, b HistoryStep) int {
		return cmp.Or(a.Stored.Compare(b.Stored), cmp.Compare(a.Sequence, b.Sequence))
	})
	return steps, nil
}

// deliveries finds those of the payment. One of which an event is stored is found
// whenever it came; became gets those of which none is.
func (h History) deliveries(ctx context.Context, js natsjs.JetStream, became map[uint64]int) ([]HistoryStep, error) {
	var steps []HistoryStep
	r := Range{Subject: "webhooks." + cmp.Or(h.Source, "*") + ".*", Since: h.Since}
	seen := map[uint64]bool{}
	add := func(m *natsjs.RawStreamMsg) error {
		events, known := became[m.Sequence]
		d, err := delivery.Decode(m.Subject, m.Header, m.Data)
		switch {
		case seen[m.Sequence]:
			return nil
		case err != nil: // a stranger wrote it: only its bytes can tell
			if !names(m.Data, h.ID) {
				return nil
			}
		case !known && !h.madeOf(&d, m.Sequence):
			return nil
		}
		seen[m.Sequence] = true
		became[m.Sequence] = events
		steps = append(steps, HistoryStep{What: StepDelivery, Sequence: m.Sequence, Stored: m.Time, Subject: m.Subject, Delivery: &DeliverySummary{
			MessageID: m.Header.Get(delivery.MessageIDHeader), Source: sourceToken(m.Subject), Endpoint: d.Endpoint, ReceivedAt: d.ReceivedAt,
			RequestID: d.RequestID, Scheme: d.Scheme, KeyID: d.KeyID, Bytes: len(m.Data), Events: events,
		}})
		return nil
	}
	if err := Walk(ctx, js, jetstream.Webhooks, r, counting(add, h.progress(jetstream.Webhooks))); err != nil {
		return nil, err
	}
	return steps, h.earlier(ctx, js, became, seen, add)
}

// earlier adds the deliveries of stored events that came before what was read.
func (h History) earlier(ctx context.Context, js natsjs.JetStream, became map[uint64]int, seen map[uint64]bool, add func(*natsjs.RawStreamMsg) error) error {
	webhooks, err := js.Stream(ctx, jetstream.Webhooks)
	if err != nil {
		return streamAdvice(jetstream.Webhooks, err)
	}
	for sequence := range became {
		if seen[sequence] {
			continue
		}
		m, err := webhooks.GetMsg(ctx, sequence)
		if errors.Is(err, natsjs.ErrMsgNotFound) {
			continue // expired; the event says when it was received
		}
		if err != nil {
			return streamAdvice(jetstream.Webhooks, err)
		}
		if err := add(m); err != nil {
			return err
		}
	}
	return nil
}

// madeOf says that a delivery is of the payment. Most bodies do not name the id at all,
// and are not mapped.
func (h History) madeOf(d *delivery.Delivery, sequence uint64) bool {
	if !names(d.Body, h.ID) {
		return false
	}
	for _, item := range mapAgain(h.Programs, d, sequence) {
		if item.Event == nil {
			return true
		}
		if p := &item.Event.Payment; is(p.ID, h.ID) || is(p.Reference, h.ID) || is(p.Parent, h.ID) {
			return true
		}
	}
	return false
}

// deadLetters are those of the payment's deliveries, also where these have expired.
func (h History) deadLetters(ctx context.Context, js natsjs.JetStream, became map[uint64]int) ([]HistoryStep, error) {
	var steps []HistoryStep
	r := Range{Subject: DeadFilter(h.Source, ""), Since: h.Since}
	err := Walk(ctx, js, jetstream.DeadLetters, r, counting(func(m *natsjs.RawStreamMsg) error {
		l, err := delivery.DecodeDeadLetter(m.Subject, m.Header, m.Data)
		if err != nil {
			return nil // no dead letter of this bridge; `audit` counts those
		}
		if _, ours := became[l.StreamSequence]; !ours {
			d, err := delivery.Decode(delivery.Subject(l.Source, l.Raw.Get(delivery.EndpointHeader)), l.Raw, m.Data)
			if err != nil && !names(m.Data, h.ID) || err == nil && !h.madeOf(&d, l.StreamSequence) {
				return nil
			}
		}
		d, err := deadOf(m, false)
		steps = append(steps, HistoryStep{What: StepDeadLetter, Sequence: m.Sequence, Stored: m.Time, Subject: m.Subject, DeadLetter: &d})
		return err
	}, h.progress(jetstream.DeadLetters)))
	return steps, err
}

// counting calls progress after each message.
func counting(visit func(*natsjs.RawStreamMsg) error, progress func(done, total int)) func(*natsjs.RawStreamMsg) error {
	done := 0
	return func(m *natsjs.RawStreamMsg) error {
		done++
		progress(done, done+pendingAfter(m))
		return visit(m)
	}
}

// progress begins a stream.
func (h History) progress(stream string) func(done, total int) {
	return Backup{Progress: h.Progress}.progress("messages of " + stream)
}

// names says that a body holds an id as a word of its own: 17 is not in 1705.
func names[T string | []byte](body T, id string) bool {
	if id == "" {
		return false
	}
	text := string(body)
	for at := 0; ; {
		i := strings.Index(text[at:], id)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(id)
		if (from == 0 || !wordByte(text[from-1])) && (to == len(text) || !wordByte(text[to])) {
			return true
		}
		at = from + 1
	}
}

// wordByte says that a byte goes on with an id.
func wordByte(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
