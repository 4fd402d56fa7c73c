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
	"paybridge/schemas/event"
)

// Redeliver gives one team's durable consumer events again that it has been given
// before. Nothing is published: the events keep their sequences, and come with the ids
// that they had, so that a service that records (source, id) counts each once.
//
// There are two ways, and Plan says which one it is:
//
//   - Rewind: the consumer itself is set back, and everything that its filter lets
//     through from there on comes again. It is the way where all from a moment on is
//     meant. The service changes nothing.
//   - Beside: a second durable consumer, <name>-replay, holds exactly the chosen events and
//     never gets another one; the consumer itself is not touched. It is the way where a
//     part is meant, because JetStream hands a durable consumer no part. The service reads
//     from it beside its own until it is empty.
type Redeliver struct {
	Consumer string
	Select   RedeliverySelection
	Way      Way  // "": by what is chosen
	Force    bool // although the consumer has events in hand, or a replay is not finished
	Rate     int  // most events a second, as Pace does it; 0: as fast as the service takes them
	Progress func(done, total int)

	young time.Duration // besideYoung where 0
}

// Way is how events come again.
type Way string

// The ways.
const (
	Rewind Way = "rewind"
	Beside Way = "beside"
)

// RedeliverySelection says which events are meant; the zero value means all.
type RedeliverySelection struct {
	Source string    `json:"source,omitempty"`
	Type   string    `json:"type,omitempty"` // native
	ID     string    `json:"id,omitempty"`   // of an event, or of the payment that it is of
	Since  time.Time `json:"since,omitzero"` // stored at or after
	Until  time.Time `json:"until,omitzero"` // stored before
	From   uint64    `json:"from,omitzero"`  // sequences in PAYMENTS, inclusive
	To     uint64    `json:"to,omitzero"`
}

// filter is the subject of the events that are meant, as far as a subject says it.
func (s RedeliverySelection) filter() string {
	source, native := "*", ">"
	if s.Source != "" {
		source = s.Source
	}
	if s.Type != "" {
		native = event.NativeTokens(s.Type)
	}
	return "payments." + source + ".*.*." + native
}

// Redelivery is what a redelivery does.
type Redelivery struct {
	Consumer string            `json:"consumer"`
	Filter   string            `json:"filter"` // the consumer's own
	Way      Way               `json:"way"`
	Chosen   int               `json:"chosen"` // given before, and meant
	First    uint64            `json:"first"`  // sequences of them in PAYMENTS
	Last     uint64            `json:"last"`
	Oldest   time.Time         `json:"oldest,omitzero"` // stored
	Newest   time.Time         `json:"newest,omitzero"`
	Groups   []RedeliveryGroup `json:"groups"`   // of them, the largest first
	Comes    int               `json:"comes"`    // what comes again: by rewind, more than is chosen
	Waiting  int               `json:"waiting"`  // meant, and still to be given: comes anyway
	NotOwn   int               `json:"not_own"`  // meant, and not let through by the consumer's filter: left out
	Through  uint64            `json:"through"`  // the last event that the consumer was given before
	InHand   int               `json:"in_hand"`  // given to the service, and not acknowledged
	Pulling  bool              `json:"pulling"`  // the service waits for events now
	Obstacle string            `json:"obstacle"` // why it cannot be done as things are; "" where it can
	Do       string            `json:"do"`       // what to do about the obstacle

	sequences []uint64
	config    natsjs.ConsumerConfig
}

// RedeliveryGroup is chosen events of one source, kind and state.
type RedeliveryGroup struct {
	What  string `json:"what"` // "pik payin confirmed"
	Count int    `json:"count"`
}

// Name is what holds the events that come again.
func (p *Redelivery) Name() string {
	if p.Way == Beside {
		return p.Consumer + replaySuffix
	}
	return p.Consumer
}

// replaySuffix makes a consumer's name that of the one beside it.
const replaySuffix = "-replay"

// mostBeside is how many events the consumer beside may hold: the server keeps each in
// memory until it is acknowledged.
const mostBeside = 100_000

// Plan says what would come again, by which way, and what is in the way of it. It reads
// only, one walk of PAYMENTS from the first chosen event on.
func (r Redeliver) Plan(ctx context.Context, js natsjs.JetStream) (*Redelivery, error) {
	info, err := r.consumer(ctx, js)
	if err != nil {
		return nil, err
	}
	p := &Redelivery{
		Consumer: r.Consumer, Filter: strings.Join(filtersOf(info.Config), ", "), Way: r.Way, config: info.Config,
		Through: info.Delivered.Stream, InHand: info.NumAckPending, Pulling: info.NumWaiting > 0, Groups: []RedeliveryGroup{},
	}
	if p.Way == "" {
		p.Way = r.way(filtersOf(info.Config))
	}
	if err := r.choose(ctx, js, p, info.Delivered.Stream); err != nil {
		return nil, err
	}
	return p, r.obstacles(ctx, js, p)
}

// consumer looks at the consumer. Only a team's durable one on the events is meant.
func (r Redeliver) consumer(ctx context.Context, js natsjs.JetStream) (*natsjs.ConsumerInfo, error) {
	if r.Consumer == jetstream.Normalizer {
		return nil, advise(errors.New("redeliver: the normalizer's consumer is not replayed"),
			"to map deliveries again use `paybridge replay renormalize`, or `paybridge deadletters redrive`")
	}
	consumer, err := js.Consumer(ctx, jetstream.Payments, r.Consumer)
	switch {
	case errors.Is(err, natsjs.ErrConsumerNotFound):
		return nil, advise(fmt.Errorf("consumer %s does not exist", r.Consumer), "list them with `paybridge consumer list`")
	case err != nil:
		return nil, streamAdvice(jetstream.Payments, err)
	}
	info := consumer.CachedInfo()
	if info.Config.Durable == "" || info.Config.AckPolicy != natsjs.AckExplicitPolicy || info.Config.Metadata[replayOf] != "" {
		return nil, advise(fmt.Errorf("consumer %s is no team's durable consumer with explicit acks", r.Consumer),
			"list those with `paybridge consumer list`; a service without one begins where it wants")
	}
	return info, nil
}

// way is how the selection comes again exactly: by rewind where all is meant that the
// filters let through from somewhere on.
func (r Redeliver) way(filters []string) Way {
	s := r.Select
	part := s.Type != "" || s.ID != "" || s.To != 0 || !s.Until.IsZero()
	for _, f := range filters {
		if s.Source != "" && !strings.HasPrefix(f, "payments."+s.Source+".") {
			part = true
		}
	}
	if part {
		return Beside
	}
	return Rewind
}

// filtersOf is the subject filters of a consumer, at least one.
func filtersOf(c natsjs.ConsumerConfig) []string {
	switch {
	case c.FilterSubject != "":
		return []string{c.FilterSubject}
	case len(c.FilterSubjects) > 0:
		return c.FilterSubjects
	}
	return []string{"payments.>"}
}

// choose walks the events once. given is the last sequence that the consumer was given.
func (r Redeliver) choose(ctx context.Context, js natsjs.JetStream, p *Redelivery, given uint64) error {
	filters, groups := filtersOf(p.config), map[string]int{}
	own := func(subject string) bool {
		return slices.ContainsFunc(filters, func(f string) bool { return matches(f, subject) })
	}
	walk := Range{From: r.Select.From, Since: r.Select.Since}
	if p.Way == Beside {
		walk.To, walk.Until, walk.Subject = r.Select.To, r.Select.Until, r.Select.filter()
	}
	stream, err := js.Stream(ctx, jetstream.Payments)
	if err != nil {
		return streamAdvice(jetstream.Payments, err)
	}
	total, done := int(stream.CachedInfo().State.LastSeq), 0
	err = Walk(ctx, js, jetstream.Payments, walk, func(m *natsjs.RawStreamMsg) error {
		if done = int(m.Sequence); r.Progress != nil {
			r.Progress(done, total)
		}
		meant := r.meant(m)
		switch {
		case !own(m.Subject):
			if meant {
				p.NotOwn++
			}
			return nil
		case m.Sequence > given:
			if meant {
				p.Waiting++
			}
			return nil
		}
		if meant {
			p.add(m, groups)
		}
		if p.Way == Rewind && p.Chosen > 0 {
			p.Comes++
		}
		return nil
	})
	if p.Way == Beside {
		p.Comes = p.Chosen
	}
	for what, n := range groups {
		p.Groups = append(p.Groups, RedeliveryGroup{what, n})
	}
	slices.SortFunc(p.Groups, func(a, b RedeliveryGroup) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.What, b.What)
	})
	return err
}

// meant says that a stored message is one of the selection.
func (r Redeliver) meant(m *natsjs.RawStreamMsg) bool {
	s := r.Select
	if s.To != 0 && m.Sequence > s.To || !s.Until.IsZero() && !m.Time.Before(s.Until) || !matches(s.filter(), m.Subject) {
		return false
	}
	if s.ID == "" {
		return true
	}
	e, err := event.Decode(m.Header, m.Data)
	return err == nil && isOf(&e, s.ID)
}

// add adds a chosen event.
func (p *Redelivery) add(m *natsjs.RawStreamMsg, groups map[string]int) {
	if p.Chosen++; p.Chosen == 1 {
		p.First, p.Oldest = m.Sequence, m.Time.UTC()
	}
	p.Last, p.Newest = m.Sequence, m.Time.UTC()
	tokens := strings.SplitN(m.Subject, ".", subjectHead+1)
	groups[strings.Join(tokens[1:min(len(tokens), subjectHead)], " ")]++
	if p.Way == Beside && len(p.sequences) <= mostBeside {
		p.sequences = append(p.sequences, m.Sequence)
	}
}
