package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// How many events may be on their way at once, and how long an answer may take.
const (
	redriveWindow   = 256
	redrivePatience = 10 * time.Second
)

// redrive publishes what one dead letter has become, or counts it.
func (w *redriving) redrive(ctx context.Context, l *letter) error {
	w.sum.Letters++
	f := &fate{letter: l.sequence, group: w.group(l), open: 1} // itself, until all its items are looked at
	for _, item := range l.items {
		if item.Dead != nil {
			f.still = item.Dead.Reason
			continue
		}
		if err := w.item(ctx, item.Event, f); err != nil {
			return err
		}
	}
	f.open--
	w.finish(f)
	if len(w.underway) >= redriveWindow {
		return w.land(ctx)
	}
	return nil
}

// item publishes one event unless it is stored.
func (w *redriving) item(ctx context.Context, e *event.Event, f *fate) error {
	id := e.MessageID()
	if at := w.ids[id]; at != 0 {
		return w.compare(ctx, at, e, f)
	}
	msg, dead := w.message(e)
	switch {
	case dead != nil:
		f.still = dead.Reason
		return nil
	case !w.Act && w.claimed[id]:
		f.already++
		f.twin = true
		return nil
	case !w.Act:
		f.published++
		w.claimed[id] = true
		return nil
	}
	ack, err := w.js.PublishMsgAsync(msg, natsjs.WithExpectStream(jetstream.Payments))
	if err != nil {
		if tooLarge(err) {
			f.still = delivery.TooLarge
			return nil
		}
		return fmt.Errorf("redrive: %w", err)
	}
	f.open++
	w.underway = append(w.underway, publishing{ack: ack, event: e, fate: f})
	return nil
}

// land waits for every answer.
func (w *redriving) land(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, redrivePatience)
	defer cancel()
	underway := w.underway
	w.underway = nil
	for i, p := range underway {
		var err error
		select {
		case ack := <-p.ack.Ok():
			if ack.Duplicate {
				err = w.compare(ctx, ack.Sequence, p.event, p.fate)
			} else {
				p.fate.published++
			}
		case err = <-p.ack.Err():
			if tooLarge(err) {
				p.fate.still, err = delivery.TooLarge, nil
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return advise(fmt.Errorf("redrive: %d events are published and not confirmed: %w", len(underway)-i, err),
				"run it again: what is stored is found")
		}
		p.fate.open--
		w.finish(p.fate)
	}
	return nil
}

// compare says whether the event that is stored under an id is this one, as the
// normalizer does.
func (w *redriving) compare(ctx context.Context, at uint64, e *event.Event, f *fate) error {
	stored, err := readEvent(ctx, w.payments, at)
	if err != nil {
		return err
	}
	if isStored(stored, *e) {
		f.already++
	} else {
		f.still = delivery.IDConflict
	}
	return nil
}

// isStored says that a stored event under the id of another one is that one.
func isStored(stored, mine event.Event) bool {
	if here, item, err := splitSequence(stored.Sequence); err == nil {
		if sequence, own, err := splitSequence(mine.Sequence); err == nil && here == sequence && item != own {
			mine.RawDigest = "" // two items of one delivery: the digest says nothing
		}
	}
	return event.SameContent(stored, mine)
}

// finish counts a dead letter whose events are all stored.
func (w *redriving) finish(f *fate) {
	if f.open > 0 {
		return
	}
	w.sum.Events += f.published
	switch {
	case f.still == delivery.Unsealed:
		w.sum.Unsealed++
		f.group.Still[f.still]++
	case f.still != "":
		w.sum.Still++
		f.group.Still[f.still]++
	case f.published > 0:
		w.sum.Published++
		f.group.Published++
	default:
		if !f.twin {
			w.done[f.letter] = true
		}
		w.sum.Already++
		f.group.Already++
	}
}

// The server's codes for a message that no stream would take at any time.
const (
	codeMessageTooLarge natsjs.ErrorCode = 10054
	codeHeaderTooLarge  natsjs.ErrorCode = 10097
)

// tooLarge says that the bus will never take a message of this size.
func tooLarge(err error) bool {
	var api *natsjs.APIError
	if errors.As(err, &api) {
		return api.ErrorCode == codeMessageTooLarge || api.ErrorCode == codeHeaderTooLarge
	}
	return errors.Is(err, nats.ErrMaxPayload)
}
