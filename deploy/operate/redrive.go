package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/normalizer"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// Redrive maps the deliveries behind dead letters again, with today's packs, and
// publishes what they become now, as the normalizer would have: same id, subject
// and message id.
//
// Running it twice, at the same time or a week apart, stores each event once. At the
// same time the message id sees to it; later it looks into PAYMENTS first, which
// is the record of what was redriven. Dead letters are never deleted. What fails
// still stays as it is, and an unsealed dead letter is never redriven.
//
// It costs one walk of DEADLETTERS, two reads for each dead letter that is meant, and
// one walk of PAYMENTS from the duplicate window before the oldest of them on; in
// memory about 100 bytes for each event.
type Redrive struct {
	Programs normalizer.Programs // today's packs
	Seals    delivery.Keys
	Mode     event.Mode
	Select   DeadSelection
	Act      bool                                    // publish; without it, say what would be published
	Progress func(what string) func(done, total int) // called for each stage: each can take long; may be nil
}

// DeadSelection says which dead letters are meant; the zero value means all.
type DeadSelection struct {
	Source   string          `json:"source,omitempty"`
	Reason   delivery.Reason `json:"reason,omitempty"`
	Since    time.Time       `json:"since,omitzero"`     // stored at or after
	Until    time.Time       `json:"until,omitzero"`     // stored before
	Sequence uint64          `json:"sequence,omitempty"` // in DEADLETTERS: this one alone
	Limit    int             `json:"limit,omitempty"`    // the first so many; 0: all
}

// means says that a message is among them; Limit is for who counts.
func (s DeadSelection) means(m *natsjs.RawStreamMsg) bool {
	return (s.Source == "" || sourceToken(m.Subject) == s.Source) &&
		(s.Reason == "" || strings.HasSuffix(m.Subject, "."+string(s.Reason))) &&
		(s.Sequence == 0 || m.Sequence == s.Sequence) &&
		!m.Time.Before(s.Since) && (s.Until.IsZero() || m.Time.Before(s.Until))
}

// Redriven sums up a redrive. Every dead letter is in exactly one of Published,
// Already, Unsealed, Unreadable and Still.
type Redriven struct {
	Letters    int             `json:"dead_letters"`
	Published  int             `json:"published"`  // became events now, or would
	Already    int             `json:"already"`    // their events were stored before
	Unsealed   int             `json:"unsealed"`   // never redriven
	Unreadable int             `json:"unreadable"` // messages in DEADLETTERS that are no dead letters of this bridge
	Still      int             `json:"still"`      // fail still, and stay
	Events     int             `json:"events"`     // stored now, or would be
	Groups     []RedrivenGroup `json:"groups"`
}

// RedrivenGroup is the dead letters of one source with one reason.
type RedrivenGroup struct {
	Source    string                  `json:"source"`
	Reason    delivery.Reason         `json:"reason"` // of the dead letter
	Count     int                     `json:"count"`
	Oldest    time.Time               `json:"oldest"` // stored
	Newest    time.Time               `json:"newest"`
	Published int                     `json:"published"`
	Already   int                     `json:"already"`
	Still     map[delivery.Reason]int `json:"still,omitempty"` // why they fail today
}

// Run redrives, or says what it would do. After an error, run it again: what is
// stored is found.
func (r Redrive) Run(ctx context.Context, js natsjs.JetStream) (Redriven, error) {
	_, sum, err := r.run(ctx, js)
	return sum, err
}

func (r Redrive) run(ctx context.Context, js natsjs.JetStream) (*redriving, Redriven, error) {
	w, err := r.open(ctx, js)
	if err != nil {
		return nil, Redriven{}, err
	}
	if err := w.choose(ctx); err != nil {
		return w, w.sum, err
	}
	if err := w.foresee(ctx); err != nil {
		return w, w.sum, err
	}
	if err := w.findStored(ctx); err != nil {
		return w, w.sum, err
	}
	err = w.settle(ctx)
	w.close()
	return w, w.sum, err
}

// redriving is one run.
type redriving struct {
	Redrive
	js                       natsjs.JetStream
	webhooks, payments, dead natsjs.Stream
	letters                  []uint64        // those that are meant, by sequence
	own                      map[itemOf]bool // items but the first that have dead letters of their own
	oldest                   time.Time       // of letters
	ids                      map[string]uint64
	claimed                  map[string]bool // message ids that this run has published, or would
	last                     *reread         // the delivery that was read last: its items' dead letters are neighbors
	groups                   map[deadKind]*RedrivenGroup
	done                     map[uint64]bool // letters, by sequence, whose events were stored before
	sum                      Redriven
	underway                 []publishing
}

// itemOf is one item of a delivery.
type itemOf struct {
	sequence uint64
	item     int
}

type deadKind struct {
	source string
	reason delivery.Reason
}

func (r Redrive) open(ctx context.Context, js natsjs.JetStream) (*redriving, error) {
	if err := r.Select.check(); err != nil {
		return nil, err
	}
	if r.Select.Reason == delivery.Unsealed {
		return nil, advise(errors.New("redrive: an unsealed dead letter is never redriven"),
			"find out who may publish to webhooks.>; `paybridge deadletters show` has its headers")
	}
	w := &redriving{
		Redrive: r, js: js, own: map[itemOf]bool{}, ids: map[string]uint64{}, claimed: map[string]bool{},
		groups: map[deadKind]*RedrivenGroup{}, done: map[uint64]bool{},
	}
	for name, to := range map[string]*natsjs.Stream{
		jetstream.Webhooks: &w.webhooks, jetstream.Payments: &w.payments, jetstream.DeadLetters: &w.dead,
	} {
		s, err := js.Stream(ctx, name)
		if err != nil {
			return nil, streamAdvice(name, err)
		}
		*to = s
	}
	return w, nil
}

// choose lists the dead letters that are meant. It looks at all of the source, so
// as to know which items have dead letters of their own.
func (w *redriving) choose(ctx context.Context) error {
	s := w.Select
	return Walk(ctx, w.js, jetstream.DeadLetters, Range{Subject: DeadFilter(s.Source, "")}, counting(func(m *natsjs.RawStreamMsg) error {
		l, err := delivery.DecodeDeadLetter(m.Subject, m.Header, m.Data)
		if err == nil && l.Item > 0 {
			w.own[itemOf{l.StreamSequence, l.Item}] = true
		}
		switch {
		case !s.means(m), s.Limit > 0 && len(w.letters) == s.Limit:
			return nil
		case err != nil:
			w.sum.Letters++
			w.sum.Unreadable++
			return nil
		}
		if len(w.letters) == 0 {
			w.oldest = m.Time
		}
		w.letters = append(w.letters, m.Sequence)
		return nil
	}, w.progress("messages of DEADLETTERS read")))
}

// progress begins a stage.
func (r Redrive) progress(stage string) func(done, total int) {
	if r.Progress == nil {
		return func(int, int) {}
	}
	return r.Progress(stage)
}

// foresee maps every chosen delivery, to know the ids to look for.
func (w *redriving) foresee(ctx context.Context) error {
	progress := w.progress("dead letters mapped")
	for i, sequence := range w.letters {
		l, err := w.read(ctx, sequence)
		if err != nil {
			return err
		}
		progress(i+1, len(w.letters))
		for _, item := range l.items {
			if item.Event != nil {
				w.ids[item.Event.MessageID()] = 0
			}
		}
	}
	return nil
}

// findStored walks PAYMENTS once and notes where the events are that are stored. It
// begins a duplicate window before the oldest dead letter: a normalizer would not
// have met an earlier event either.
func (w *redriving) findStored(ctx context.Context) error {
	if len(w.ids) == 0 {
		return nil
	}
	from := w.oldest.Add(-w.payments.CachedInfo().Config.Duplicates)
	return Walk(ctx, w.js, jetstream.Payments, Range{Since: from}, counting(func(m *natsjs.RawStreamMsg) error {
		id := m.Header.Get(delivery.MessageIDHeader)
		if at, meant := w.ids[id]; meant && at == 0 {
			w.ids[id] = m.Sequence
		}
		return nil
	}, w.progress("events searched")))
}

// settle takes the dead letters one after the other, in the order in which they died.
func (w *redriving) settle(ctx context.Context) error {
	stage := "dead letters looked at"
	if w.Act {
		stage = "dead letters redriven"
	}
	progress := w.progress(stage)
	for i, sequence := range w.letters {
		l, err := w.read(ctx, sequence)
		if err != nil {
			return errors.Join(err, w.land(ctx))
		}
		if err := w.redrive(ctx, l); err != nil {
			return errors.Join(err, w.land(ctx))
		}
		progress(i+1, len(w.letters))
	}
	return w.land(ctx)
}

// close adds the groups to the sum, the largest first.
func (w *redriving) close() {
	for _, g := range w.groups {
		w.sum.Groups = append(w.sum.Groups, *g)
	}
	slices.SortFunc(w.sum.Groups, func(a, b RedrivenGroup) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Source+"."+string(a.Reason), b.Source+"."+string(b.Reason))
	})
}

// group counts a dead letter in its group.
func (w *redriving) group(l *letter) *RedrivenGroup {
	k := deadKind{l.Source, l.Reason}
	g := w.groups[k]
	if g == nil {
		g = &RedrivenGroup{Source: k.source, Reason: k.reason, Oldest: l.stored, Still: map[delivery.Reason]int{}}
		w.groups[k] = g
	}
	g.Count++
	g.Newest = l.stored
	return g
}

// Text is the sum in one sentence; act says whether it was done.
func (s Redriven) Text(act bool) string {
	verb := "would become"
	if act {
		verb = "became"
	}
	return fmt.Sprintf("%d dead letters: %d %s %d events, %d had theirs already, %d fail still, %d unsealed and %d unreadable are left alone",
		s.Letters, s.Published, verb, s.Events, s.Already, s.Still, s.Unsealed, s.Unreadable)
}
