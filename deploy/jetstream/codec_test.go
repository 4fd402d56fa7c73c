package jetstream_test

import (
	"strings"
	"testing"
	"time"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// Where a lost consumer goes on is read from messages as the normalizer writes
// them: the codecs of schemas and the reader here must agree.
func TestTheReaderKnowsTheCodecs(t *testing.T) {
	body := []byte(`{ "amount": 100.00, "note": "\u00e7 ç <>" }`)
	processed := func(seq uint64, native string) event.Event {
		return event.Event{
			ID: event.Sequence(seq, 0), Source: "urn:paybridge:pik", Type: "global.pik.payment.confirmed",
			Time: time.Unix(1_700_000_000, 0), Provider: "pik", Sequence: event.Sequence(seq, 0), PartitionKey: "pik/1",
			RawDigest: event.RawDigest(body), AuthScheme: "hmac",
			Payment: event.Payment{
				Kind: event.Payin, Direction: event.In, State: event.Confirmed, Rail: event.Pix, ReceivedAt: "2026-01-02T03:04:05Z",
			},
			Native: []byte(native), NativeType: "payment.confirmed", SourceName: "pik",
		}
	}
	for _, mode := range []event.Mode{event.Structured, event.Binary} {
		t.Run(string(mode), func(t *testing.T) {
			s := jetstreamtest.Start(t)
			js := s.JetStream(t)
			b := bridge{t, js}
			b.deliver(6)
			for _, e := range []event.Event{processed(1, string(body)), processed(3, string(body)), processed(4, `{"a":1}`)} {
				m, err := e.Message(mode)
				if err != nil {
					t.Fatal(err)
				}
				b.message(m.Subject, m.Header, m.Data)
			}
			dead := delivery.DeadLetter{Reason: delivery.MalformedJSON, Source: "pik", StreamSequence: 2, Body: body}
			m := dead.Message()
			b.message(m.Subject, m.Header, m.Data)

			if err := js.DeleteConsumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer); err != nil {
				t.Fatal(err)
			}
			report, err := jetstream.Apply(t.Context(), js, s.Streams)
			if err != nil {
				t.Fatal(err)
			}
			if start := report[3].Start; start != 4 {
				t.Errorf("it goes on at %d, want 4: delivery 4 may have become more events", start)
			}
			if text := report[3].String(); !strings.HasPrefix(text, "WEBHOOKS/normalizer created, reads from sequence 4\n  ack_wait: none → 30s\n") {
				t.Errorf("the report says %q", text)
			}
		})
	}
}
