package operate

import (
	"context"
	"errors"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// reingestState is how far a reingest has come, as its cursor file keeps it: everything
// before Next is stored in the target, or is none of it.
type reingestState struct {
	Select Selection  `json:"select"` // of a stream, with its end
	Next   uint64     `json:"next"`   // sequence
	Sum    Reingested `json:"sum"`
}

// resume is the deliveries that are left, where a cursor file says what was done, and else
// all that are meant.
func (w *reingesting) resume(ctx context.Context) (Deliveries, error) {
	if w.Cursor.Path == "" {
		w.kept = &keptCursor{}
		return w.From, nil
	}
	of, err := w.From.same(ctx)
	if err != nil {
		return nil, err
	}
	target, err := w.js.Stream(ctx, jetstream.Webhooks)
	if err != nil {
		return nil, streamAdvice(jetstream.Webhooks, err)
	}
	into := sameStream(target.CachedInfo())
	into.What = "the target's stream"
	w.Cursor.Of = append([]Same{of, into}, w.Cursor.Of...)
	kept, resumed, err := w.Cursor.hold("replay reingest", &w.state)
	if err != nil {
		return nil, err
	}
	if w.kept = kept; resumed {
		w.sum, w.saved = w.state.Sum, w.state.Sum.Deliveries
		if w.sum.LeftOut == nil {
			w.sum.LeftOut = map[string]int{}
		}
	}
	stored, ok := w.From.(Stored)
	switch {
	case !ok:
		return w.From, nil
	case resumed:
		stored.Select = w.state.Select
		stored.Select.From = max(stored.Select.From, w.state.Next)
		if to := stored.Select.To; to != 0 && stored.Select.From > to {
			return noDeliveries{stored}, nil
		}
	default:
		if _, stored.Select.To, err = stored.span(ctx); err != nil {
			return nil, err
		}
		w.state.Select = stored.Select
	}
	return stored, nil
}

// noDeliveries is what is left where all was taken.
type noDeliveries struct{ Deliveries }

func (noDeliveries) Each(context.Context, func(int, *natsjs.RawStreamMsg) error) error { return nil }

// next takes one delivery, and saves now and then.
func (w *reingesting) next(ctx context.Context, m *natsjs.RawStreamMsg, done, total int) error {
	if m.Sequence < w.state.Next {
		return nil
	}
	if err := w.one(ctx, m); err != nil {
		return err
	}
	w.last = m.Sequence
	w.sum.Deliveries++
	if w.Progress != nil {
		w.Progress(done, total)
	}
	if len(w.underway) > 0 || w.sum.Deliveries-w.saved < redriveWindow {
		return nil
	}
	return w.save()
}

// save writes the cursor file; nothing is on its way.
func (w *reingesting) save() error {
	w.saved = w.sum.Deliveries
	w.state.Next, w.state.Sum = max(w.state.Next, w.last+1), w.sum
	return w.kept.save(w.state)
}

// leave gives the cursor file back. What failed to be stored is not before Next: it is looked
// for again.
func (w *reingesting) leave(err error) error {
	if err == nil {
		return w.kept.done()
	}
	if !w.failed && w.last > 0 {
		err = errors.Join(err, w.save())
	}
	return errors.Join(err, w.kept.release())
}

func (s Stored) same(ctx context.Context) (Same, error) {
	stream, err := s.JS.Stream(ctx, jetstream.Webhooks)
	if err != nil {
		return Same{}, streamAdvice(jetstream.Webhooks, err)
	}
	return sameStream(stream.CachedInfo()), nil
}

func (p *Portable) same(context.Context) (Same, error) {
	return Same{"the file", p.Header.Digest}, nil
}
