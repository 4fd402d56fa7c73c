package operate

import (
	"context"
	"fmt"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/event"
)

// TestFollowOneByOne says that nothing is passed over where each message is stored
// only after the one before it was seen, among others that the filter leaves out.
func TestFollowOneByOne(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	const messages = 20
	n := 0
	next := func() {
		if n%2 == 0 {
			publish(t, js, aPayment("bidali", fmt.Sprint("other", n)), event.Structured)
		}
		publish(t, js, aPayment("pik", fmt.Sprint(n)), event.Structured)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := Follow(ctx, js, jetstream.Payments, "payments.pik.>", time.Time{}, next, func(m *natsjs.RawStreamMsg) error {
		if want := fmt.Sprintf("pik/evt_%d", n); m.Header.Get("Nats-Msg-Id") != want {
			t.Errorf("message %d is %s", n, m.Header.Get("Nats-Msg-Id"))
		}
		if n++; n == messages {
			return errStop
		}
		next()
		return nil
	})
	if n != messages {
		t.Errorf("saw %d of %d, %v", n, messages, err)
	}
}

// TestFollowAcrossARestart says that what was stored while the connection was away
// is seen too.
func TestFollowAcrossARestart(t *testing.T) {
	server := jetstreamtest.Start(t)
	js, writer := server.JetStream(t), server.JetStream(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	seen := make(chan string, 1)
	done := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		done <- Follow(ctx, js, jetstream.Payments, "payments.>", time.Time{}, func() { close(ready) }, func(m *natsjs.RawStreamMsg) error {
			seen <- m.Header.Get("Nats-Msg-Id")
			return nil
		})
	}()
	<-ready
	server.Restart(t)
	publishOnceBack(ctx, t, writer, aPayment("pik", "after"))
	select {
	case id := <-seen:
		if id != "pik/evt_after" {
			t.Errorf("saw %s", id)
		}
	case err := <-done:
		t.Fatalf("it ended: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// publishOnceBack publishes an event as soon as a server that was away takes it.
func publishOnceBack(ctx context.Context, t *testing.T, writer natsjs.JetStream, e event.Event) {
	t.Helper()
	msg, err := e.Message(event.Structured)
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		// What leaves on the connection that is about to be lost is never answered.
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		_, err = writer.PublishMsg(attempt, msg)
		cancel()
		if err == nil {
			return
		}
		<-tick.C
	}
	t.Fatal(err)
}
