package operate

import (
	"cmp"
	"context"
	"hash/maphash"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/normalizer"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// OpenDead tells the dead letters that are open from those that were redriven, look by
// look. As for Redrive.Done, one is redriven once PAYMENTS holds all its events, with the
// content that today's packs give them; all others are open.
//
// A look reads what is new since the one before, and for as long as it is let goes on
// with what it has not read yet: the dead letters once, and PAYMENTS once from the
// duplicate window before the oldest of them on. Until that is done a dead letter counts
// as open that was perhaps redriven. It keeps about 100 bytes for each dead letter, and of
// more than MostOpen takes the rest for open.
//
// It maps what the dead letter itself holds and needs no seal key, for it publishes
// nothing. The zero value with Programs is ready; it is for one goroutine.
type OpenDead struct {
	Programs normalizer.Programs                     // today's packs; what they do not know is open
	Progress func(what string) func(done, total int) // called for each stretch that is read; may be nil

	made    [2]time.Time // when DEADLETTERS and PAYMENTS were created: others than before have to be read anew
	read    uint64       // DEADLETTERS is read up to here
	letters []openLetter // in the order of their sequences
	claims  []claim
	byID    map[uint64]int32 // hash of a message id → its first claim, plus one
	own     map[itemOf]bool  // items but the first that have dead letters of their own
	several map[uint64]int32 // delivery of several items → the letter of the first, plus one
	kinds   []deadKind
	last    *reread
	seed    maphash.Seed
	most    int // MostOpen where 0

	forward uint64    // every event after the beginning up to this one was compared
	back    span      // events before that, which are compared now
	late    time.Time // when the oldest letter was stored whose earlier events are not compared; zero: none
}

// MostOpen is how many dead letters are told apart.
const MostOpen = 1 << 20

// span is a part of a stream that is still to be read; the zero value is empty.
type span struct{ next, to uint64 }

func (s span) len() uint64 {
	if s.next == 0 || s.next > s.to {
		return 0
	}
	return s.to - s.next + 1
}

// openLetter is a dead letter, in as little as will do.
type openLetter struct {
	sequence, delivery uint64 // in DEADLETTERS, and in WEBHOOKS
	kind               int32
	left               int32 // items that are no event, or not stored yet; it is open until there is none
}

// claim is an event that a dead letter waits for.
type claim struct {
	digest  uint64 // hash of the raw digest
	letter  int32
	next    int32 // claim of the same id, plus one
	item    int32
	settled bool // its event was found, or another one under its id, or it is no longer waited for
}

// Told is how many dead letters were redriven; the others are open.
type Told struct {
	Redriven map[string]map[string]uint64 // by source and reason
	Left     uint64                       // messages that are known not to be looked through yet: until there are none, more may have been
}

// Look reads on until enough says so, or until there is no more.
func (o *OpenDead) Look(ctx context.Context, js natsjs.JetStream, enough func() bool) (Told, error) {
	dead, err := js.Stream(ctx, jetstream.DeadLetters)
	if err != nil {
		return Told{}, streamAdvice(jetstream.DeadLetters, err)
	}
	payments, err := js.Stream(ctx, jetstream.Payments)
	if err != nil {
		return Told{}, streamAdvice(jetstream.Payments, err)
	}
	letters, events := dead.CachedInfo(), payments.CachedInfo()
	o.begin(letters, events)
	if err := o.walk(ctx, js, jetstream.DeadLetters, span{o.read + 1, letters.State.LastSeq}, enough, o.add, func(at uint64) { o.read = at }); err != nil {
		return Told{}, err
	}
	if o.full() {
		o.read = letters.State.LastSeq // the rest is open, and is not waited for
	}
	match := func(m *natsjs.RawStreamMsg) error { return o.match(ctx, dead, m) }
	if err := o.walk(ctx, js, jetstream.Payments, span{o.forward + 1, events.State.LastSeq}, enough, match, func(at uint64) { o.forward = at }); err != nil {
		return Told{}, err
	}
	if o.back.len() == 0 && !o.late.IsZero() && o.read >= letters.State.LastSeq {
		if err := o.turnBack(ctx, js, events); err != nil {
			return Told{}, err
		}
	}
	if err := o.walk(ctx, js, jetstream.Payments, o.back, enough, match, func(at uint64) { o.back.next = at + 1 }); err != nil {
		return Told{}, err
	}
	return o.count(letters, events), nil
}

// full says that no more dead letters are told apart.
func (o *OpenDead) full() bool { return len(o.letters) >= cmp.Or(o.most, MostOpen) }

// begin begins anew where the streams are not those of the last look.
func (o *OpenDead) begin(letters, events *natsjs.StreamInfo) {
	made := [2]time.Time{letters.Created, events.Created}
	if o.byID != nil && made == o.made && letters.State.LastSeq >= o.read && events.State.LastSeq >= o.forward {
		return
	}
	*o = OpenDead{
		Programs: o.Programs, Progress: o.Progress, most: o.most, made: made, forward: events.State.LastSeq, seed: maphash.MakeSeed(),
		byID: map[uint64]int32{}, own: map[itemOf]bool{}, several: map[uint64]int32{},
	}
}

// Anew forgets everything, for packs that have changed.
func (o *OpenDead) Anew(programs normalizer.Programs) {
	*o = OpenDead{Programs: programs, Progress: o.Progress, most: o.most}
}

// turnBack begins with the events that were stored before a dead letter was read: a
// normalizer would not have met one that is older than the duplicate window.
func (o *OpenDead) turnBack(ctx context.Context, js natsjs.JetStream, events *natsjs.StreamInfo) error {
	from := o.late.Add(-events.Config.Duplicates)
	o.late = time.Time{}
	if len(o.byID) == 0 || events.State.Msgs == 0 {
		return nil // nothing is waited for
	}
	return Walk(ctx, js, jetstream.Payments, Range{Since: from}, func(m *natsjs.RawStreamMsg) error {
		o.back = span{next: m.Sequence, to: o.forward}
		return errStop
	})
}

// walkCheck is after how many messages a walk asks whether it is enough.
const walkCheck = 64

// walk reads a span and notes how far it is.
func (o *OpenDead) walk(ctx context.Context, js natsjs.JetStream, stream string, s span, enough func() bool,
	visit func(*natsjs.RawStreamMsg) error, note func(at uint64),
) error {
	if s.len() == 0 {
		return nil
	}
	total := s.len()
	n, stopped := 0, false
	progress := func(int, int) {}
	if o.Progress != nil {
		progress = o.Progress("messages of " + stream)
	}
	err := Walk(ctx, js, stream, Range{From: s.next, To: s.to}, func(m *natsjs.RawStreamMsg) error {
		if n++; n%walkCheck == 0 && enough() || o.full() && stream == jetstream.DeadLetters {
			stopped = true
			return errStop
		}
		if err := visit(m); err != nil {
			return err
		}
		note(m.Sequence)
		progress(n, int(total)) //nolint:gosec // fewer than there are bytes
		return nil
	})
	if err == nil && !stopped {
		note(s.to)
	}
	return err
}

// match settles the claims that an event answers.
func (o *OpenDead) match(ctx context.Context, dead natsjs.Stream, m *natsjs.RawStreamMsg) error {
	id := m.Header.Get(delivery.MessageIDHeader)
	at := o.byID[o.hash(id)]
	if at == 0 {
		return nil
	}
	stored, err := event.Decode(m.Header, m.Data)
	if err != nil {
		return nil // no event of this bridge; `audit` counts those
	}
	for ; at != 0; at = o.claims[at-1].next {
		c := &o.claims[at-1]
		if c.settled {
			continue
		}
		same, meant, err := o.compare(ctx, dead, id, stored, *c)
		switch {
		case err != nil:
			return err
		case meant && same:
			o.letters[c.letter].left--
		}
		c.settled = meant
	}
	return nil
}

// count counts those that nothing is left of.
func (o *OpenDead) count(letters, events *natsjs.StreamInfo) Told {
	told := Told{Redriven: map[string]map[string]uint64{}}
	for _, l := range o.letters {
		if l.left > 0 || l.sequence < letters.State.FirstSeq {
			continue
		}
		kind := o.kinds[l.kind]
		if told.Redriven[kind.source] == nil {
			told.Redriven[kind.source] = map[string]uint64{}
		}
		told.Redriven[kind.source][string(kind.reason)]++
	}
	told.Left = span{o.forward + 1, events.State.LastSeq}.len() + o.back.len() + span{o.read + 1, letters.State.LastSeq}.len()
	return told
}

// hash is short for a text.
func (o *OpenDead) hash(text string) uint64 { return maphash.String(o.seed, text) }
