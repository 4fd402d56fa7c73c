package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
)

// Check lists every difference between the bus and the contract, in the order of
// the flow, and changes nothing. With names ("WEBHOOKS", "WEBHOOKS/normalizer")
// it looks at those alone, for a service that may see no more. An error means
// that the bus could not be asked.
func Check(ctx context.Context, js jetstream.JetStream, s config.Streams, names ...string) ([]Drift, error) {
	asked := func(name string) bool { return len(names) == 0 || slices.Contains(names, name) }
	var drifts []Drift
	open := openSizes(s)
	for _, want := range Streams(s) {
		if !asked(want.Name) {
			continue
		}
		info, found, err := streamInfo(ctx, js, want.Name)
		switch {
		case err != nil:
			return nil, err
		case !found:
			drifts = append(drifts, missing(want.Name))
		default:
			drifts = append(drifts, streamDrift(wanted(want, info.Config, open[want.Name]), info.Config)...)
		}
	}
	for _, want := range Consumers(s) {
		if !asked(want.name()) {
			continue
		}
		info, found, err := consumerInfo(ctx, js, want)
		switch {
		case err != nil:
			return nil, err
		case !found:
			drifts = append(drifts, missing(want.name()))
		default:
			drifts = append(drifts, consumerDrift(want, info.Config)...)
		}
	}
	return drifts, nil
}

// missing is the drift of what is not there.
func missing(name string) Drift {
	return Drift{Name: name, Field: "exists", Want: "true", Have: "false"}
}

// streamInfo asks for a stream; found is false where it does not exist.
func streamInfo(ctx context.Context, js jetstream.JetStream, name string) (info *jetstream.StreamInfo, found bool, err error) {
	s, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", name, err)
	}
	return s.CachedInfo(), true, nil
}

// consumerInfo asks for a consumer; found is false where it, or its stream, does
// not exist.
func consumerInfo(ctx context.Context, js jetstream.JetStream, c Consumer) (info *jetstream.ConsumerInfo, found bool, err error) {
	var got interface {
		CachedInfo() *jetstream.ConsumerInfo
	}
	got, err = js.Consumer(ctx, c.Stream, c.Config.Durable)
	if errors.Is(err, jetstream.ErrNotPullConsumer) {
		got, err = js.PushConsumer(ctx, c.Stream, c.Config.Durable)
	}
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", c.name(), err)
	}
	return got.CachedInfo(), true, nil
}
