package normalizer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap/zapcore"

	"paybridge/schemas/event"
)

// One message of PAYMENTS, to the letter.
func TestDeliveryBecomesAnEvent(t *testing.T) {
	for _, test := range []struct {
		mode        event.Mode
		contentType string
	}{
		{event.Structured, "application/cloudevents+json"},
		{event.Binary, ""},
	} {
		t.Run(string(test.mode), func(t *testing.T) {
			r := newRig(t)
			o := r.options(words{})
			o.Mode = test.mode
			r.start(o)
			raw := r.put("evt_1 txn_9 hello")
			r.settled()

			stored := r.all("PAYMENTS")
			if len(stored) != 1 {
				t.Fatalf("%d events", len(stored))
			}
			m := stored[0]
			if want := "payments.shop.payin.confirmed.word"; m.Subject != want {
				t.Errorf("subject %s, want %s", m.Subject, want)
			}
			if id := m.Header.Get(nats.MsgIdHdr); id != "shop/evt_1" {
				t.Errorf("message id %s", id)
			}
			if got := m.Header.Get("Content-Type"); !strings.HasPrefix(got, test.contentType) || test.contentType == "" && got != "" {
				t.Errorf("content type %q", got)
			}
			if got := m.Header.Get(jetstream.ExpectedStreamHeader); got != "PAYMENTS" {
				t.Errorf("expected stream %q", got)
			}
			e, err := event.Decode(m.Header, m.Data)
			if err != nil {
				t.Fatal(err)
			}
			if e.ID != "evt_1" || e.Subject != "txn_9" || e.PartitionKey != "shop/txn_9" || e.Sequence != event.Sequence(raw.Sequence, 0) {
				t.Errorf("%+v", e)
			}
		})
	}
}

// A repeat is no second event, and one delivery may be many.
func TestDeliveryHasItemsAndRepeats(t *testing.T) {
	r := newRig(t)
	n, _ := r.start(r.options(words{}))
	r.put("a p1\nb p1\nc p2")
	r.put("b p1") // another delivery of the same event; its native is equal
	r.settled()

	var got []string
	for _, e := range r.events() {
		got = append(got, e.ID+" "+e.Sequence)
	}
	want := []string{"a " + event.Sequence(1, 0), "b " + event.Sequence(1, 1), "c " + event.Sequence(1, 2)}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		// a and c are of different payments and have no order.
		if fmt.Sprint(got) != fmt.Sprint([]string{want[0], want[2], want[1]}) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if letters := r.letters(); len(letters) > 0 {
		t.Errorf("dead letters: %v", letters)
	}
	r.counted(n, "paybridge_events_total", 3)
	r.counted(n, "paybridge_event_duplicates_total", 1)
	r.counted(n, "paybridge_normalize_total", 2)
}

// Every delivery has one line, and none says what was in it.
func TestReceiptsHaveNoContents(t *testing.T) {
	r := newRig(t)
	r.start(r.options(words{}))
	first := r.put("e1 p1 canary-4111")
	r.put("panic canary-4111")
	r.put("dead ignored canary-4111")
	r.put("{canary-4111")
	forged := r.delivery("shop", "e1 p1 canary-4111").Message(nil)
	forged.Header.Set(nats.MsgIdHdr, "canary-4111")
	r.publish(forged)
	r.settled()

	if got := r.lines(); strings.Contains(got, "canary") {
		t.Errorf("the log has contents:\n%s", got)
	}
	for message, count := range map[string]int{"normalized": 1, "dead letter": 3, "ignored": 1, "panic": 1} {
		if got := r.logs.FilterMessage(message).Len(); got != count {
			t.Errorf("%d lines %q, want %d\n%s", got, message, count, r.lines())
		}
	}
	fields := r.logs.FilterMessage("normalized").All()[0].ContextMap()
	for name, want := range map[string]any{"raw_seq": first.Sequence, "source": "shop", "events": int64(1), "result": "ok"} {
		if fields[name] != want {
			t.Errorf("%s is %v, want %v", name, fields[name], want)
		}
	}
	if id, _ := fields["msg_id"].(string); len(id) != 22 {
		t.Errorf("msg_id %q", id)
	}
}

// What no rule of the pack knows is published, counted and said.
func TestUnknownTypeIsPublished(t *testing.T) {
	r := newRig(t)
	n, _ := r.start(r.options(words{unknown: true}))
	r.put("e1 p1")
	r.settled()
	if m := r.all("PAYMENTS"); len(m) != 1 || m[0].Subject != "payments.shop.unknown.unknown.word" {
		t.Fatalf("%v", m)
	}
	r.counted(n, "paybridge_unknown_types_total", 1)
	if lines := r.logs.FilterLevelExact(zapcore.WarnLevel).FilterMessageSnippet("unknown native type"); lines.Len() != 1 {
		t.Errorf("%s", r.lines())
	}
}

// New packs are used from one delivery to the next, without a restart.
func TestReplaceSwapsAllPrograms(t *testing.T) {
	r := newRig(t)
	n, _ := r.start(r.options(words{}))
	r.put("e1 p1")
	r.settled()
	n.Replace(Programs{{Source: "kiosk", Provider: "words"}: words{}}, testKeys())
	r.putAs("kiosk", "e2 p1")
	r.put("e3 p1") // the source shop is no more
	r.settled()

	var got []string
	for _, e := range r.events() {
		got = append(got, e.Source+" "+e.ID)
	}
	if want := []string{"urn:paybridge:shop e1", "urn:paybridge:kiosk e2"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	letters := r.letters()
	if len(letters) != 1 || letters[0].Reason != "mapping_failed" || letters[0].StreamSequence != 3 {
		t.Errorf("%+v", letters)
	}
	if !strings.Contains(r.lines(), "no source shop of provider words is configured here") {
		t.Errorf("%s", r.lines())
	}
}
