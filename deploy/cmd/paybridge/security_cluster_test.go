package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestSecurityCluster has three nats-servers, three copies of each stream, and loses the
// leader of the raw stream under load: it steps down, and then its server is stopped and
// comes back, and so is that of the events. While a leader is elected an answer is a 200 or a 503 with
// Retry-After; in the end everything that was answered 200 is stored once and is one
// event, and nothing else is.
func TestSecurityCluster(t *testing.T) {
	t.Parallel()
	c := jetstreamtest.StartCluster(t)
	own := c.Conn(t)
	impatient(t, own)
	s := deployOn(t, c.URL, own, func(text string) string {
		text = strings.Replace(text, "ingress: {", "ingress: {budget: 3s, ", 1) // three servers and their senders share this machine
		return strings.Replace(text, "streams:\n", "streams:\n  replicas: 3\n", 1)
	})
	l := &flow{address: s.at.Webhooks}
	stop := l.start(8)
	t.Cleanup(stop)
	flows := func(what string) {
		t.Helper()
		before := l.accepted.Load()
		await(t, "webhooks flow "+what, func() bool { return l.accepted.Load() >= before+200 })
	}
	flows("at first")
	step, err := s.js.Conn().Request("$JS.API.STREAM.LEADER.STEPDOWN.WEBHOOKS", nil, siegePatience)
	if err != nil || strings.Contains(string(step.Data), `"error"`) {
		t.Fatalf("%v: %s", err, step.Data)
	}
	flows("after its leader has stepped down")
	for _, stream := range []string{"WEBHOOKS", "PAYMENTS"} {
		lost := c.Leader(t, stream)
		lost.Stop(t)
		flows("without the leader of " + stream)
		lost.Restart(t)
		c.Current(t)
		flows("with it again")
	}
	stop()
	await(t, "the test is connected", func() bool { return s.js.Conn().IsConnected() })
	await(t, "ready again", s.ready)
	s.settled()
	stored, events := map[string]int{}, map[string]int{}
	for _, m := range s.all("WEBHOOKS") {
		stored[string(m.Data())]++
	}
	for _, m := range s.all("PAYMENTS") {
		var e struct{ ID string }
		if err := json.Unmarshal(m.Data(), &e); err != nil {
			t.Fatal(err)
		}
		events[e.ID]++
	}
	for id := range l.ids.Range {
		if n := stored[payment(id.(string))]; n != 1 {
			t.Errorf("%v was answered 200 and is stored %d times", id, n)
		}
		if n := events["evt_"+id.(string)]; n != 1 {
			t.Errorf("%v was answered 200 and is %d events", id, n)
		}
	}
	if n := int(l.accepted.Load()); len(stored) != n || len(events) != n || s.last("WEBHOOKS") != uint64(n) || s.last("PAYMENTS") != uint64(n) {
		t.Errorf("%d were answered 200: %d stored as %d messages, %d events as %d messages", n, len(stored), s.last("WEBHOOKS"), len(events), s.last("PAYMENTS"))
	}
	if dead := s.last("DEADLETTERS"); dead != 0 {
		t.Errorf("%d dead letters", dead)
	}
	for _, mistake := range l.mistakes {
		t.Error(mistake)
	}
	t.Logf("%d answered 200, %d answered 503, the slowest after %v", l.accepted.Load(), l.refused.Load(), l.slowest)
}

// impatient has what was on its way to a normalizer when a leader was lost delivered again
// after two seconds, in place of thirty.
func impatient(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.Consumer(t.Context(), "WEBHOOKS", "normalizer")
	if err != nil {
		t.Fatal(err)
	}
	config := consumer.CachedInfo().Config
	config.AckWait = 2 * time.Second
	if _, err := js.UpdateConsumer(t.Context(), "WEBHOOKS", config); err != nil {
		t.Fatal(err)
	}
}

// flow sends webhooks to PIK, each until it is answered 200, as a provider does.
type flow struct {
	address  string
	accepted atomic.Int64
	refused  atomic.Int64
	ids      sync.Map // of those that were answered 200

	mu       sync.Mutex
	slowest  time.Duration
	mistakes []string // answers that are neither 200 nor 503 with Retry-After, or come late
}

// start has a number of senders send until stop is called, which waits for the last
// answer to each: a webhook is never given up before its 200.
func (l *flow) start(senders int) (stop func()) {
	end := make(chan struct{})
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-end:
					return
				default:
				}
				id := fmt.Sprintf("flow-%d-%d", sender, n)
				for attempt := 0; !l.send(toPIK(payment(id), "Connection: close")); attempt++ {
					if attempt == 100 {
						l.mistake(id + " is never answered 200")
						return
					}
					time.Sleep(20 * time.Millisecond) // the provider's pause
				}
				l.ids.Store(id, true)
				l.accepted.Add(1)
			}
		})
	}
	return sync.OnceFunc(func() { close(end); all.Wait() })
}

// send sends one request; it is true where it is answered 200.
func (l *flow) send(request string) bool {
	began := time.Now()
	got, err := exchanged(l.address, nil, request)
	took := time.Since(began)
	switch {
	case err != nil:
		l.mistake(err.Error())
	case got.status == 503 && got.header.Get("Retry-After") != "":
		l.refused.Add(1)
	case got.status != 200:
		l.mistake(fmt.Sprintf("answered %d %s", got.status, got.body))
	}
	if took > 4500*time.Millisecond {
		l.mistake(fmt.Sprintf("answered after %v", took))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowest = max(l.slowest, took)
	return err == nil && got.status == 200
}

func (l *flow) mistake(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mistakes = append(l.mistakes, what)
}
