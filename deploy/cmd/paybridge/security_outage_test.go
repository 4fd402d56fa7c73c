package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"paybridge/config"
	"paybridge/deploy/ingressd"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/deploy/normalizerd"
	"paybridge/deploy/operate"
	"paybridge/ingress"
	"paybridge/schemas/provider"
)

// deploy runs the production ingress and normalizer against a server that the test
// can take away, until the test ends.
func deploy(t *testing.T, ns *jetstreamtest.Server) *siege {
	t.Helper()
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{t: t, library: library, errs: &tape{}, out: &tape{}}
	s.config = siegeConfig(t, library, func(text string) string { return "nats: {url: \"" + ns.URL + "\"}\n" + text })
	c, err := config.Load(s.config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var roles errgroup.Group
	var normalizes atomic.Pointer[func() error]
	roles.Go(func() error {
		return normalizerd.Run(ctx, c, normalizerd.Options{
			Logger: config.Logger("normalizer", s.errs), Library: library, NoAdmin: true,
			Started: func(ready func() error) { normalizes.Store(&ready) },
		})
	})
	accepts := make(chan ingress.Addresses, 1)
	roles.Go(func() error {
		return ingressd.Run(ctx, c, ingressd.Options{
			Log: config.Logger("ingress", s.errs), Library: library,
			Ready: []ingress.Check{{Name: "normalizer", Holds: func() error {
				if ready := normalizes.Load(); ready != nil {
					return (*ready)()
				}
				return errors.New("starting")
			}}},
			Started: func(a ingress.Addresses) { accepts <- a },
		})
	})
	t.Cleanup(func() {
		cancel()
		if err := roles.Wait(); err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-accepts:
		s.at = operate.Running{Webhooks: "http://" + a.Public, Admin: "http://" + a.Admin, NATS: ns.URL}
	case <-time.After(siegePatience):
		t.Fatalf("not ready:\n%s", s.errs)
	}
	s.listen(ns.Conn(t))
	t.Cleanup(s.checkClean)
	await(t, "both roles work", s.ready)
	return s
}

func (s *siege) ready() bool { return strings.Count(s.fetch("/readyz"), `"ok"`) == 3 }

// TestSecurityBusAway takes the bus away (S-95): a 503 in time, for everyone; when it
// is back, normal service in time, without a restart, and without a late ghost of
// what was refused.
func TestSecurityBusAway(t *testing.T) {
	t.Parallel()
	ns := jetstreamtest.Start(t)
	s := deploy(t, ns)
	s.accepted(t, toPIK(payment("before")), payment("before"))
	ns.Stop(t)
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
	ns.Restart(t)
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
