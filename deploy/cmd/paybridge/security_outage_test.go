package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestSecurityBusAway takes the bus away (S-95): a 503 in time, for everyone; when it
// is back, normal service in time, without a restart, and without a late ghost of
// what was refused.
func TestSecurityBusAway(t *testing.T) {
	t.Parallel()
	ns := jetstreamtest.Start(t)
	s := deploy(t, ns)
	s.busAway(func() { ns.Stop(t) }, func() { ns.Restart(t) })
}

// TestSecurityBusKilled is the same with a nats-server that is a process of its own,
// is killed as a machine dies, and starts again on what it had stored.
func TestSecurityBusKilled(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	s := deployOn(t, bus.url, bus.conn(t))
	s.busAway(bus.kill, bus.start)
}

// busAway is the story of an outage, whichever way the bus goes and comes.
func (s *siege) busAway(stop, restart func()) {
	t := s.t
	s.accepted(t, toPIK(payment("before")), payment("before"))
	stop()
	type outcome struct {
		reply
		took time.Duration
	}
	outcomes := make(chan outcome)
	const senders = 20
	for i := range senders {
		c := s.dial()
		go func() {
			began := time.Now()
			got, _ := exchange(t, c, toPIK(payment(fmt.Sprint("during-", i)), "Connection: close"))
			outcomes <- outcome{got, time.Since(began)}
		}()
	}
	for range senders {
		got := <-outcomes
		s.checkRefusal(t, got.reply, 503)
		if got.took > 4500*time.Millisecond {
			t.Errorf("answered after %v", got.took)
		}
	}
	if s.ready() {
		t.Error("says that it is ready")
	}
	for _, request := range []string{post("/webhooks/pik", payment("during"), "PIK-Signature: "+strings.Repeat("0", 64)), post("/webhooks/nobody", "x")} {
		s.checkRefusal(t, s.raw(request), 401, 404) // what needs no bus is as ever
	}
	restart()
	back := time.Now()
	await(t, "stored again", func() bool { return s.raw(toPIK(payment("after"))).status == 200 })
	await(t, "ready again", s.ready)
	if took := time.Since(back); took > 5*time.Second {
		t.Errorf("normal after %v", took)
	}
	await(t, "the test is connected", func() bool { return s.js.Conn().IsConnected() })
	if stored := s.last("WEBHOOKS"); stored != 2 {
		t.Errorf("%d stored: what was answered 503 came late", stored)
	}
	for i := range senders { // as the provider does: again
		body := payment(fmt.Sprint("during-", i))
		s.accepted(t, toPIK(body), body)
	}
	s.settled()
	if events := s.last("PAYMENTS"); events != 2+senders {
		t.Errorf("%d events", events)
	}
}

// TestSecurityHangUp has a sender that is gone before its answer (S-98): what it sent
// is stored all the same, and once, however often it tries again.
func TestSecurityHangUp(t *testing.T) {
	t.Parallel()
	ns := jetstreamtest.Start(t)
	s := deploy(t, ns)
	body := payment("hang-up")
	ns.Stop(t)
	c := s.dial()
	if _, err := io.WriteString(c, toPIK(body)); err != nil {
		t.Fatal(err)
	}
	await(t, "it waits for the bus", func() bool { return strings.Contains(s.fetch("/metrics"), "paybridge_ingress_inflight 1") })
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	ns.Restart(t)
	await(t, "the test is connected", func() bool { return s.js.Conn().IsConnected() })
	await(t, "stored", func() bool { return s.last("WEBHOOKS") == 1 })
	s.repeated(t, toPIK(body))
	// And with a bus that is there: hang up at once, many times.
	for i := range 50 {
		c := s.dial()
		if _, err := io.WriteString(c, toPIK(payment(fmt.Sprint("gone-", i)))); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "all are stored", func() bool { return s.last("WEBHOOKS") == 51 })
	await(t, "ready again", s.ready)
}

// TestSecurityFull fills the raw stream (S-96): 503, and nothing that was accepted
// goes to make room.
func TestSecurityFull(t *testing.T) {
	t.Parallel()
	s := besiege(t, func(text string) string {
		return strings.Replace(text, "webhooks: {max_bytes: 512MiB}", "webhooks: {max_bytes: 4MiB}", 1)
	})
	s.full = true
	accepted := uint64(0)
	for i := 0; ; i++ {
		body := payment(fmt.Sprint("full-", i)) + strings.Repeat(" ", 700_000)
		began := time.Now()
		got := s.raw(toPIK(body))
		if took := time.Since(began); took > 4500*time.Millisecond {
			t.Errorf("answered after %v", took)
		}
		if got.status != 200 {
			s.checkRefusal(t, got, 503)
			break
		}
		if accepted++; accepted > 6 {
			t.Fatal("it is never full")
		}
	}
	if accepted < 3 || s.last("WEBHOOKS") != accepted || len(s.all("WEBHOOKS")) != int(accepted) {
		t.Errorf("%d accepted, %d stored", accepted, s.last("WEBHOOKS"))
	}
}
