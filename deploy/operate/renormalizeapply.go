package operate

import (
	"context"
	"fmt"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// report counts a batch, reports what changes, and publishes the corrections.
func (w *renormalizing) report(ctx context.Context, pairs []*pair) error {
	var acks []natsjs.PubAckFuture
	for _, p := range pairs {
		switch {
		case p.invalid:
			w.sum.NoEvents++
			continue
		case p.raw == nil:
			w.sum.Gone++
			continue
		}
		w.sum.Events++
		w.done++
		if len(p.changes) == 0 {
			continue
		}
		w.sum.count(p)
		stored, err := w.already(ctx, p)
		if err != nil {
			return err
		}
		if stored {
			w.sum.Published++
		}
		source, _, _ := strings.Cut(p.message.Header.Get(delivery.MessageIDHeader), "/")
		c := Changed{Source: source, ID: p.stored.ID, Sequence: p.stored.Sequence, Fields: p.changes}
		if !stored {
			c.Withheld = w.withheld(p)
		}
		if c.Withheld != "" {
			w.sum.Withheld++
		}
		if w.Report != nil {
			w.Report(c)
		}
		if w.Run == "" || stored || c.Withheld != "" {
			continue
		}
		w.progress(stageEvents) // a correction may wait for its turn
		ack, err := w.correct(ctx, p)
		if err != nil {
			return err
		}
		if acks = append(acks, ack); len(acks) < redriveWindow {
			continue
		}
		if err := w.confirm(ctx, acks); err != nil {
			return err
		}
		acks = nil
	}
	return w.confirm(ctx, acks)
}

// count counts a changed event once under each of its fields.
func (s *Renormalized) count(p *pair) {
	s.Changed++
	if p.now == nil {
		s.Dead++
	}
	counted := map[string]bool{}
	for _, c := range p.changes {
		if !counted[c.group()] {
			counted[c.group()] = true
			s.Fields[c.group()]++
		}
	}
}

// withheld is why a changed event cannot be corrected; "" where it can. What this run
// has corrected before and is right has not changed.
func (w *renormalizing) withheld(p *pair) string {
	switch {
	case p.now == nil:
		return "it is no event today"
	case p.now.ID != p.stored.ID:
		return "it has another id today: nobody could tell what it corrects"
	case w.Run != "" && w.published[w.correction(p).MessageID()]:
		return "this run has corrected an event with this id, to something else: give the next run another name"
	}
	return ""
}

// correction is what a changed event is corrected with.
func (w *renormalizing) correction(p *pair) *event.Event {
	e := *p.now
	e.ReplayID, e.Replaces = w.Run, p.stored.Sequence
	return &e
}

// correct publishes a correction.
func (w *renormalizing) correct(ctx context.Context, p *pair) (natsjs.PubAckFuture, error) {
	e := w.correction(p)
	w.published[e.MessageID()] = true
	if err := w.Seals.Open(p.raw.Subject, p.raw.Header, p.raw.Data); err != nil {
		return nil, advise(fmt.Errorf("renormalize: delivery %d: %w", p.of.sequence, err), "`paybridge verify` says more")
	}
	msg, err := e.Message(w.Mode)
	if err != nil {
		return nil, fmt.Errorf("renormalize: delivery %d: %w", p.of.sequence, err)
	}
	if err := w.pace.wait(ctx); err != nil {
		return nil, err
	}
	return w.js.PublishMsgAsync(msg, natsjs.WithExpectStream(jetstream.Payments))
}

// confirm waits for the answers to what was published.
func (w *renormalizing) confirm(ctx context.Context, acks []natsjs.PubAckFuture) error {
	ctx, cancel := context.WithTimeout(ctx, redrivePatience)
	defer cancel()
	for i, future := range acks {
		var err error
		select {
		case ack := <-future.Ok():
			if ack.Duplicate {
				w.sum.Before++
			} else {
				w.sum.Published++
			}
		case err = <-future.Err():
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return advise(fmt.Errorf("renormalize: %d corrections are published and not confirmed: %w", len(acks)-i, err),
				"run it again with the same --run: what is stored is found")
		}
	}
	return nil
}

// pace bounds how many a second.
type pace struct{ ticker *time.Ticker }

func newPace(rate int) pace {
	if rate <= 0 {
		return pace{}
	}
	return pace{time.NewTicker(max(time.Second/time.Duration(rate), time.Microsecond))}
}

func (p pace) wait(ctx context.Context) error {
	if p.ticker == nil {
		return ctx.Err()
	}
	select {
	case <-p.ticker.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p pace) stop() {
	if p.ticker != nil {
		p.ticker.Stop()
	}
}
