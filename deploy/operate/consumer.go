package operate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// Team is a durable pull consumer on the events: what a team reads from, at its own
// pace, without losing anything while it is down.
type Team struct {
	Name   string
	Filter string    // subject filter, see EventFilter
	New    bool      // begin with what is stored from now on
	Since  time.Time // begin with what was stored then; the zero time and not New: with everything
}

// How a team's consumer treats what is not acknowledged.
const (
	teamAckWait    = 30 * time.Second
	teamAckPending = 1000
)

// teamName is what a consumer, an account and a file can all be called.
var teamName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// check refuses a name that no team may have.
func (t Team) check() error {
	if !teamName.MatchString(t.Name) {
		return fmt.Errorf("consumer %q: a name is 1 to 32 of a-z, 0-9, - and _, a letter or digit first", t.Name)
	}
	if t.Name == jetstream.Normalizer {
		return advise(fmt.Errorf("consumer %s: is the bridge's own name", t.Name), "choose another: it is the consumer of WEBHOOKS that makes the events")
	}
	return nil
}

// config is the consumer as the server is told.
func (t Team) config() natsjs.ConsumerConfig {
	config := natsjs.ConsumerConfig{
		Durable:       t.Name,
		Description:   "a team's events",
		FilterSubject: t.Filter,
		AckPolicy:     natsjs.AckExplicitPolicy,
		AckWait:       teamAckWait,
		MaxDeliver:    -1,
		MaxAckPending: teamAckPending,
		DeliverPolicy: natsjs.DeliverAllPolicy,
	}
	switch {
	case t.New:
		config.DeliverPolicy = natsjs.DeliverNewPolicy
	case !t.Since.IsZero():
		config.DeliverPolicy, config.OptStartTime = natsjs.DeliverByStartTimePolicy, &t.Since
	}
	return config
}

// Add creates the team's consumer. One that is there already with the same settings
// is left as it is; another one of that name is an error.
func (t Team) Add(ctx context.Context, js natsjs.JetStream) error {
	if err := t.check(); err != nil {
		return err
	}
	_, err := js.CreateConsumer(ctx, jetstream.Payments, t.config())
	switch {
	case errors.Is(err, natsjs.ErrConsumerExists):
		return t.taken("made by other means")
	case err != nil:
		return streamAdvice(jetstream.Payments, err)
	}
	return nil
}

// RemoveTeam deletes a team's consumer: where it was in the stream is lost.
func RemoveTeam(ctx context.Context, js natsjs.JetStream, name string) error {
	err := js.DeleteConsumer(ctx, jetstream.Payments, name)
	if errors.Is(err, natsjs.ErrConsumerNotFound) {
		return advise(fmt.Errorf("consumer %s does not exist", name), "list them with `paybridge consumer list`")
	}
	if err != nil {
		return streamAdvice(jetstream.Payments, err)
	}
	return nil
}

// Teams lists the durable consumers on the events, by name.
func Teams(ctx context.Context, js natsjs.JetStream) ([]Lag, error) {
	stream, err := js.Stream(ctx, jetstream.Payments)
	if err != nil {
		return nil, streamAdvice(jetstream.Payments, err)
	}
	lister := stream.ListConsumers(ctx)
	var lags []Lag
	for info := range lister.Info() {
		if info.Config.Durable != "" {
			lags = append(lags, lagOf(info))
		}
	}
	slices.SortFunc(lags, func(a, b Lag) int { return strings.Compare(a.Name, b.Name) })
	return lags, lister.Err()
}

// ReadLag is how far a consumer is behind; nil where it, or its stream, does not exist.
func ReadLag(ctx context.Context, js natsjs.JetStream, stream, name string) (*Lag, error) {
	consumer, err := js.Consumer(ctx, stream, name)
	if errors.Is(err, natsjs.ErrConsumerNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, streamAdvice(stream, err)
	}
	lag := lagOf(consumer.CachedInfo())
	return &lag, nil
}

// lagOf is what the server says of a consumer, in our words.
func lagOf(info *natsjs.ConsumerInfo) Lag {
	filters := info.Config.FilterSubjects
	if info.Config.FilterSubject != "" {
		filters = []string{info.Config.FilterSubject}
	}
	return Lag{
		Name: info.Name, Filter: strings.Join(filters, ", "), Pending: info.NumPending, InHand: info.NumAckPending,
		Redelivered: info.NumRedelivered, AckFloor: info.AckFloor.Stream, Filling: beingFilled(info.Config),
	}
}
