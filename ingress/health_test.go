package ingress

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestHealth walks through the signs of life with a clock of its own.
func TestHealth(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	connected, asked, answer := true, 0, error(nil)
	h := &health{
		connected: func() bool { return connected },
		ask:       func(context.Context) error { asked++; return answer },
		now:       func() time.Time { return now },
	}
	step := func(what string, after time.Duration, ready bool, asks int) {
		t.Helper()
		now, asked = now.Add(after), 0
		if err := h.check(); (err == nil) != ready || asked != asks {
			t.Errorf("%s: %v, asked %d times", what, err, asked)
		}
	}
	full, away := &storeError{result: "full"}, &storeError{result: "no_responders", passing: true}
	step("at the start", 0, true, 1)
	step("again at once", 0, true, 0)
	answer = errors.New("no")
	step("a second later", askAgain, false, 1)
	h.saw(nil)
	step("an acknowledgement is enough", 0, true, 0)
	step("for ten seconds", ackFreshness, false, 1)
	h.saw(nil)
	now = now.Add(time.Millisecond)
	h.saw(full)
	answer = nil
	step("a failure since", askAgain, false, 0)
	step("until it is old", ackFreshness, true, 1)
	now = now.Add(time.Millisecond)
	h.saw(away)
	step("a failure that may pass, and nothing said since", 0, false, 0)
	step("the stream answers again", askAgain, true, 1)
	h.saw(away)
	answer = errors.New("no")
	step("it does not", askAgain, false, 1)
	step("and is not asked all the time", askAgain/2, false, 0)
	now = now.Add(time.Millisecond)
	h.saw(nil)
	step("a delivery says more", 0, true, 0)
	connected = false
	step("disconnected", 0, false, 0)
}

// TestHealthHoldsNobodyUp asks a stream that does not answer: one probe waits for it,
// every other one is answered at once with what it said last.
func TestHealthHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := make(chan error)
		asked := 0
		h := &health{
			connected: func() bool { return true },
			ask: func(ctx context.Context) error {
				asked++
				select {
				case err := <-answers:
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			},
			now: time.Now,
		}
		probe := func() (took time.Duration, err error) {
			began := time.Now()
			err = h.check()
			return time.Since(began), err
		}
		// The very first answer is waited for, by all.
		first := make(chan error, 3)
		for range 3 {
			go func() { _, err := probe(); first <- err }()
		}
		synctest.Wait()
		answers <- nil
		for range 3 {
			if err := <-first; err != nil {
				t.Error(err)
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times by three", asked)
		}

		time.Sleep(askAgain)
		slow := make(chan time.Duration)
		go func() {
			took, err := probe()
			if err != nil {
				t.Error(err) // a delivery was stored meanwhile
			}
			slow <- took
		}()
		synctest.Wait()
		for range 5 {
			if took, err := probe(); took > 0 || err != nil {
				t.Errorf("a probe took %v beside one that asks: %v", took, err)
			}
			h.saw(nil) // nor does a delivery wait
		}
		if took := <-slow; took != askTimeout {
			t.Errorf("the one that asks took %v", took)
		}
		time.Sleep(ackFreshness)
		if took, err := probe(); took != askTimeout || err == nil {
			t.Errorf("took %v: %v", took, err)
		}
		if took, err := probe(); took != 0 || err == nil {
			t.Errorf("took %v: %v", took, err)
		}
	})
}

// TestReadyWhenTheBusIsBack has a delivery fail in an outage, and no other one come: the
// ingress is ready as soon as the stream answers, well before the failure is old.
func TestReadyWhenTheBusIsBack(t *testing.T) {
	d := open(t, func(o *Options) { o.Budget = 200 * time.Millisecond })
	isReady := func() bool {
		status, _, _ := fetch(t, d, "GET", "/readyz")
		return status == 200
	}
	if d.raw(webhook("before")).status != 200 || !isReady() {
		t.Fatal("not ready before")
	}
	d.nats.Stop(t)
	if got := d.raw(webhook("during")); got.status != 503 || isReady() {
		t.Fatalf("answered %+v, or ready without a bus", got)
	}
	d.nats.Restart(t)
	eventually(t, "connected again", d.o.Conn.IsConnected)
	back := time.Now()
	eventually(t, "ready again", isReady)
	if took := time.Since(back); took > ackFreshness/2 {
		t.Errorf("ready %v after the bus is back", took)
	}
}
