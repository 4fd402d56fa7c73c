package ingress

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// asyncPublisher is the part of [jetstream.JetStream] that single calls: a publish
// does not wait, the future says what became of it. It is called concurrently.
type asyncPublisher interface {
	PublishMsgAsync(m *nats.Msg, opts ...jetstream.PublishOpt) (jetstream.PubAckFuture, error)
}

// single sends each message by itself, pipelined: many wait for their own
// acknowledgement at the same time.
type single struct {
	stream asyncPublisher
}

// onlyOnce leaves sending again to the store, which knows the budget.
var onlyOnce = jetstream.WithRetryAttempts(0)

func (s single) send(ctx context.Context, m *nats.Msg) (*jetstream.PubAck, error) {
	future, err := s.stream.PublishMsgAsync(m, onlyOnce)
	if err != nil {
		return nil, err
	}
	select {
	case ack := <-future.Ok():
		return ack, nil
	case err := <-future.Err():
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
