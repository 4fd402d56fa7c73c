package operate

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// pair finds the deliveries of a batch of stored events. What another correction
// has replaced, and what is out of the range, is left out.
func (w *renormalizing) pair(ctx context.Context, messages []*natsjs.RawStreamMsg) ([]*pair, error) {
	decoded := make([]pair, len(messages))
	inParallel(len(messages), func(i int) {
		p := &decoded[i]
		p.message, p.at = messages[i], messages[i].Sequence
		if p.of = peek(p.message.Data); p.of.sequence == 0 || w.ID != "" {
			p.decode()
		}
	})
	var pairs []*pair
	for i := range decoded {
		p := &decoded[i]
		latest := w.latest[p.of]
		switch {
		case p.invalid:
			w.sum.NoEvents++
			continue
		case p.of.sequence < w.first, p.of.sequence > w.last, w.ID != "" && p.stored.ID != w.ID, latest != 0 && latest != p.at:
			continue
		}
		var err error
		if p.raw, err = w.shelf.take(ctx, p.of.sequence); err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// mapPairs maps each delivery once, and compares its items.
func (w *renormalizing) mapPairs(pairs []*pair) {
	var deliveries [][]*pair
	at := map[uint64]int{}
	for _, p := range pairs {
		i, seen := at[p.of.sequence]
		if !seen {
			i = len(deliveries)
			at[p.of.sequence] = i
			deliveries = append(deliveries, nil)
		}
		deliveries[i] = append(deliveries[i], p)
	}
	inParallel(len(deliveries), func(i int) { w.mapDelivery(deliveries[i]) })
}

// mapDelivery maps the delivery of some events. Another delivery than theirs, in a
// raw stream that was made anew, is none.
func (w *renormalizing) mapDelivery(of []*pair) {
	raw := of[0].raw
	if raw == nil {
		return
	}
	items := w.again(raw)
	for _, p := range of {
		item := items[min(p.of.item, len(items)-1)]
		if p.of.item < len(items) && p.equals(item.Event) {
			continue
		}
		p.decode()
		switch {
		case p.invalid:
		case event.RawDigest(raw.Data) != p.stored.RawDigest:
			p.raw = nil
		case item.Dead != nil:
			p.dead = item.Dead
			p.changes = []FieldChange{{Field: "event", Before: "published", After: string(item.Dead.Reason)}}
		case p.of.item >= len(items):
			p.changes = []FieldChange{{Field: "event", Before: "published", After: "no such item"}}
		default:
			p.now = item.Event
			p.changes = fieldChanges(&p.stored, p.now)
		}
	}
}

// inParallel calls work with 0 to n-1, on every processor.
func inParallel(n int, work func(int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				work(i)
			}
		})
	}
	all.Wait()
}

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
		if len(p.changes) == 0 {
			continue
		}
		w.sum.count(p)
		source, _, _ := strings.Cut(p.message.Header.Get(delivery.MessageIDHeader), "/")
		c := Changed{Source: source, ID: p.stored.ID, Sequence: p.stored.Sequence, Fields: p.changes, Withheld: w.withheld(p)}
		if c.Withheld != "" {
			w.sum.Withheld++
		}
		if w.Report != nil {
			w.Report(c)
		}
		if w.Run == "" || c.Withheld != "" {
			continue
		}
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
