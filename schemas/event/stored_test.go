package event_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/event"
)

// Whatever a provider calls its events, a real server stores them under a subject of
// their own, in both modes, and gives back what was published.
func TestStoredAndReadBack(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	subjects := map[string]string{}
	for sequence, native := range []string{
		"payment.confirmed", "", ".", "a..b", ">", "*", "charge.*", "a\r\nb", " a", "é", "\xff", "\x00", "=", "=3E",
		strings.Repeat("x", 6<<10), strings.Repeat("x.", 3<<10), strings.Repeat(">", 128), strings.Repeat(".", 129),
	} {
		sent := event.Event{
			ID:           event.CleanID("évt " + native),
			Source:       "urn:paybridge:pik",
			Type:         "global.pik." + event.AttributeText(native),
			Subject:      event.AttributeText(" " + native),
			Time:         time.Date(2025, 1, 15, 10, 30, 0, 0, time.UTC),
			DataSchema:   "urn:paybridge:schema:pik:" + event.URIText(native) + ":1",
			Provider:     "pik",
			Sequence:     event.Sequence(uint64(sequence), 0),
			PartitionKey: "pik/" + event.AttributeText(native),
			RawDigest:    event.RawDigest([]byte(native)),
			AuthScheme:   "hmac",
			Payment: event.Payment{
				Kind: event.UnknownKind, Direction: event.UnknownDirection, State: event.UnknownState, Rail: event.UnknownRail,
				ReceivedAt: "2025-01-15T10:30:00Z", Notes: []string{},
			},
			Native:     json.RawMessage(`{ "n" : 100.00 }`),
			SourceName: "pik",
			NativeType: native,
		}
		for run, mode := range []event.Mode{event.Structured, event.Binary} {
			sent.ReplayID = "run-" + string(rune('0'+run)) // a message id of its own
			msg, err := sent.Message(mode)
			if err != nil {
				t.Fatalf("%.40q: %v", native, err)
			}
			ack, err := js.PublishMsg(t.Context(), msg)
			if err != nil {
				t.Fatalf("%.40q: %v", native, err)
			}
			if ack.Stream != "PAYMENTS" || ack.Duplicate {
				t.Fatalf("%.40q: stored on %s, duplicate %v", native, ack.Stream, ack.Duplicate)
			}
			stream, err := js.Stream(t.Context(), ack.Stream)
			if err != nil {
				t.Fatal(err)
			}
			stored, err := stream.GetMsg(t.Context(), ack.Sequence)
			if err != nil {
				t.Fatal(err)
			}
			if other, taken := subjects[stored.Subject]; taken && other != native {
				t.Errorf("%.40q and %.40q share %s", native, other, stored.Subject)
			}
			subjects[stored.Subject] = native
			want := sent
			want.NativeType, want.SourceName = "", ""
			got, err := event.Decode(stored.Header, stored.Data)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%.40q, %s: %v\n got %#v\nwant %#v", native, mode, err, got, want)
			}
		}
	}
}
