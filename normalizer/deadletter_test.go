package normalizer

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"paybridge/schemas/delivery"
)

// Every reason, by a message that has it.
func TestDeadLettersKeepTheDeliveryAndTheReason(t *testing.T) {
	for _, test := range []struct {
		name    string
		put     func(*rig) *nats.Msg
		reason  delivery.Reason
		id      string // "*" is the raw message id
		pointer string
		events  int
	}{
		{"not decoded", body("{"), delivery.MalformedJSON, "malformed_json/*/0000", "/a", 0},
		{"an item too deep", body("a p1\ndead too_deep\nb p2"), delivery.TooDeep, "too_deep/*/0001", "/1", 2},
		{"an item too large", body("dead too_large"), delivery.TooLarge, "too_large/*/0000", "/0", 0},
		{"mapping fails", body("a p1\ndead mapping_failed"), delivery.MappingFailed, "mapping_failed/*/0001", "/1", 1},
		{"a ping", body("dead ignored"), delivery.Ignored, "ignored/*/0000", "/0", 0},
		{"mapping panics", body("a p1\npanic"), delivery.MappingFailed, "mapping_failed/*/0000", "", 0},
		{"mapping makes nothing", body("empty"), delivery.MappingFailed, "mapping_failed/*/0000", "", 0},
		{"mapping makes nothing of an item", body("neither\na p1"), delivery.MappingFailed, "mapping_failed/*/0000", "", 1},
		{"an event that is none", body("a p1\nbad-event p1"), delivery.MappingFailed, "mapping_failed/*/0001", "", 1},
		{"two items, one id, other content", body("a p1 x\na p1 y"), delivery.IDConflict, "id_conflict/*/0001", "", 1},
		{"unknown source", func(r *rig) *nats.Msg { return r.delivery("stranger", "a p1").Message(r.keys) }, delivery.MappingFailed, "mapping_failed/*/0000", "", 0},
		{"no seal", func(r *rig) *nats.Msg { return r.delivery("shop", "a p1").Message(nil) }, delivery.Unsealed, "unsealed/*/0000", "", 0},
		{"no id at all", func(*rig) *nats.Msg {
			return &nats.Msg{Subject: "webhooks.shop.default", Header: nats.Header{"Webhook-Source": {"shop"}}, Data: []byte("x y")}
		}, delivery.Unsealed, "unsealed/seq-1/0000", "", 0},
		{"no header at all", func(*rig) *nats.Msg {
			return &nats.Msg{Subject: "webhooks.shop.default", Data: []byte("x y")}
		}, delivery.Unsealed, "unsealed/seq-1/0000", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			n, _ := r.start(r.options(words{}))
			raw := test.put(r)
			r.publish(raw)
			r.settled()

			stored, letters := r.all("DEADLETTERS"), r.letters()
			if len(letters) != 1 {
				t.Fatalf("%d dead letters\n%s", len(letters), r.lines())
			}
			m, l := stored[0], letters[0]
			source := strings.Split(raw.Subject, ".")[1]
			if want := fmt.Sprintf("deadletters.%s.%s", source, test.reason); m.Subject != want {
				t.Errorf("subject %s, want %s", m.Subject, want)
			}
			if id, want := m.Header.Get(nats.MsgIdHdr), strings.Replace(test.id, "*", raw.Header.Get(nats.MsgIdHdr), 1); id != want {
				t.Errorf("message id %s, want %s", id, want)
			}
			if l.Reason != test.reason || l.Source != source || l.StreamSequence != 1 || l.Deliveries != 1 || l.NormalizerVersion != "v-test" || l.Pointer != test.pointer {
				t.Errorf("%+v", l)
			}
			if !bytes.Equal(m.Data, raw.Data) {
				t.Errorf("the body is %q", m.Data)
			}
			for name, values := range raw.Header {
				if strings.HasPrefix(name, "Webhook-") && m.Header.Get(name) != values[0] {
					t.Errorf("header %s is %q, want %q", name, m.Header.Get(name), values[0])
				}
			}
			if got := len(r.all("PAYMENTS")); got != test.events {
				t.Errorf("%d events, want %d", got, test.events)
			}
			r.counted(n, "paybridge_deadletters_total", 1)
		})
	}
}

func body(text string) func(*rig) *nats.Msg {
	return func(r *rig) *nats.Msg { return r.delivery("shop", text).Message(r.keys) }
}

// The raw message is terminated, with the reason, when its dead letter is stored.
func TestDeadLetterIsStoredBeforeItsMessageIsTerminated(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	watch := r.server.Conn(t)
	for subject, what := range map[string]string{
		"deadletters.>": "stored",
		"$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.WEBHOOKS.normalizer": "terminated",
	} {
		if _, err := watch.Subscribe(subject, func(m *nats.Msg) {
			if what == "terminated" && !strings.Contains(string(m.Data), `"reason":"malformed_json"`) {
				note(string(m.Data))
			}
			note(what)
		}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := watch.FlushWithContext(ctx); err != nil {
		t.Fatal(err)
	}
	r.start(r.options(words{}))
	r.put("{")
	r.eventually("both seen", func() bool { mu.Lock(); defer mu.Unlock(); return len(order) >= 2 })
	if fmt.Sprint(order) != "[stored terminated]" {
		t.Errorf("%v", order)
	}
}
