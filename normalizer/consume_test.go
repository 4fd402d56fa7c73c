package normalizer

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// pubSub is what Watermill's own suite needs besides: a stream and a consumer for
// every topic. In paybridge both are made by deploy/jetstream, never by a worker.
type pubSub struct{ *subscriber }

func (s pubSub) SubscribeInitialize(topic string) error {
	ctx := context.Background()
	stream, name := s.consumer(topic)
	if _, err := s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: stream, Subjects: []string{topic}, Storage: jetstream.MemoryStorage}); err != nil {
		return err
	}
	_, err := s.js.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{
		Durable: name, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 500 * time.Millisecond, MaxDeliver: -1, MaxAckPending: 10_000,
	})
	return err
}

// testSubscriber is a subscriber with its own small hand.
func testSubscriber(js jetstream.JetStream, group string) *subscriber {
	return newSubscriber(js, subscriberOptions{
		consumer:    func(topic string) (string, string) { return strings.ReplaceAll(topic, ".", "-"), group },
		open:        func(stream, name string) (source, error) { return newPuller(js.Conn(), stream, name, 200) },
		inHand:      200,
		inHandBytes: 1 << 20,
		pullWait:    50 * time.Millisecond,
		nackDelay:   5 * time.Millisecond,
		hold:        func(ctx context.Context) bool { return ctx.Err() == nil },
		pulling:     &breaker{},
		metrics:     newMetrics(),
		now:         time.Now,
	})
}

func TestPubSub(t *testing.T) {
	server := jetstreamtest.Start(t, jetstreamtest.Bare())
	forGroup := func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
		publisher, err := newPublisher(server.Conn(t), 5*time.Second, 512)
		if err != nil {
			t.Fatal(err)
		}
		return publisher, pubSub{testSubscriber(publisher.js, group)}
	}
	tests.TestPubSub(t,
		// Not GuaranteedOrder: that is one message in hand at a time.
		tests.Features{ConsumerGroups: true, Persistent: true, GuaranteedOrder: false, ForceShort: raceDetector},
		func(t *testing.T) (message.Publisher, message.Subscriber) { return forGroup(t, "group") },
		forGroup,
	)
}
