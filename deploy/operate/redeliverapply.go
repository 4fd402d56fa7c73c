package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// obstacles notes what is in the way of a plan, the first of it.
func (r Redeliver) obstacles(ctx context.Context, js natsjs.JetStream, p *Redelivery) error {
	policy := p.config.DeliverPolicy
	switch {
	case p.Chosen == 0:
		p.Obstacle, p.Do = "nothing of the selection has been given to "+p.Consumer+" before", "choose more, or look at what there is with `paybridge tail --since`"
	case p.Way == Rewind && policy != natsjs.DeliverAllPolicy && policy != natsjs.DeliverByStartSequencePolicy && policy != natsjs.DeliverByStartTimePolicy:
		p.Obstacle, p.Do = p.Consumer+" begins with what is new, and cannot be set back", "leave it as it is, and add --beside"
	case p.Way == Rewind && policy == natsjs.DeliverByStartSequencePolicy && p.First < p.config.OptStartSeq:
		p.Obstacle, p.Do = fmt.Sprintf("%s begins with event %d, and cannot be set back before it", p.Consumer, p.config.OptStartSeq), "choose from there on, or leave it as it is and add --beside"
	case p.Way == Rewind && policy == natsjs.DeliverByStartTimePolicy && p.config.OptStartTime != nil && p.Oldest.Before(*p.config.OptStartTime):
		p.Obstacle, p.Do = p.Consumer+" begins at "+p.config.OptStartTime.UTC().Format(time.RFC3339)+", and cannot be set back before it", "choose from there on, or leave it as it is and add --beside"
	case p.Way == Rewind && p.InHand > 0 && !r.Force:
		p.Obstacle, p.Do = fmt.Sprintf("%s has %d events in hand, which would come again while they are worked on", p.Consumer, p.InHand), "wait until `paybridge consumer show "+p.Consumer+"` says 0 in hand, stop the service, or say --force"
	case p.Way == Beside && p.Chosen > mostBeside:
		p.Obstacle, p.Do = fmt.Sprintf("%d events are more than the %d that a consumer beside may hold", p.Chosen, mostBeside), "choose less at a time, or set "+p.Consumer+" back with --rewind"
	case p.Way == Beside:
		return r.unfinished(ctx, js, p)
	}
	return nil
}

// What the metadata of a consumer beside says: of whom it is, and how far it is made.
const (
	replayOf    = "paybridge-replay-of"
	replayState = "paybridge-replay-state"
	filling     = "filling" // nobody reads it yet
	ready       = "ready"
)

// unfinished notes an earlier replay that the service has not read to its end.
func (r Redeliver) unfinished(ctx context.Context, js natsjs.JetStream, p *Redelivery) error {
	consumer, err := js.Consumer(ctx, jetstream.Payments, p.Name())
	if errors.Is(err, natsjs.ErrConsumerNotFound) {
		return nil
	}
	if err != nil {
		return streamAdvice(jetstream.Payments, err)
	}
	info := consumer.CachedInfo()
	switch {
	case info.Config.Metadata[replayOf] != p.Consumer:
		p.Obstacle, p.Do = "a consumer "+p.Name()+" is there, and no replay", "look at it with `paybridge consumer show "+p.Name()+"`, and remove it if nobody needs it"
	case info.Config.Metadata[replayState] == ready && info.NumAckPending > 0 && !r.Force:
		p.Obstacle, p.Do = fmt.Sprintf("%s still holds %d events of an earlier replay", p.Name(), info.NumAckPending), "let the service take them first, or say --force to make it anew without them"
	}
	return nil
}

// Apply does what Plan said.
func (r Redeliver) Apply(ctx context.Context, js natsjs.JetStream, p *Redelivery) error {
	if p.Obstacle != "" {
		return advise(fmt.Errorf("redeliver: %s", p.Obstacle), p.Do)
	}
	if p.Way == Rewind {
		return r.rewind(ctx, js, p)
	}
	return r.beside(ctx, js, p)
}

// rewind sets the consumer back to the first chosen event.
func (r Redeliver) rewind(ctx context.Context, js natsjs.JetStream, p *Redelivery) error {
	_, err := js.ResetConsumerToSequence(ctx, jetstream.Payments, p.Consumer, p.First)
	switch {
	case errors.Is(err, natsjs.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return advise(fmt.Errorf("consumer %s: the server cannot set a consumer back: %w", p.Consumer, err),
			"that needs nats-server 2.14; with an older one add --beside")
	case err != nil:
		return advise(fmt.Errorf("consumer %s: %w", p.Consumer, err), "look at it with `paybridge consumer show "+p.Consumer+"`, or leave it as it is and add --beside")
	}
	return nil
}

// How a consumer beside is made, and how long it stays.
const (
	besideBatch   = 512
	besideWait    = 5 * time.Second
	besideKeeps   = 7 * 24 * time.Hour // without a reader; then it goes by itself
	besideNothing = "payments.=.=.=.=" // the subject of no event: no source has that name
)

// beside makes the consumer beside. It reads what a filter can say of the selection,
// acknowledges what is not chosen, and keeps the rest in hand; then it is given a filter
// that lets nothing through, and gives back what it has in hand. What is in hand comes
// again whatever the filter is, so that from then on it holds the chosen events alone.
//
// Nothing of PAYMENTS and of the team's consumer is touched. One that was left half made
// is made anew.
func (r Redeliver) beside(ctx context.Context, js natsjs.JetStream, p *Redelivery) error {
	name := p.Name()
	if err := js.DeleteConsumer(ctx, jetstream.Payments, name); err != nil && !errors.Is(err, natsjs.ErrConsumerNotFound) {
		return fmt.Errorf("consumer %s: %w", name, err)
	}
	config := natsjs.ConsumerConfig{
		Durable: name, Description: "events that a team gets again",
		FilterSubject: r.Select.filter(), DeliverPolicy: natsjs.DeliverByStartSequencePolicy, OptStartSeq: p.First,
		AckPolicy: natsjs.AckExplicitPolicy, AckWait: teamAckWait, MaxDeliver: -1, MaxAckPending: p.Chosen + 2*besideBatch,
		InactiveThreshold: besideKeeps, Replicas: p.config.Replicas,
		HeadersOnly: true, // until it is filled: which events are chosen is known
		Metadata:    map[string]string{replayOf: p.Consumer, replayState: filling},
	}
	consumer, err := js.CreateConsumer(ctx, jetstream.Payments, config)
	if err != nil {
		return fmt.Errorf("consumer %s: %w", name, err)
	}
	kept, err := r.fill(ctx, consumer, p)
	if err != nil {
		return advise(fmt.Errorf("consumer %s: %w", name, err), "run it again: it is made anew")
	}
	config.HeadersOnly, config.FilterSubject, config.Metadata = false, besideNothing, map[string]string{replayOf: p.Consumer, replayState: ready}
	if _, err := js.UpdateConsumer(ctx, jetstream.Payments, config); err != nil {
		return advise(fmt.Errorf("consumer %s: %w", name, err), "run it again: it is made anew")
	}
	for _, m := range kept {
		if err := m.Nak(); err != nil {
			return fmt.Errorf("consumer %s: %w", name, err)
		}
	}
	return r.holds(ctx, js, consumer, p)
}

// fill takes everything up to the last chosen event, and returns the chosen ones,
// unacknowledged.
func (r Redeliver) fill(ctx context.Context, consumer natsjs.Consumer, p *Redelivery) (kept []natsjs.Msg, err error) {
	// What is stored is there at once; only after a batch of nothing it is waited for.
	atOnce := func() (natsjs.MessageBatch, error) { return consumer.FetchNoWait(besideBatch) }
	patiently := func() (natsjs.MessageBatch, error) { return consumer.Fetch(1, natsjs.FetchMaxWait(besideWait)) }
	fetch := atOnce
	for seen, waited := uint64(0), false; seen < p.Last; {
		batch, err := fetch()
		if err != nil {
			return nil, err
		}
		got := 0
		for m := range batch.Messages() {
			got++
			meta, err := m.Metadata()
			if err != nil {
				return nil, err
			}
			if meta.NumDelivered > 1 {
				continue // it took longer than an ack may, and is in hand already
			}
			seen = meta.Sequence.Stream
			if _, chosen := slices.BinarySearch(p.sequences, seen); chosen {
				kept = append(kept, m)
			} else if err := m.Ack(); err != nil {
				return nil, err
			}
		}
		if err := errors.Join(batch.Error(), ctx.Err()); err != nil {
			return nil, err
		}
		switch {
		case got > 0:
			fetch, waited = atOnce, false
		case waited:
			return nil, errNoAnswer
		default:
			fetch, waited = patiently, true
		}
		if r.Progress != nil {
			r.Progress(int(seen-p.First+1), int(p.Last-p.First+1))
		}
	}
	return kept, nil
}

// holds makes sure that the consumer holds the chosen events and no other.
func (r Redeliver) holds(ctx context.Context, js natsjs.JetStream, consumer natsjs.Consumer, p *Redelivery) error {
	ctx, cancel := context.WithTimeout(ctx, besideWait)
	defer cancel()
	if err := js.Conn().FlushWithContext(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond) // acks are not answered
	defer tick.Stop()
	for {
		info, err := consumer.Info(ctx)
		if err != nil {
			return fmt.Errorf("consumer %s: %w", p.Name(), err)
		}
		if info.NumAckPending == p.Chosen && info.NumPending == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return advise(fmt.Errorf("consumer %s: holds %d events, and %d wait: want %d and 0", p.Name(), info.NumAckPending, info.NumPending, p.Chosen),
				"tell nobody about it, and run this again: it is made anew")
		}
	}
}
