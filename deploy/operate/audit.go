package operate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/normalizer"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// Audit proves that nothing vanished: every stored delivery that the normalizer is
// done with ended as events, as a duplicate of a stored event, or as a dead letter.
//
// It compares sequences. A delivery that left no trace under its own sequence, or
// not one for each item up to its last, is mapped again: each of its items has to
// be stored under another sequence, with the same source and id. Memory is two
// bytes for each delivery in the range, and more for those that are mapped again.
type Audit struct {
	Programs normalizer.Programs                     // today's packs, to map a delivery again
	Deep     bool                                    // map every delivery again, not only those without a trace
	Progress func(what string) func(done, total int) // called for each stream that is read; may be nil
}

// Audited sums up a range of deliveries.
type Audited struct {
	From       uint64 `json:"from"` // sequences in WEBHOOKS
	To         uint64 `json:"to"`
	Deliveries int    `json:"deliveries"`
	Events     int    `json:"events"`      // became at least one event
	Duplicates int    `json:"duplicates"`  // became nothing of their own: all is stored under other deliveries
	Dead       int    `json:"dead"`        // became dead letters, and no event
	InHand     uint64 `json:"in_hand"`     // stored after the range: the normalizer is not done with them
	NoEvents   int    `json:"not_events"`  // messages in PAYMENTS that are no event of this bridge
	Deleted    int    `json:"deleted"`     // deliveries deleted from the middle of WEBHOOKS, which nothing of ours does
	Lost       []Lost `json:"unaccounted"` // the deliveries of which something is missing
}

// Lost is a delivery of which something is missing.
type Lost struct {
	Sequence uint64    `json:"sequence"`
	Subject  string    `json:"subject"`
	Stored   time.Time `json:"stored"`
	Missing  string    `json:"missing"` // "item 2 (id …)"
}

// Run audits the deliveries that the normalizer is done with, from and to a
// sequence; 0 means all of them.
func (a Audit) Run(ctx context.Context, js natsjs.JetStream, from, to uint64) (Audited, error) {
	sum, err := auditRange(ctx, js, from, to)
	if err != nil || sum.To < sum.From {
		return sum, err
	}
	t := newTraces(sum.From, sum.To)
	if sum.NoEvents, err = t.readEvents(ctx, js, a.progress("messages of "+jetstream.Payments)); err != nil {
		return sum, err
	}
	if err := t.readDead(ctx, js, a.progress("messages of "+jetstream.DeadLetters)); err != nil {
		return sum, err
	}
	sum.Lost, err = a.acquit(ctx, js, a.count(t, &sum), t, &sum)
	return sum, err
}

// progress begins a stage.
func (a Audit) progress(what string) func(done, total int) {
	if a.Progress == nil {
		return func(int, int) {}
	}
	return a.Progress(what)
}

// auditRange is what of a range the normalizer is done with.
func auditRange(ctx context.Context, js natsjs.JetStream, from, to uint64) (Audited, error) {
	stream, err := js.Stream(ctx, jetstream.Webhooks)
	if err != nil {
		return Audited{}, streamAdvice(jetstream.Webhooks, err)
	}
	lag, err := ReadLag(ctx, js, jetstream.Webhooks, jetstream.Normalizer)
	if err != nil {
		return Audited{}, err
	}
	if lag == nil {
		return Audited{}, advise(errors.New("audit: the consumer normalizer does not exist, so nobody knows what it is done with"), "run `paybridge streams check`")
	}
	state := stream.CachedInfo().State
	sum := Audited{From: max(from, state.FirstSeq, 1), To: min(state.LastSeq, lag.AckFloor)}
	if to != 0 {
		sum.To = min(sum.To, to)
	}
	sum.Deleted = state.NumDeleted
	sum.InHand = state.LastSeq - min(lag.AckFloor, state.LastSeq)
	return sum, nil
}

// traces is what each delivery of a range left: whether events and dead letters,
// and of which items.
type traces struct {
	from   uint64
	events []bool
	dead   []bool
	items  map[uint64]map[int]bool // of the deliveries that have more than item 0
}

// newTraces is no trace of any delivery of the range.
func newTraces(from, to uint64) *traces {
	n := to - from + 1
	return &traces{from: from, events: make([]bool, n), dead: make([]bool, n), items: map[uint64]map[int]bool{}}
}

// mark notes the trace of one item.
func (t *traces) mark(into []bool, sequence uint64, item int) {
	if sequence < t.from || sequence-t.from >= uint64(len(into)) {
		return
	}
	i := sequence - t.from
	if item > 0 && t.items[sequence] == nil {
		t.items[sequence] = map[int]bool{0: t.events[i] || t.dead[i]} // only item 0 can have come before
	}
	if seen := t.items[sequence]; seen != nil {
		seen[item] = true
	}
	into[i] = true
}

// whole says that a delivery left a trace, and of its items none before the last
// that is known is missing.
func (t *traces) whole(sequence uint64) bool {
	i := sequence - t.from
	if !t.events[i] && !t.dead[i] {
		return false
	}
	for item := range len(t.items[sequence]) {
		if !t.items[sequence][item] {
			return false
		}
	}
	return true
}

// hasDead says that the dead letter of an item is there, as far as that is known.
func (t *traces) hasDead(sequence uint64) bool { return t.dead[sequence-t.from] }

// readEvents notes every event.
func (t *traces) readEvents(ctx context.Context, js natsjs.JetStream, progress func(done, total int)) (noEvents int, err error) {
	err = Walk(ctx, js, jetstream.Payments, Range{}, counting(func(m *natsjs.RawStreamMsg) error {
		e, err := event.Decode(m.Header, m.Data)
		if err != nil {
			noEvents++
			return nil
		}
		sequence, item, err := splitSequence(e.Sequence)
		if err != nil {
			noEvents++
			return nil
		}
		t.mark(t.events, sequence, item)
		return nil
	}, progress))
	return noEvents, err
}

// readDead notes every dead letter.
func (t *traces) readDead(ctx context.Context, js natsjs.JetStream, progress func(done, total int)) error {
	return Walk(ctx, js, jetstream.DeadLetters, Range{}, counting(func(m *natsjs.RawStreamMsg) error {
		l, err := delivery.DecodeDeadLetter(m.Subject, m.Header, m.Data)
		if err != nil {
			return nil // whoever wrote it, it stands for no delivery
		}
		t.mark(t.dead, l.StreamSequence, l.Item)
		return nil
	}, progress))
}

// splitSequence reads the attribute sequence: raw stream sequence and item.
func splitSequence(text string) (sequence uint64, item int, err error) {
	head, tail, ok := strings.Cut(text, ".")
	if !ok {
		return 0, 0, fmt.Errorf("%q is no sequence", text)
	}
	if sequence, err = strconv.ParseUint(head, 10, 64); err != nil {
		return 0, 0, err
	}
	item, err = strconv.Atoi(tail)
	return sequence, item, err
}

// count counts what deliveries became and lists those to be mapped again.
func (a Audit) count(t *traces, sum *Audited) (suspects []uint64) {
	for sequence := sum.From; sequence <= sum.To; sequence++ {
		i := sequence - sum.From
		sum.Deliveries++
		switch {
		case t.events[i]:
			sum.Events++
		case t.dead[i]:
			sum.Dead++
		}
		if !t.whole(sequence) || a.Deep && !t.dead[i] {
			suspects = append(suspects, sequence)
		}
	}
	return suspects
}
