package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/event"
)

// aPayment is an event of a source, by the payment's id.
func aPayment(source, id string) event.Event {
	return event.Event{
		ID: "evt_" + id, Source: "urn:paybridge:" + source, Type: "test.payment.paid", Subject: id,
		Time:       time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		DataSchema: "urn:paybridge:schema:pik:payment.paid:1", Provider: "pik",
		Sequence: event.Sequence(1, 0), PartitionKey: source + "/" + id, RawDigest: event.RawDigest([]byte(id)), AuthScheme: "hmac",
		Payment: event.Payment{
			Kind: event.Payin, Direction: event.In, State: event.Confirmed, ID: &id, Rail: event.Pix,
			Amount:     &event.Money{Value: "75.00", Currency: "USDT"},
			ReceivedAt: "2026-01-02T03:04:05Z", Notes: []string{},
		},
		Native:     json.RawMessage("{\n \"value\": 100.00 }"),
		NativeType: "payment.paid", SourceName: source,
	}
}

// publish stores an event.
func publish(t *testing.T, js natsjs.JetStream, e event.Event, mode event.Mode) {
	t.Helper()
	msg, err := e.Message(mode)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
}

// TestTailFollows says that a tail sees what is stored after it began, in order, and
// only what its filter names.
func TestTailFollows(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	publish(t, js, aPayment("pik", "before"), event.Structured)
	var out bytes.Buffer
	err := Tail{Stream: jetstream.Payments, Filter: "payments.pik.>", Count: 2}.Run(t.Context(), js, &out, func() {
		publish(t, js, aPayment("pik", "one"), event.Structured)
		publish(t, js, aPayment("bidali", "other"), event.Structured)
		publish(t, js, aPayment("pik", "two"), event.Binary)
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("got %d lines: %s", len(lines), out.String())
	}
	for i, id := range []string{"one", "two"} {
		want := []string{"2026-01-02", "03:04:05Z", "pik", "payin", "confirmed", "75.00", "USDT", id, "payment.paid"}
		if got := strings.Fields(lines[i]); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("line %d is %q, want %q", i, got, want)
		}
	}
}

// TestTailSinceAndJSON says that history is read from a moment, and that a line is
// the CloudEvent with its numbers as they came, in either mode.
func TestTailSinceAndJSON(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	publish(t, js, aPayment("pik", "one"), event.Structured)
	publish(t, js, aPayment("pik", "two"), event.Binary)
	var out bytes.Buffer
	tail := Tail{Stream: jetstream.Payments, Filter: "payments.>", Count: 2, JSON: true, Since: time.Now().Add(-time.Hour)}
	if err := tail.Run(t.Context(), js, &out, nil); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("got %q", lines)
	}
	for i, id := range []string{"evt_one", "evt_two"} {
		var e struct {
			ID   string `json:"id"`
			Spec string `json:"specversion"`
		}
		if err := json.Unmarshal([]byte(lines[i]), &e); err != nil || e.ID != id || e.Spec != "1.0" {
			t.Errorf("line %d: %+v, %v", i, e, err)
		}
		if !strings.Contains(lines[i], `"native":{"value":100.00}`) {
			t.Errorf("line %d lost a number's text: %s", i, lines[i])
		}
	}
}

// TestTailEnds says how a tail ends that sees nothing.
func TestTailEnds(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	var out bytes.Buffer
	tail := Tail{Stream: jetstream.Payments, Filter: "payments.>"}
	ctx, cancel := context.WithCancel(t.Context())
	if err := tail.Run(ctx, js, &out, cancel); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tail.Run(ctx, js, &out, nil); err != nil {
		t.Errorf("time is over and nothing was asked for: %v", err)
	}
	tail.Count = 1
	if err := tail.Run(ctx, js, &out, nil); err == nil {
		t.Error("time is over, an event was asked for, and no error")
	}
}

// TestTailLeavesDurablesAlone says that a tail is nobody's consumer.
func TestTailLeavesDurablesAlone(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	publish(t, js, aPayment("pik", "one"), event.Structured)
	durable, err := js.CreateConsumer(t.Context(), jetstream.Payments, natsjs.ConsumerConfig{Durable: "team", AckPolicy: natsjs.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	tail := Tail{Stream: jetstream.Payments, Filter: "payments.>", Count: 1, Since: time.Now().Add(-time.Hour)}
	if err := tail.Run(t.Context(), js, &out, nil); err != nil {
		t.Fatal(err)
	}
	info, err := durable.Info(t.Context())
	if err != nil || info.NumPending != 1 || info.Delivered.Consumer != 0 {
		t.Errorf("the team's consumer: %+v, %v", info, err)
	}
}

// TestTailShowsWhatIsNoEvent says that a message somebody else wrote is named, not
// skipped and not fatal.
func TestTailShowsWhatIsNoEvent(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: "payments.x.y.z.w", Data: []byte("secret-content")}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	tail := Tail{Stream: jetstream.Payments, Filter: "payments.>", Count: 1, Since: time.Now().Add(-time.Hour)}
	if err := tail.Run(t.Context(), js, &out, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "payments.x.y.z.w is no event") || strings.Contains(out.String(), "secret-content") {
		t.Errorf("got %s", out.String())
	}
}

func TestTailWithoutStreams(t *testing.T) {
	js := jetstreamtest.Start(t, jetstreamtest.Bare()).JetStream(t)
	err := Tail{Stream: jetstream.Payments, Filter: "payments.>"}.Run(t.Context(), js, &bytes.Buffer{}, nil)
	checkAdvice(t, err, "does not exist", "paybridge streams apply")
}

// TestEventLineIsPrintable says that a provider's text cannot drive the terminal.
func TestEventLineIsPrintable(t *testing.T) {
	e := aPayment("pik", "a\x1b[2Jb")
	if line := EventLine("payments.pik.payin.confirmed.x", &e); strings.ContainsRune(line, '\x1b') {
		t.Errorf("got %q", line)
	}
	e.Payment.ID, e.Payment.Amount = nil, nil
	if line := EventLine("payments.pik.payin.confirmed.x", &e); strings.Count(line, " - ") != 2 {
		t.Errorf("what is not there is not shown: %q", line)
	}
}

// TestTailSaysThatTheBusIsAway says that a silent bus is told from one where nothing
// happens: once when it goes, and once when it is back.
func TestTailSaysThatTheBusIsAway(t *testing.T) {
	server := jetstreamtest.Start(t)
	js, writer := server.JetStream(t), server.JetStream(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	said := make(chan bool, 10)
	ready, done := make(chan struct{}), make(chan error, 1)
	tail := Tail{Stream: jetstream.Payments, Filter: "payments.>", Count: 1, Away: func(away bool) { said <- away }}
	var out bytes.Buffer
	go func() { done <- tail.Run(ctx, js, &out, func() { close(ready) }) }()
	<-ready
	server.Stop(t)
	next := func(want bool) {
		t.Helper()
		select {
		case away := <-said:
			if away != want {
				t.Fatalf("said %v, want %v", away, want)
			}
		case err := <-done:
			t.Fatalf("it ended: %v", err)
		}
	}
	next(true)
	server.Restart(t)
	next(false)
	publishOnceBack(ctx, t, writer, aPayment("pik", "after"))
	if err := <-done; err != nil || len(said) > 0 {
		t.Errorf("%v, and it said %d times more", err, len(said))
	}
}
