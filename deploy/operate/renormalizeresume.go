package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/event"
)

// renormalizeState is how far a comparison has come, as its cursor file keeps it.
//
// It is of a moment at which everything before Next is compared, and what there was to
// correct is confirmed. What the run published after that moment, and before it was
// killed, is found in PAYMENTS behind End.
type renormalizeState struct {
	First   uint64       `json:"first"` // of WEBHOOKS
	Last    uint64       `json:"last"`
	Began   time.Time    `json:"began"`   // when the first delivery was stored
	End     uint64       `json:"end"`     // the last of PAYMENTS when the run began
	Earlier bool         `json:"earlier"` // the run had published corrections before End
	Next    uint64       `json:"next"`    // of PAYMENTS; 0: the beginning
	Shelf   uint64       `json:"shelf"`   // of WEBHOOKS: deliveries from here on are at hand
	Done    int          `json:"done"`    // messages of PAYMENTS, for progress
	Sum     Renormalized `json:"sum"`
}

// saveEvery is how many batches are compared between two saves where nothing is published:
// a save waits for the disk.
const saveEvery = 8

// resume goes on where the cursor file says, or finds out what there is to compare;
// false: nothing.
func (w *renormalizing) resume(ctx context.Context) (found bool, err error) {
	of, err := w.sameStreams(ctx)
	if err != nil {
		return false, err
	}
	of = append([]Same{{"--run", w.Run}}, append(of, w.Cursor.Of...)...)
	kept, resumed, err := CursorFile{w.Cursor.Path, of}.hold("replay renormalize", &w.state)
	if err != nil {
		return false, err
	}
	w.kept = kept
	if !resumed {
		return w.bound(ctx)
	}
	w.resumed = true
	w.sum = w.state.Sum
	w.sum.Fields = maps.Clone(w.sum.Fields)
	w.sum.Earlier = w.sum.Events
	w.first, w.last, w.began, w.end = w.state.First, w.state.Last, w.state.Began, w.state.End
	stream, err := w.js.Stream(ctx, jetstream.Webhooks)
	if err != nil {
		return false, streamAdvice(jetstream.Webhooks, err)
	}
	w.putShelf(stream, max(w.first, w.state.Shelf))
	return true, nil
}

// sameStreams are the streams that are compared.
func (w *renormalizing) sameStreams(ctx context.Context) (of []Same, err error) {
	if w.Cursor.Path == "" {
		return nil, nil
	}
	for _, name := range []string{jetstream.Webhooks, jetstream.Payments} {
		s, err := w.js.Stream(ctx, name)
		if err != nil {
			return nil, streamAdvice(name, err)
		}
		of = append(of, sameStream(s.CachedInfo()))
	}
	return of, nil
}

// searched is the part of PAYMENTS where corrections are to be looked for. An event's
// lie behind it, so that on the way they begin with the next event; but where an earlier
// try of the run has left some, an id that comes twice may have its own before that.
func (w *renormalizing) searched(ctx context.Context) (Range, error) {
	r := w.events()
	if !w.resumed {
		return r, nil
	}
	payments, err := w.js.Stream(ctx, jetstream.Payments)
	if err != nil {
		return r, streamAdvice(jetstream.Payments, err)
	}
	r.To = payments.CachedInfo().State.LastSeq
	if !w.state.Earlier {
		r.From = w.state.Next
	}
	return r, nil
}

// noteSince takes note of a correction that was stored after the run began.
func (w *renormalizing) noteSince(m *natsjs.RawStreamMsg, id string, e *event.Event, of itemOf) error {
	switch {
	case e.ReplayID == w.Run:
		w.since[id] = m.Sequence
	case of.sequence >= w.first && of.sequence <= w.last:
		return advise(fmt.Errorf("renormalize: run %s has corrected events since this one began", Printable(e.ReplayID)),
			"remove "+w.Cursor.Path+" to begin anew, with what is stored now")
	}
	return nil
}

// already says that the run has published the correction of an event after its last save.
// What it has stored under the same message id for another event is none, and withholds.
func (w *renormalizing) already(ctx context.Context, p *pair) (bool, error) {
	if w.Run == "" || p.now == nil {
		return false, nil
	}
	correction := w.correction(p)
	id := correction.MessageID()
	sequence, ok := w.since[id]
	if !ok {
		return false, nil
	}
	payments, err := w.js.Stream(ctx, jetstream.Payments)
	if err != nil {
		return false, streamAdvice(jetstream.Payments, err)
	}
	m, err := payments.GetMsg(ctx, sequence)
	if err != nil {
		return false, fmt.Errorf("event %d: %w", sequence, err)
	}
	stored, err := event.Decode(m.Header, m.Data)
	w.published[id] = true
	return err == nil && stored.Replaces == correction.Replaces && len(fieldChanges(&stored, correction)) == 0, nil
}

// keep notes that a batch is done, and saves it now and then.
func (w *renormalizing) keep(messages []*natsjs.RawStreamMsg) error {
	w.batches++
	published := w.sum.Published + w.sum.Before
	due := published != w.state.Sum.Published+w.state.Sum.Before || w.batches%saveEvery == 0
	w.state.Next = messages[len(messages)-1].Sequence + 1
	w.state.Done += len(messages)
	w.state.Sum = w.sum
	w.state.Sum.Fields = maps.Clone(w.sum.Fields)
	if len(w.shelf.order) > 0 {
		w.state.Shelf = w.shelf.order[0]
	}
	w.unsaved = true
	if !due {
		return nil
	}
	return w.save()
}

// save writes the cursor file.
func (w *renormalizing) save() error {
	w.unsaved = false
	return w.kept.save(w.state)
}

// leave gives the cursor file back: it goes where the comparison is through, and else it
// has the last batch that is done.
func (w *renormalizing) leave(err error) error {
	switch {
	case w.kept == nil:
		return err
	case err == nil:
		return w.kept.done()
	case w.unsaved:
		err = errors.Join(err, w.save())
	}
	return errors.Join(err, w.kept.release())
}
