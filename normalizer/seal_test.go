package normalizer

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"paybridge/schemas/delivery"
)

func TestOnlyWhatAnIngressHasJustStoredIsOpened(t *testing.T) {
	received := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	d := delivery.Delivery{
		Source: "shop", Provider: "words", Endpoint: delivery.DefaultEndpoint, ReceivedAt: received,
		Scheme: "hmac", KeyID: "current", Body: []byte("e1 p1"),
	}
	other, err := delivery.NewKey("k2", "another seal key, of another bridge")
	if err != nil {
		t.Fatal(err)
	}
	sealed := func() *nats.Msg { return d.Message(testKeys()) }
	with := func(change func(*nats.Msg)) *nats.Msg {
		m := sealed()
		change(m)
		return m
	}
	for _, test := range []struct {
		name    string
		m       *nats.Msg
		after   time.Duration // stored after received
		reason  delivery.Reason
		problem string
	}{
		{"as it should be", sealed(), time.Second, "", ""},
		{"stored ten minutes later", sealed(), sealAge, "", ""},
		{"stored later than that: copied in", sealed(), sealAge + time.Nanosecond, delivery.Unsealed, "a copy"},
		{"stored ten minutes before", sealed(), -sealAge, "", ""},
		{"stored earlier than that", sealed(), -sealAge - time.Nanosecond, delivery.Unsealed, "a copy"},
		{"no seal", d.Message(nil), 0, delivery.Unsealed, "missing"},
		{"another's key", d.Message(delivery.Keys{other}), 0, delivery.Unsealed, "unknown_key"},
		{"another body", with(func(m *nats.Msg) { m.Data = []byte("e1 p2") }), 0, delivery.Unsealed, "wrong"},
		{"another subject", with(func(m *nats.Msg) { m.Subject = "webhooks.bank.default" }), 0, delivery.Unsealed, "wrong"},
		{"another id", with(func(m *nats.Msg) { m.Header.Set(nats.MsgIdHdr, "x") }), 0, delivery.Unsealed, "wrong"},
		{"another moment", with(func(m *nats.Msg) { m.Header.Set("Webhook-Received-At", "2026-03-01T12:00:01.000000000Z") }), 0, delivery.Unsealed, "wrong"},
		{"one header more", with(func(m *nats.Msg) { m.Header.Set("Webhook-Header-X", "y") }), 0, delivery.Unsealed, "wrong"},
		{"sealed, and no delivery", delivery.Delivery{Source: "SHOP", Provider: "words", Endpoint: "default", Scheme: "hmac"}.Message(testKeys()), 0, delivery.MappingFailed, "source name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, dead := open(testKeys(), &raw{msg: test.m, stored: received.Add(test.after)})
			switch {
			case test.reason == "" && dead != nil:
				t.Errorf("%v", dead)
			case test.reason == "":
				if got.Source != "shop" || string(got.Body) != "e1 p1" {
					t.Errorf("%+v", got)
				}
			case dead == nil:
				t.Error("it is open")
			case dead.Reason != test.reason || !strings.Contains(dead.Problem, test.problem):
				t.Errorf("%s: %s, want %s: %s", dead.Reason, dead.Problem, test.reason, test.problem)
			}
		})
	}
}

// A sealed message that somebody stores again is no event, on the real stream.
func TestCopyOfASealedMessageIsNoEvent(t *testing.T) {
	r := newRig(t)
	r.start(r.options(words{}))
	d := r.delivery("shop", "e1 p1")
	d.ReceivedAt = d.ReceivedAt.Add(-11 * time.Minute)
	r.publish(d.Message(r.keys))
	r.settled()
	if letters := r.letters(); len(letters) != 1 || letters[0].Reason != delivery.Unsealed {
		t.Errorf("%+v", letters)
	}
	if events := r.events(); len(events) != 0 {
		t.Errorf("%+v", events)
	}
}
