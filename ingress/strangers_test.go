package ingress

import (
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestStrangersGiveWay takes all places, half of them with connections that say nothing:
// others get these, in time, and who is known keeps its own.
func TestStrangersGiveWay(t *testing.T) {
	ns := jetstreamtest.Start(t)
	s, log := prepare(t, ns, func(o *Options) { o.Connections = 4 })
	s.times.stranger = 100 * time.Millisecond
	d := run(t, ns, s, log)
	known := []net.Conn{d.dial(), d.dial()}
	again := func(text string) {
		t.Helper()
		for _, c := range known {
			if _, err := io.WriteString(c, webhook(text)); err != nil {
				t.Fatal(err)
			}
			if got := d.read(newReader(c), "POST"); got.status != 200 || got.closed {
				t.Errorf("one that is known is answered %+v", got)
			}
		}
	}
	again("first")
	began := time.Now()
	silent := make([]net.Conn, 6)
	for i := range silent {
		silent[i] = d.dial()
		defer silent[i].Close()
		if _, err := io.WriteString(silent[i], webhook("half")[:i*10]); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.raw(webhook("good")); got.status != 200 {
		t.Errorf("answered %+v", got)
	}
	if took := time.Since(began); took < 200*time.Millisecond || took > 3*time.Second {
		t.Errorf("good traffic found a place after %v", took)
	}
	if _, took := untilClosed(t, silent[0]); took > time.Second {
		t.Errorf("the oldest was cut off %v later", took)
	}
	again("second")
	for _, c := range known {
		c.Close()
	}
	if !regexp.MustCompile(`(?m)^paybridge_ingress_cut_off_total [1-6]$`).MatchString(scrape(t, d)) {
		t.Error("nobody was counted as cut off")
	}
}

// TestRefusedStaysAStranger has a connection whose requests are all refused: it makes
// room as one that says nothing.
func TestRefusedStaysAStranger(t *testing.T) {
	ns := jetstreamtest.Start(t)
	s, log := prepare(t, ns, func(o *Options) { o.Connections = 1 })
	s.times.stranger = 50 * time.Millisecond
	d := run(t, ns, s, log)
	c := d.dial()
	defer c.Close()
	forged := strings.Replace(webhook("x"), "\r\n\r\nx", "\r\n\r\ny", 1)
	if _, err := io.WriteString(c, forged); err != nil {
		t.Fatal(err)
	}
	if got := d.read(newReader(c), "POST"); got.status != 401 || got.closed {
		t.Fatalf("answered %+v", got)
	}
	began := time.Now()
	if got := d.raw(webhook("good")); got.status != 200 || time.Since(began) > 5*time.Second {
		t.Errorf("answered %+v after %v", got, time.Since(began))
	}
}

// TestStrangers walks through the time of two.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s strangers
		var cut []string
		add := func(name string) func() { return s.add(time.Now(), func() { cut = append(cut, name) }) }
		expect := func(what string, due time.Duration, cuts bool, names string) {
			t.Helper()
			if got := s.due(time.Now(), time.Second); got != due {
				t.Errorf("%s: due after %v, want %v", what, got, due)
			}
			if got := s.cutOldest(time.Now(), time.Second); got != cuts || strings.Join(cut, " ") != names {
				t.Errorf("%s: cuts %v: %v", what, got, cut)
			}
		}
		expect("nobody is there", time.Second, false, "")
		first := add("first")
		time.Sleep(400 * time.Millisecond)
		second := add("second")
		expect("one is new", 600*time.Millisecond, false, "")
		first()
		first()
		expect("one is known", time.Second, false, "")
		third := add("third")
		time.Sleep(1500 * time.Millisecond)
		expect("two are due", -500*time.Millisecond, true, "second")
		second()
		expect("one is due", -500*time.Millisecond, true, "second third")
		third()
		expect("nobody is left", time.Second, false, "second third")
	})
}

// TestPlacesOfStrangers has a listener of one place, and nobody who reads its connections:
// one that is cut off gives its place back by itself, and one that is closed, however
// often, is no stranger any more.
func TestPlacesOfStrangers(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newListener(inner, nil, 1, 20*time.Millisecond, time.Now)
	defer l.Close()
	defer time.AfterFunc(patientFor, func() { l.Close() }).Stop()
	open, cuts := 0.0, 0
	l.opened, l.cut = func(change float64) { open += change }, func() { cuts++ }
	var accepted []net.Conn
	for range 3 {
		c, err := net.DialTimeout("tcp", inner.Addr().String(), patientFor)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		a, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		accepted = append(accepted, a)
	}
	if open != 1 || cuts != 2 || l.strangers.all.Len() != 1 {
		t.Errorf("%v are open, %d were cut off, %d are strangers", open, cuts, l.strangers.all.Len())
	}
	for range 2 {
		for _, a := range accepted {
			_ = a.Close() // those that were cut off are closed
		}
	}
	if open != 0 || len(l.slots) != 0 || l.strangers.all.Len() != 0 {
		t.Errorf("%v are open in %d places, %d are strangers", open, len(l.slots), l.strangers.all.Len())
	}
}
