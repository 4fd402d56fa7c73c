package operate

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// Of so many events the deliveries are looked for at once; and when so many bytes of
// them are found, they are worked on: an event of 1 KB may be of a delivery of 1 MB.
const (
	pairEvents = 64
	pairBytes  = 16 << 20
)

// compare compares a batch of stored events.
func (w *renormalizing) compare(ctx context.Context, messages []*natsjs.RawStreamMsg) error {
	var found []*pair
	bytes := 0
	for pairs := range slices.Chunk(w.pairs(messages), pairEvents) {
		sequences := make([]uint64, len(pairs))
		for i, p := range pairs {
			sequences[i] = p.of.sequence
		}
		deliveries, err := w.shelf.take(ctx, sequences)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			p.raw = deliveries[p.of.sequence]
		}
		for _, m := range deliveries {
			bytes += len(m.Data)
		}
		if found = append(found, pairs...); bytes < pairBytes {
			continue
		}
		if err := w.work(ctx, found); err != nil {
			return err
		}
		found, bytes = nil, 0
	}
	return w.work(ctx, found)
}

// pairs are the events of a batch that are to be compared: what another correction
// has replaced, and what is out of the range, is left out.
func (w *renormalizing) pairs(messages []*natsjs.RawStreamMsg) (pairs []*pair) {
	all := make([]pair, len(messages))
	inParallel(len(messages), func(i int) {
		p := &all[i]
		p.message, p.at = messages[i], messages[i].Sequence
		if p.of = peek(p.message.Data); p.of.sequence == 0 {
			p.decode()
		}
	})
	for i := range all {
		p := &all[i]
		latest := w.latest[p.of]
		switch {
		case p.invalid:
			w.sum.NoEvents++
		case p.of.sequence < w.first, p.of.sequence > w.last, w.ID != "" && p.id() != w.ID, latest != 0 && latest != p.at:
		default:
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// id is the event's, as its message id has it.
func (p *pair) id() string {
	id, _, _ := strings.Cut(p.message.Header.Get(delivery.MessageIDHeader), " ")
	_, id, _ = strings.Cut(id, "/")
	return id
}

// work compares events whose deliveries are found, and publishes what is to be.
func (w *renormalizing) work(ctx context.Context, pairs []*pair) error {
	w.mapPairs(pairs)
	return w.report(ctx, pairs)
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
