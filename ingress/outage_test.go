package ingress

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestServerDown takes the NATS server away and gives it back (S-95): a 503 within
// the budget, no late ghost, and normal service without a restart.
func TestServerDown(t *testing.T) {
	d := open(t, func(o *Options) { o.Budget = 400 * time.Millisecond })
	if got := d.raw(webhook("before")); got.status != 200 {
		t.Fatalf("answered %+v", got)
	}
	d.nats.Stop(t)
	began := time.Now()
	checkProblem(t, d.raw(webhook("during")), 503)
	if took := time.Since(began); took > 900*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
	d.nats.Restart(t)
	eventually(t, "stored again", func() bool { return d.raw(webhook("after")).status == 200 })
	eventually(t, "the test reconnected", func() bool { return d.js.Conn().IsConnected() })
	if d.count() != 2 {
		t.Errorf("%d stored: what was answered 503 came late", d.count())
	}
	if log := d.log.String(); !strings.Contains(log, `"msg":"webhook not stored"`) {
		t.Errorf("log:\n%s", log)
	}
}

// TestComesBackInTime has the server back before the budget is spent.
func TestComesBackInTime(t *testing.T) {
	d := open(t)
	d.nats.Stop(t)
	done := make(chan answer)
	go func() { done <- d.raw(webhook("patience")) }()
	eventually(t, "the request waits", func() bool { return len(d.flight.places) == 1 })
	d.nats.Restart(t)
	if got := <-done; got.status != 200 {
		t.Fatalf("answered %+v", got)
	}
	eventually(t, "the receipt", func() bool { return strings.Contains(d.log.String(), `"result":"stored"`) })
}

// TestStreamFull fills the stream: 503, and nothing that was acknowledged goes.
func TestStreamFull(t *testing.T) {
	ns := jetstreamtest.Start(t, jetstreamtest.With(func(s *config.Streams) { s.Webhooks.MaxBytes = 2 * config.MiB }))
	d := openOn(t, ns)
	accepted := uint64(0)
	for i := 0; ; i++ {
		got := d.raw(webhook(fmt.Sprint(i, strings.Repeat("x", 300_000))))
		if got.status == 503 {
			checkProblem(t, got, 503)
			break
		}
		if got.status != 200 || i > 10 {
			t.Fatalf("request %d: answered %+v", i, got)
		}
		accepted++
	}
	if accepted < 3 || d.count() != accepted {
		t.Errorf("%d accepted, %d stored", accepted, d.count())
	}
	if text := scrape(t, d); !strings.Contains(text, `paybridge_publish_attempts_total{result="full"} 1`) {
		t.Errorf("metrics:\n%s", text)
	}
	if status, _, _ := fetch(t, d, "GET", "/readyz"); status != 503 {
		t.Errorf("readyz: %d", status)
	}
}

// TestStreamGone deletes the stream under a running ingress.
func TestStreamGone(t *testing.T) {
	d := open(t, func(o *Options) { o.Budget = 300 * time.Millisecond })
	if err := d.js.DeleteStream(t.Context(), rawStream); err != nil {
		t.Fatal(err)
	}
	checkProblem(t, d.raw(webhook("x")), 503)
}

// load sends webhooks from many senders until stop is closed; each body is sent until
// it is answered 200, and recorded then.
type load struct {
	accepted sync.Map
	count    atomic.Int64
	refused  atomic.Int64
	broken   atomic.Int64
	wait     sync.WaitGroup
}

func (l *load) start(d *door, senders int, stop <-chan struct{}) {
	for sender := range senders {
		l.wait.Go(func() {
			for i := 0; ; i++ {
				body := fmt.Sprintf("load %d %d", sender, i)
				for !l.send(d, body) {
					select {
					case <-stop:
						return
					case <-time.After(10 * time.Millisecond):
					}
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
}

func (l *load) send(d *door, body string) bool {
	status, err := post(d.addresses.Public, webhook(body))
	switch {
	case err != nil:
		l.broken.Add(1)
	case status == 200:
		l.accepted.Store(body, true)
		l.count.Add(1)
		return true
	default:
		l.refused.Add(1)
	}
	return false
}

// checkStored checks that everything accepted is in the stream, once.
func (l *load) checkStored(t *testing.T, d *door) {
	t.Helper()
	stored := d.bodies()
	l.accepted.Range(func(body, _ any) bool {
		if stored[body.(string)] != 1 {
			t.Errorf("%q was answered 200 and is stored %d times", body, stored[body.(string)])
		}
		return true
	})
}

// TestBounce restarts the server again and again under load.
func TestBounce(t *testing.T) {
	d := open(t, func(o *Options) { o.Budget = time.Second })
	var l load
	stop := make(chan struct{})
	l.start(d, 8, stop)
	for range 4 {
		before := l.count.Load()
		eventually(t, "the load flows", func() bool { return l.count.Load() > before+50 })
		d.nats.Restart(t)
	}
	before := l.count.Load()
	eventually(t, "the load flows again", func() bool { return l.count.Load() > before+50 })
	close(stop)
	l.wait.Wait()
	eventually(t, "the test reconnected", func() bool { return d.js.Conn().IsConnected() })
	l.checkStored(t, d)
	if l.broken.Load() > 0 {
		t.Errorf("%d requests got no answer", l.broken.Load())
	}
	t.Logf("%d accepted, %d refused", l.count.Load(), l.refused.Load())
}

// TestShutdown stops the ingress under load: every connection that was accepted gets
// its answer, and what was answered 200 is stored.
func TestShutdown(t *testing.T) {
	d := open(t)
	var l load
	stop := make(chan struct{})
	l.start(d, 8, stop)
	eventually(t, "the load flows", func() bool { return l.count.Load() > 100 })
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	close(stop)
	l.wait.Wait()
	l.checkStored(t, d)
	if l.refused.Load() > 0 {
		t.Errorf("%d requests were refused", l.refused.Load())
	}
	if _, err := post(d.addresses.Public, webhook("late")); err == nil {
		t.Error("still accepts")
	}
	if !strings.Contains(d.log.String(), `"msg":"ingress stopped","clean":true`) {
		t.Error("not a clean stop")
	}
}

// TestShutdownWaits has a body on its way when the shutdown begins: the sender is
// served, told that the connection closes, and readiness is gone meanwhile.
func TestShutdownWaits(t *testing.T) {
	d := open(t)
	c := d.dial()
	defer c.Close()
	r := webhook("in hand")
	if _, err := io.WriteString(c, r[:len(r)-3]); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error)
	go func() { stopped <- d.stop() }()
	eventually(t, "shutting down", func() bool { return d.draining.Load() })
	if status, body, _ := fetch(t, d, "GET", "/readyz"); status != 503 || !strings.Contains(body, "shutting down") {
		t.Errorf("readyz: %d %s", status, body)
	}
	eventually(t, "nobody is let in", func() bool {
		late, err := net.Dial("tcp", d.addresses.Public)
		if err == nil {
			late.Close()
		}
		return err != nil
	})
	scrape(t, d) // the last to go
	if _, err := io.WriteString(c, r[len(r)-3:]); err != nil {
		t.Fatal(err)
	}
	if got := d.read(newReader(c), "POST"); got.status != 200 || !got.closed {
		t.Errorf("answered %+v", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if d.count() != 1 {
		t.Errorf("%d stored", d.count())
	}
}

// TestShutdownIsBounded has a sender that never finishes.
func TestShutdownIsBounded(t *testing.T) {
	ns := jetstreamtest.Start(t)
	s, log := prepare(t, ns, func(o *Options) { o.Drain = 400 * time.Millisecond })
	d := run(t, ns, s, log)
	c := d.dial()
	defer c.Close()
	if _, err := io.WriteString(c, "POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\nPik-Signature: 00\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "connected", func() bool { return strings.Contains(scrape(t, d), "paybridge_ingress_connections 1") })
	if err := d.stop(); err == nil || !strings.Contains(err.Error(), "still in hand") {
		t.Errorf("stopped with %v", err)
	}
	d.stop = func() error { return nil } // judged already
}
