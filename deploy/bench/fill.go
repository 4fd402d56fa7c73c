package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	topology "paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
)

// Filling a stream sends atomic batches of batchSize, batchesAhead of them
// unacknowledged: what the server stores fastest, with one sync each.
const (
	batchSize    = 500
	batchesAhead = 4
)

// fill stores sealed, distinct deliveries and returns the first one's sequence.
func (b *bus) fill(ctx context.Context, count int, run string, size int) (uint64, error) {
	last, err := b.last(ctx, topology.Webhooks)
	if err != nil {
		return 0, err
	}
	key, err := delivery.NewKey("k1", sealSecret)
	if err != nil {
		return 0, err
	}
	keys, body := delivery.Keys{key}, newBodies(run, size)
	return last + 1, b.store(ctx, count, func(n int) *nats.Msg {
		d := delivery.Delivery{
			Source: "pik", Provider: "pik", Endpoint: delivery.DefaultEndpoint, ReceivedAt: time.Now().UTC(),
			RequestID: fmt.Sprintf("bench-%d", n), Scheme: "hmac", KeyID: "bench", Body: body.append(nil, n),
		}
		return d.Message(keys)
	})
}

// store sends count messages in batches and waits for all of them.
func (b *bus) store(ctx context.Context, count int, message func(n int) *nats.Msg) error {
	acks := make(chan *nats.Msg, batchesAhead)
	inbox := b.conn.NewRespInbox()
	answers, err := b.conn.ChanSubscribe(inbox, acks)
	if err != nil {
		return err
	}
	defer func() { _ = answers.Unsubscribe() }()
	ahead := 0
	for n := range count {
		m := message(n)
		m.Header["Nats-Batch-Id"] = []string{fmt.Sprintf("%s-%d", inbox[len(inbox)-8:], n/batchSize)}
		m.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(n%batchSize + 1)}
		if (n+1)%batchSize == 0 || n == count-1 {
			m.Header["Nats-Batch-Commit"] = []string{"1"}
			m.Reply = inbox
			ahead++
		}
		if err := b.conn.PublishMsg(m); err != nil {
			return err
		}
		for ahead >= batchesAhead || ahead > 0 && n == count-1 {
			if err := acknowledged(ctx, acks); err != nil {
				return err
			}
			ahead--
		}
	}
	return nil
}

// acknowledged waits for the answer to one batch.
func acknowledged(ctx context.Context, acks <-chan *nats.Msg) error {
	select {
	case answer := <-acks:
		var ack struct {
			Error *jetstream.APIError `json:"error"`
		}
		if err := json.Unmarshal(answer.Data, &ack); err != nil {
			return fmt.Errorf("filling a stream: answer %q: %w", answer.Data, err)
		}
		if ack.Error != nil {
			return fmt.Errorf("filling a stream: %w", ack.Error)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(30 * time.Second):
		return fmt.Errorf("filling a stream: no answer to a batch")
	}
}
