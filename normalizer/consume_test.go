package normalizer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/nats-io/nats.go"
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
		metadata:    true,
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

// A message that its handler settles ends as one that is acked or nacked by anybody:
// acknowledged, given out again under its number, or given up with the subscription.
func TestHandlerSettles(t *testing.T) {
	server := jetstreamtest.Start(t, jetstreamtest.Bare())
	in := testSubscriber(server.JetStream(t), "group")
	in.byHandler = true
	if err := (pubSub{in}).SubscribeInitialize("topic"); err != nil {
		t.Fatal(err)
	}
	given, err := in.Subscribe(t.Context(), "topic")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := in.js.Publish(t.Context(), "topic", nil); err != nil {
			t.Fatal(err)
		}
	}
	settled := func(m *message.Message) error { r := inHand(m); return r.from.settled(r, m) }

	first, second, third := <-given, <-given, <-given
	inHand(first).from.accounted(inHand(first))
	if err := settled(first); err != nil || inHand(first).Err() == nil {
		t.Errorf("acked: %v, in hand %v", err, inHand(first).Err() == nil)
	}
	<-first.Acked()
	inHand(second).settle(errInjected)
	if err := settled(second); !errors.Is(err, errInjected) {
		t.Errorf("nacked: %v", err)
	}
	<-second.Nacked()
	again := <-given
	if inHand(again).number != inHand(second).number || inHand(again) == inHand(second) {
		t.Errorf("number %d, then %d", inHand(second).number, inHand(again).number)
	}
	inHand(again).from.accounted(inHand(again))
	if err := settled(again); err != nil {
		t.Error(err)
	}

	waits := make(chan error)
	go func() { waits <- settled(third) }()
	closed := make(chan error)
	go func() { closed <- in.Close() }()
	if err := <-waits; !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if messages, _, _ := in.count(); messages > 0 {
		t.Errorf("%d in hand", messages)
	}
	stream, name := in.consumer("topic")
	consumer, err := in.js.Consumer(t.Context(), stream, name)
	if err != nil {
		t.Fatal(err)
	}
	for info := consumer.CachedInfo(); info.NumAckPending != 1 || info.Delivered.Consumer != 3; {
		if info, err = consumer.Info(t.Context()); err != nil {
			t.Fatal(err) // the test's time is up
		}
	}
}

// Suspects are given out in stream order, whatever the order in which they came, and each
// alone.
func TestSuspectsInStreamOrder(t *testing.T) {
	s := &subscription{
		subscriber: &subscriber{subscriberOptions: subscriberOptions{byHandler: true}},
		hand:       newHand(3, 1<<20), out: make(chan *message.Message, 3), living: t.Context(),
	}
	for _, sequence := range []uint64{3, 1, 2} {
		r := &raw{parent: t.Context(), from: s, msg: &nats.Msg{}, sequence: sequence, delivered: 2, settled: make(chan error, 1), done: make(chan struct{})}
		s.hand.take(r)
		s.suspects = append(s.suspects, r)
	}
	over := make(chan struct{})
	go func() { defer close(over); s.oneByOne() }()
	for want := uint64(1); want <= 3; want++ {
		r := inHand(<-s.out)
		if r.sequence != want || len(s.out) > 0 {
			t.Errorf("message %d is given, want %d, and %d beside it", r.sequence, want, len(s.out))
		}
		s.hand.drop(r)
	}
	<-over
}

// What anybody stores on the raw stream is a message, even if it looks like a word of
// the server's own.
func TestHostileMessageIsNoWordOfTheServer(t *testing.T) {
	r := newRig(t)
	r.start(r.options(words{}))
	for _, status := range []string{"100", "400", "404", "408", "409", "503"} {
		r.publish(&nats.Msg{Subject: "webhooks.shop.default", Header: nats.Header{"Status": {status}, "Description": {"Consumer Deleted"}}})
	}
	r.put("e1 p1")
	r.settled()
	r.exactlyOnce([]string{"e1"})
	if letters := r.letters(); len(letters) != 6 {
		t.Errorf("%d dead letters", len(letters))
	}
	if info := r.consumer(); info.Delivered.Consumer != 7 {
		t.Errorf("%d deliveries of 7 messages", info.Delivered.Consumer)
	}
}

// word, for every answer that a pull may get.
func TestWordsOfTheServer(t *testing.T) {
	for _, test := range []struct {
		status, description string
		over                bool
		err                 string
	}{
		{"100", "Idle Heartbeat", false, ""},
		{"404", "No Messages", true, ""},
		{"408", "Request Timeout", true, ""},
		{"409", "Batch Completed", true, ""},
		{"409", "Message Size Exceeds MaxBytes", true, ""},
		{"409", "Consumer Deleted", true, "Consumer Deleted"},
		{"409", "Leadership Change", true, "Leadership Change"},
		{"409", "Exceeded MaxWaiting", true, "Exceeded MaxWaiting"},
		{"400", "Bad Request", true, "Bad Request"},
		{"503", "", true, "no responders"},
		{"", "", true, "refused"},
	} {
		over, err := word(&nats.Msg{Header: nats.Header{"Status": {test.status}, "Description": {test.description}}})
		if over != test.over || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s %s: %t, %v", test.status, test.description, over, err)
		}
	}
}

// What comes after its pull is over is taken with the next one.
func TestLateMessageIsTaken(t *testing.T) {
	r := newRig(t)
	p, err := newPuller(r.server.Conn(t), "WEBHOOKS", "normalizer", 10)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var taken []string
	take := func(m *nats.Msg) { taken = append(taken, string(m.Data)) }
	if err := p.pull(10, 1<<20, time.Millisecond, take); err != nil {
		t.Fatal(err)
	}
	// A pull that nobody waits for: what the server sends into it is late.
	if err := p.nc.PublishRequest(p.ask, p.inbox+"0", []byte(`{"batch":1,"expires":10000000000}`)); err != nil {
		t.Fatal(err)
	}
	r.eventually("the server waits for messages", func() bool { return r.consumer().NumWaiting == 1 })
	r.put("late p1")
	r.eventually("it is there", func() bool { return len(p.in) == 1 })
	if err := p.pull(10, 1<<20, time.Millisecond, take); err != nil {
		t.Fatal(err)
	}
	if len(taken) != 1 || taken[0] != "late p1" {
		t.Errorf("%v", taken)
	}
}
