package jetstreamtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server holds the topology, and nothing else.
func TestStart(t *testing.T) {
	s := jetstreamtest.Start(t)
	js := s.JetStream(t)
	names := map[string]bool{}
	list := js.StreamNames(t.Context())
	for name := range list.Name() {
		names[name] = true
	}
	if list.Err() != nil {
		t.Fatal(list.Err())
	}
	if len(names) != 3 || !names["WEBHOOKS"] || !names["PAYMENTS"] || !names["DEADLETTERS"] {
		t.Errorf("streams are %v", names)
	}
	drifts, err := jetstream.Check(t.Context(), js, s.Streams)
	if err != nil || len(drifts) > 0 {
		t.Errorf("Check: %v, %v", drifts, err)
	}
}

// A bare server holds nothing.
func TestBare(t *testing.T) {
	js := jetstreamtest.Start(t, jetstreamtest.Bare()).JetStream(t)
	info, err := js.AccountInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.Streams != 0 {
		t.Errorf("%d streams", info.Streams)
	}
}

// What was stored is there after a restart, on the same port, and a connection
// that was open finds its way back by itself.
func TestRestart(t *testing.T) {
	s := jetstreamtest.Start(t)
	url := s.URL
	back := make(chan struct{}, 1)
	nc := s.Conn(t, nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	js := s.JetStream(t)
	if _, err := js.Publish(t.Context(), "webhooks.pik.default", []byte("{}")); err != nil {
		t.Fatal(err)
	}

	s.Stop(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := js.Publish(ctx, "webhooks.pik.default", []byte("{}")); err == nil {
		t.Error("a stopped server took a message")
	}
	s.Restart(t)

	if s.URL != url {
		t.Errorf("the address was %s and is %s", url, s.URL)
	}
	select {
	case <-back:
	case <-time.After(10 * time.Second):
		t.Fatalf("not reconnected: %v", nc.Status())
	}
	stream, err := s.JetStream(t).Stream(t.Context(), jetstream.Webhooks)
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d messages after the restart", n)
	}
}
