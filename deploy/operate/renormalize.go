package operate

import (
	"context"
	"errors"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/normalizer"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// Renormalize maps stored deliveries with today's packs and compares what they become
// with the events that are stored, or with the latest correction of each. With a
// run's name it publishes the corrections: the same id, with replayid and replaces,
// under a message id of their own.
//
// It reads PAYMENTS twice, first for corrections and then for events, and
// WEBHOOKS once beside it, by direct get: no consumer is made or moved. In memory it
// holds a few batches of events, a shelf of the deliveries around them, and some 100
// bytes for each stored correction, however much is compared. A run that ends half-way
// is continued by running it again: what it has corrected does not change any more. With
// a cursor file it goes on where it was, with its counts, and reads nothing again but
// what was stored since.
//
// It judges events. A delivery that has none of its own, because it was a duplicate or
// died, is not compared: see Audit and Redrive.
type Renormalize struct {
	Programs normalizer.Programs // today's packs
	Seals    delivery.Keys
	Mode     event.Mode
	Source   string // "" for all
	ID       string // of one event; "" for all
	Range    Range  // of WEBHOOKS; its subject is Source's
	Run      string // name of the run that publishes the corrections; "" only compares
	Rate     int    // most corrections a second; 0: no limit
	Cursor   CursorFile
	Report   func(Changed)
	Progress func(stage string, done, total int) // may be nil; what is counted anew in each stage

	batchOf int // cursorBatch where 0
}

// The stages of a comparison, by what they count.
const (
	stageCorrections = "messages searched for corrections"
	stageEvents      = "events"
)

// Renormalized sums up a comparison.
type Renormalized struct {
	Events    int            `json:"events"`            // compared
	Earlier   int            `json:"earlier,omitempty"` // of them, before the run was interrupted
	Changed   int            `json:"changed"`           // of them
	Fields    map[string]int `json:"fields"`            // field → how many events change there
	Dead      int            `json:"dead"`              // of the changed: their deliveries do not map today
	Gone      int            `json:"gone"`              // not compared: WEBHOOKS no longer holds the delivery
	NoEvents  int            `json:"not_events"`
	Published int            `json:"published"` // corrections stored now
	Before    int            `json:"before"`    // corrections that another copy of this run has just stored
	Withheld  int            `json:"withheld"`  // changed, and not to be corrected under the same id
}

// Changed is one event that today's packs make differently.
type Changed struct {
	Source   string        `json:"source"`
	ID       string        `json:"id"`
	Sequence string        `json:"sequence"` // the event's attribute
	Fields   []FieldChange `json:"fields"`
	Withheld string        `json:"withheld,omitempty"` // why it cannot be corrected
}

// FieldChange is one field of an event before and after. What may be a person's is
// left out of both.
type FieldChange struct {
	Field  string `json:"field"` // "amount.value"; attributes by their name
	Before string `json:"before"`
	After  string `json:"after"`
}

// renormalizing is one run.
type renormalizing struct {
	Renormalize
	js        natsjs.JetStream
	first     uint64 // bounds in WEBHOOKS
	last      uint64
	began     time.Time // when the first delivery was stored
	end       uint64    // the last of PAYMENTS: what is stored meanwhile does not count
	shelf     *shelf
	latest    map[itemOf]uint64 // the latest correction of an event: its sequence in PAYMENTS
	published map[string]bool   // message ids of this run's corrections
	since     map[string]uint64 // those that it stored after end, before it was resumed: sequences in PAYMENTS
	kept      *keptCursor
	state     renormalizeState // as it was after the last batch
	resumed   bool
	unsaved   bool
	batches   int
	sum       Renormalized
	done      int // of the stage, of total
	total     int
	pace      pace
}

// Compare compares, and publishes where a run is named. Its sum is right as far as
// it came, also with an error.
func (r Renormalize) Compare(ctx context.Context, js natsjs.JetStream) (Renormalized, error) {
	if strings.ContainsAny(r.Run, " \t\r\n") || len(r.Run) > 64 {
		return Renormalized{}, advise(errors.New("renormalize: that is no name for a run"), "write up to 64 letters, digits and dashes, such as 2026-01-31-amounts")
	}
	w := &renormalizing{
		Renormalize: r, js: js, pace: newPace(r.Rate),
		latest: map[itemOf]uint64{}, published: map[string]bool{}, since: map[string]uint64{},
	}
	w.sum.Fields = map[string]int{}
	defer w.pace.stop()
	err := w.all(ctx)
	err = w.leave(err)
	return w.sum, err
}

// all compares, from the beginning or from where the cursor file says.
func (w *renormalizing) all(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	found, err := w.resume(ctx)
	if err != nil || !found {
		return err
	}
	if err := w.corrections(ctx); err != nil {
		return err
	}
	if !w.resumed {
		w.state = renormalizeState{First: w.first, Last: w.last, Began: w.began, End: w.end, Earlier: len(w.published) > 0, Sum: w.sum}
		if err := w.save(); err != nil {
			return err
		}
	}
	rest := w.events()
	rest.From = w.state.Next
	err = w.each(ctx, stageEvents, rest, w.state.Done, func(messages []*natsjs.RawStreamMsg) error {
		if err := w.compare(ctx, messages); err != nil {
			return err
		}
		return w.keep(messages)
	})
	cancel()
	w.shelf.forward.close()
	return err
}

// bound turns the range into sequences of WEBHOOKS; false: nothing is in it.
func (w *renormalizing) bound(ctx context.Context) (found bool, err error) {
	r := w.Range
	r.Subject = w.deliveries()
	err = Walk(ctx, w.js, jetstream.Webhooks, r, func(m *natsjs.RawStreamMsg) error {
		w.first, w.began, found = m.Sequence, m.Time, true
		return errStop
	})
	if err != nil || !found {
		return false, err
	}
	stream, err := w.js.Stream(ctx, jetstream.Webhooks)
	if err != nil {
		return false, streamAdvice(jetstream.Webhooks, err)
	}
	w.last = stream.CachedInfo().State.LastSeq
	if r.To != 0 {
		w.last = min(w.last, r.To)
	}
	if !r.Until.IsZero() {
		err = Walk(ctx, w.js, jetstream.Webhooks, Range{Since: r.Until}, func(m *natsjs.RawStreamMsg) error {
			w.last = min(w.last, m.Sequence-1)
			return errStop
		})
	}
	if err != nil {
		return false, err
	}
	payments, err := w.js.Stream(ctx, jetstream.Payments)
	if err != nil {
		return false, streamAdvice(jetstream.Payments, err)
	}
	w.end = payments.CachedInfo().State.LastSeq
	w.putShelf(stream, w.first)
	return w.end > 0, nil
}

// deliveries is the subject of those that are meant; "" for all.
func (w *renormalizing) deliveries() string {
	if w.Source == "" {
		return ""
	}
	return "webhooks." + w.Source + ".*"
}

// putShelf puts an empty shelf before the deliveries from a sequence on.
func (w *renormalizing) putShelf(stream natsjs.Stream, from uint64) {
	forward := w.cursor(jetstream.Webhooks, Range{Subject: w.deliveries(), From: from, To: w.last})
	w.shelf = &shelf{w: w, stream: stream, forward: forward, kept: map[uint64]*natsjs.RawStreamMsg{}}
}

// events is the part of PAYMENTS where the events of the range can be.
func (w *renormalizing) events() Range {
	r := Range{Since: w.began.Add(-time.Minute), To: w.end}
	if w.Source != "" {
		r.Subject = "payments." + w.Source + ".>"
	}
	return r
}

// corrections finds the latest correction of each event, and those that this run has
// made. A message id says which events are corrections, so that few are decoded.
func (w *renormalizing) corrections(ctx context.Context) error {
	r, err := w.searched(ctx)
	if err != nil {
		return err
	}
	return w.each(ctx, stageCorrections, r, 0, func(messages []*natsjs.RawStreamMsg) error {
		for _, m := range messages {
			if err := w.note(m); err != nil {
				return err
			}
		}
		return nil
	})
}

// each takes stored events batch by batch. So many were done before.
func (w *renormalizing) each(ctx context.Context, stage string, r Range, before int, work func([]*natsjs.RawStreamMsg) error) error {
	c := w.cursor(jetstream.Payments, r)
	defer c.close()
	for done := before; ; {
		messages, err := c.batch(ctx)
		if err != nil || len(messages) == 0 {
			return err
		}
		w.done, w.total = done, before+c.total
		if err := work(messages); err != nil {
			return err
		}
		done += len(messages)
		w.done = done
		w.progress(stage)
	}
}

func (w *renormalizing) progress(stage string) {
	if w.Progress != nil {
		w.Progress(stage, w.done, w.total)
	}
}

// note takes note of a correction.
func (w *renormalizing) note(m *natsjs.RawStreamMsg) error {
	id := m.Header.Get(delivery.MessageIDHeader)
	if !strings.Contains(id, " ") {
		return nil
	}
	e, err := event.Decode(m.Header, m.Data)
	if err != nil || e.ReplayID == "" {
		return nil // compare counts what is no event
	}
	sequence, item, err := splitSequence(e.Replaces)
	switch {
	case m.Sequence > w.end:
		return w.noteSince(m, id, &e, itemOf{sequence, item})
	case err == nil:
		w.latest[itemOf{sequence, item}] = m.Sequence
	}
	if e.ReplayID == w.Run {
		w.published[id] = true
	}
	return nil
}

// pair is a stored event, its delivery, and what that becomes today.
type pair struct {
	at      uint64 // in PAYMENTS
	message *natsjs.RawStreamMsg
	invalid bool
	stored  event.Event
	of      itemOf
	raw     *natsjs.RawStreamMsg // nil: gone
	now     *event.Event         // nil where it does not map today
	dead    *mapping.Dead
	changes []FieldChange
}
