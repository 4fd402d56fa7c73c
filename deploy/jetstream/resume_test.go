package jetstream_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// bridge is a normalizer by hand: what it leaves on the bus, message by message.
type bridge struct {
	t  *testing.T
	js natsjs.JetStream
}

// deliver stores n deliveries.
func (b bridge) deliver(n int) {
	b.t.Helper()
	for i := range n {
		publish(b.t, b.js, "webhooks.pik.default", fmt.Appendf(nil, `{"n": %d}`, i))
	}
}

// event publishes an event of a delivery, in structured mode, of a body and the
// item of it.
func (b bridge) event(delivery, item int, body, native, more string) {
	b.t.Helper()
	data := fmt.Appendf(nil, `{"id":"e%d","sequence":"%020d.%04d","rawdigest":"sha256-%x"%s,"data":{"payment":{},"native":%s}}`,
		delivery, delivery, item, sha256.Sum256([]byte(body)), more, native)
	b.message("payments.pik.payin.confirmed.x", nats.Header{"Content-Type": {"application/cloudevents+json"}}, data)
}

// whole publishes the one event of a delivery.
func (b bridge) whole(deliveries ...int) {
	b.t.Helper()
	for _, d := range deliveries {
		b.event(d, 0, `{"a": 1.00}`, `{"a": 1.00}`, "")
	}
}

func (b bridge) deadLetter(delivery, reason string) {
	b.t.Helper()
	b.message("deadletters.pik."+reason, nats.Header{"Deadletter-Reason": {reason}, "Deadletter-Stream-Sequence": {delivery}}, []byte("{"))
}

func (b bridge) message(subject string, h nats.Header, data []byte) {
	b.t.Helper()
	if _, err := b.js.PublishMsg(b.t.Context(), &nats.Msg{Subject: subject, Header: h, Data: data}); err != nil {
		b.t.Fatal(err)
	}
}

// A normalizer that somebody deleted goes on after what is fully accounted for.
func TestARecreatedConsumerGoesOn(t *testing.T) {
	tests := map[string]struct {
		before func(bridge)
		want   uint64 // the first sequence that it reads
	}{
		"nothing processed, from the beginning": {func(b bridge) { b.deliver(3) }, 1},
		"nothing stored":                        {func(bridge) {}, 1},
		"all processed": {func(b bridge) {
			b.deliver(3)
			b.whole(1, 2, 3)
		}, 4},
		"some not yet": {func(b bridge) {
			b.deliver(5)
			b.whole(1, 2)
		}, 3},
		"a hole": {func(b bridge) {
			b.deliver(5)
			b.whole(1, 2, 4, 5)
		}, 3},
		"dead letters of whole deliveries count": {func(b bridge) {
			b.deliver(5)
			b.whole(1)
			b.deadLetter("2", "malformed_json")
			b.deadLetter("3", "unsealed")
			b.deadLetter("4", "crash_guard")
			b.deadLetter("5", "too_deep")
		}, 6},
		"dead letters of an item do not": {func(b bridge) {
			b.deliver(3)
			b.whole(1, 3)
			b.deadLetter("2", "id_conflict")
		}, 2},
		"an item of a batch does not": {func(b bridge) {
			b.deliver(2)
			b.whole(1)
			b.event(2, 0, `[{"a":1},{"a":2}]`, `{"a":1}`, "")
		}, 2},
		"a corrected event of a replay does not": {func(b bridge) {
			b.deliver(2)
			b.whole(1)
			b.event(2, 0, "{}", "{}", `,"replayid":"r1"`)
		}, 2},
		"binary mode": {func(b bridge) {
			b.deliver(2)
			for seq := 1; seq <= 2; seq++ {
				b.message("payments.pik.payin.confirmed.x", nats.Header{
					"Ce-Sequence":  {fmt.Sprintf("%020d.0000", seq)},
					"ce-rawdigest": {fmt.Sprintf("sha256-%x", sha256.Sum256([]byte("{}")))},
				}, []byte(`{"payment":{},"native":{}}`))
			}
		}, 3},
		"what is no event is ignored": {func(b bridge) {
			b.deliver(2)
			b.whole(1)
			b.message("payments.pik.payin.confirmed.x", nil, []byte("not an event"))
			b.message("payments.pik.payin.confirmed.x", nats.Header{"Content-Type": {"x"}}, []byte(`{"sequence":"many"}`))
			b.message("deadletters.pik.ignored", nil, []byte("{}"))
		}, 2},
		"an event of a delivery that is not there": {func(b bridge) {
			b.deliver(2)
			b.whole(1, 900)
		}, 2},
		"more than is read at once": {func(b bridge) {
			b.deliver(1100)
			for i := range 1100 {
				b.whole(i + 1)
			}
		}, 1101},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := jetstreamtest.Start(t)
			js := s.JetStream(t)
			test.before(bridge{t, js})
			if err := js.DeleteConsumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer); err != nil {
				t.Fatal(err)
			}
			report, err := jetstream.Apply(t.Context(), js, s.Streams)
			if err != nil {
				t.Fatal(err)
			}
			if c := report[3]; c.Action != jetstream.Created || c.Start != test.want {
				t.Errorf("%v, starts at %d; want %d", c, c.Start, test.want)
			}
			expectNext(t, js, test.want)
		})
	}
}

// expectNext stores one more delivery and takes the consumer's next message.
func expectNext(t *testing.T, js natsjs.JetStream, want uint64) {
	t.Helper()
	publish(t, js, "webhooks.pik.default", nil)
	consumer, err := js.Consumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer)
	if err != nil {
		t.Fatal(err)
	}
	m, err := consumer.Next()
	if err != nil {
		t.Fatal(err)
	}
	if at, err := m.Metadata(); err != nil || at.Sequence.Stream != want {
		t.Errorf("the next message is %+v, %v; want sequence %d", at, err, want)
	}
}

// Sequences of a WEBHOOKS that was deleted say nothing about the new one.
func TestANewWebhooksStreamStartsAtItsBeginning(t *testing.T) {
	s := jetstreamtest.Start(t)
	js := s.JetStream(t)
	b := bridge{t, js}
	b.deliver(2)
	b.whole(1, 2)
	if err := js.DeleteStream(t.Context(), jetstream.Webhooks); err != nil {
		t.Fatal(err)
	}
	report, err := jetstream.Apply(t.Context(), js, s.Streams)
	if err != nil {
		t.Fatal(err)
	}
	b.deliver(2)
	if err := js.DeleteConsumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer); err != nil {
		t.Fatal(err)
	}
	again, err := jetstream.Apply(t.Context(), js, s.Streams)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []jetstream.Change{report[3], again[3]} {
		if c.Start != 1 {
			t.Errorf("%v, starts at %d; want 1", c, c.Start)
		}
	}
}
