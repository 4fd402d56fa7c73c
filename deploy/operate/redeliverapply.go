package operate

import (
	"context"
	"crypto/rand"
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
		_, err := r.unfinished(ctx, js, p)
		return err
	}
	return nil
}

// What the metadata of a consumer beside says: of whom it is, and how far it is made.
const (
	replayOf    = "paybridge-replay-of"
	replayState = "paybridge-replay-state"
	replayRun   = "paybridge-replay-run" // by which command: only that one may finish it, or take it away
	filling     = "filling"              // nobody reads it yet
	ready       = "ready"
)

// besideYoung is how long one that is being filled is left to the command that fills it;
// then that one is dead. The server would hand out again what it has in hand after
// teamAckWait, so that no filling takes longer.
const besideYoung = time.Minute

// beingFilled says that a replay makes this consumer, or has left it half made.
func beingFilled(c natsjs.ConsumerConfig) bool { return c.Metadata[replayState] == filling }

// unfinished notes another replay in the way: one that is being made, or one that the
// service has not read to its end. there is the consumer that would be made anew.
func (r Redeliver) unfinished(ctx context.Context, js natsjs.JetStream, p *Redelivery) (there *natsjs.ConsumerInfo, _ error) {
	consumer, err := js.Consumer(ctx, jetstream.Payments, p.Name())
	if errors.Is(err, natsjs.ErrConsumerNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, streamAdvice(jetstream.Payments, err)
	}
	info := consumer.CachedInfo()
	young := besideYoung
	if r.young != 0 {
		young = r.young
	}
	switch {
	case info.Config.Metadata[replayOf] != p.Consumer:
		p.Obstacle, p.Do = "a consumer "+p.Name()+" is there, and no replay", "look at it with `paybridge consumer show "+p.Name()+"`, and remove it if nobody needs it"
	case beingFilled(info.Config) && info.TimeStamp.Sub(info.Created) < young:
		p.Obstacle = p.Name() + " is being filled by another replay"
		p.Do = fmt.Sprintf("wait until `paybridge consumer show %s` says that it is filled; one that was killed meanwhile is made anew after %v, by this command again", p.Name(), young)
	case info.Config.Metadata[replayState] == ready && info.NumAckPending > 0 && !r.Force:
		p.Obstacle, p.Do = fmt.Sprintf("%s still holds %d events of an earlier replay", p.Name(), info.NumAckPending), "let the service take them first, or say --force to make it anew without them"
	}
	return info, nil
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
	consumer, err := js.Consumer(ctx, jetstream.Payments, p.Consumer)
	if err == nil {
		err = r.hold(ctx, js, consumer)
	}
	if err != nil {
		return advise(err, "look at it with `paybridge consumer show "+p.Consumer+"`; nothing is changed")
	}
	_, err = js.ResetConsumerToSequence(ctx, jetstream.Payments, p.Consumer, p.First)
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
// is made anew; where this fails or is interrupted, none is left.
func (r Redeliver) beside(ctx context.Context, js natsjs.JetStream, p *Redelivery) error {
	name, run := p.Name(), rand.Text()
	consumer, config, err := r.begin(ctx, js, p, run)
	if err != nil {
		return err
	}
	if err = r.complete(ctx, js, consumer, config, p); err == nil {
		return nil
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), besideWait)
	defer cancel()
	if left := takeAway(ending, js, name, run); left != nil {
		return advise(errors.Join(fmt.Errorf("consumer %s: %w", name, err), left), "it is half made: tell nobody about it, and run this again after "+besideYoung.String())
	}
	return advise(fmt.Errorf("consumer %s: %w", name, err), "nothing of it is left: run this again")
}

// turn is the consumer whose making gives one replay at a time the turn to look at a
// consumer beside, to delete it and to make it: it is the one name that the server gives
// once, and that the role replay may take. It goes by itself where its maker was killed.
const (
	turn      = "replay"
	turnKeeps = 30 * time.Second
)

// begin makes the consumer beside, empty, in place of one that may go.
func (r Redeliver) begin(ctx context.Context, js natsjs.JetStream, p *Redelivery, run string) (consumer natsjs.Consumer, config natsjs.ConsumerConfig, err error) {
	name := p.Name()
	_, err = js.CreateConsumer(ctx, jetstream.Payments, natsjs.ConsumerConfig{
		Name: turn, Description: "a replay begins", FilterSubject: besideNothing, AckPolicy: natsjs.AckExplicitPolicy,
		InactiveThreshold: turnKeeps, MemoryStorage: true, Metadata: map[string]string{replayRun: run},
	})
	switch {
	case errors.Is(err, natsjs.ErrConsumerExists):
		return nil, config, advise(errors.New("redeliver: another replay begins just now"), "wait a moment, and look at what it gives with `paybridge consumer show "+name+"`")
	case err != nil:
		return nil, config, fmt.Errorf("consumer %s: %w", turn, err)
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), besideWait)
		defer cancel()
		takeAway(ending, js, turn, run) //nolint:errcheck // else it goes by itself
	}()
	now := *p // what is in the way by now, beside what was when it was planned
	there, err := r.unfinished(ctx, js, &now)
	switch {
	case err != nil:
		return nil, config, err
	case now.Obstacle != "":
		return nil, config, advise(fmt.Errorf("redeliver: %s", now.Obstacle), now.Do)
	case there == nil:
	default:
		if err := takeAway(ctx, js, name, there.Config.Metadata[replayRun]); err != nil {
			return nil, config, fmt.Errorf("consumer %s: %w", name, err)
		}
	}
	config = natsjs.ConsumerConfig{
		Durable: name, Description: "events that a team gets again",
		FilterSubject: r.Select.filter(), DeliverPolicy: natsjs.DeliverByStartSequencePolicy, OptStartSeq: p.First,
		AckPolicy: natsjs.AckExplicitPolicy, AckWait: teamAckWait, MaxDeliver: -1, MaxAckPending: p.Chosen + 2*besideBatch,
		InactiveThreshold: besideKeeps, Replicas: p.config.Replicas,
		HeadersOnly: true, // until it is filled: which events are chosen is known
		Metadata:    map[string]string{replayOf: p.Consumer, replayState: filling, replayRun: run},
	}
	if consumer, err = js.CreateConsumer(ctx, jetstream.Payments, config); err != nil {
		// Interrupted, it may be there.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), besideWait)
		defer cancel()
		return nil, config, fmt.Errorf("consumer %s: %w", name, errors.Join(err, takeAway(ending, js, name, run)))
	}
	return consumer, config, nil
}

// complete fills a consumer beside, gives it to the service, and makes sure of it.
func (r Redeliver) complete(ctx context.Context, js natsjs.JetStream, consumer natsjs.Consumer, config natsjs.ConsumerConfig, p *Redelivery) error {
	kept, err := r.fill(ctx, consumer, p)
	if err != nil {
		return err
	}
	run := config.Metadata[replayRun]
	if ours, err := isOfRun(ctx, js, p.Name(), run); err != nil || !ours {
		return errors.Join(err, errors.New("another replay has taken its place"))
	}
	config.HeadersOnly, config.FilterSubject = false, besideNothing
	config.Metadata = map[string]string{replayOf: p.Consumer, replayState: ready, replayRun: run}
	if _, err := js.UpdateConsumer(ctx, jetstream.Payments, config); err != nil {
		return err
	}
	for i, m := range kept {
		if err := m.NakWithDelay(giveBack(i, r.Rate)); err != nil {
			return err
		}
	}
	return r.holds(ctx, js, consumer, p)
}

// takeAway deletes the consumer beside that one run has made; another's stays.
func takeAway(ctx context.Context, js natsjs.JetStream, name, run string) error {
	ours, err := isOfRun(ctx, js, name, run)
	if err != nil || !ours {
		return err
	}
	if err := js.DeleteConsumer(ctx, jetstream.Payments, name); !errors.Is(err, natsjs.ErrConsumerNotFound) {
		return err
	}
	return nil
}

// isOfRun says that a consumer beside is there, and that one run has made it.
func isOfRun(ctx context.Context, js natsjs.JetStream, name, run string) (bool, error) {
	consumer, err := js.Consumer(ctx, jetstream.Payments, name)
	if errors.Is(err, natsjs.ErrConsumerNotFound) {
		return false, nil
	}
	return err == nil && consumer.CachedInfo().Config.Metadata[replayRun] == run, err
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
			return err
		}
		if info.NumAckPending == p.Chosen && info.NumPending == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("holds %d events, and %d wait: want %d and 0", info.NumAckPending, info.NumPending, p.Chosen)
		}
	}
}
