package ingress

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestTimeouts has the contract's numbers: the tests below shorten them.
func TestTimeouts(t *testing.T) {
	if want := (timeouts{5 * time.Second, 10 * time.Second, 15 * time.Second, 60 * time.Second, time.Second, time.Second, 250 * time.Millisecond}); defaultTimeouts != want {
		t.Errorf("%+v", defaultTimeouts)
	}
	// What a request may wait for fits in the time for its answer.
	if all := defaultTimeouts.read + DefaultBudget; all >= defaultTimeouts.write {
		t.Errorf("reading and storing take up to %v", all)
	}
}

// hurried is an ingress with short times and few connections.
func hurried(t *testing.T, connections int) *door {
	t.Helper()
	ns := jetstreamtest.Start(t)
	s, log := prepare(t, ns, func(o *Options) { o.Connections = connections })
	s.times = timeouts{
		header: 200 * time.Millisecond, read: 400 * time.Millisecond, write: 5 * time.Second, idle: 300 * time.Millisecond,
		stranger: time.Minute, patience: 50 * time.Millisecond, grace: time.Millisecond,
	}
	return run(t, ns, s, log)
}

// untilClosed reads until the other side closes.
func untilClosed(t *testing.T, c net.Conn) (all string, took time.Duration) {
	t.Helper()
	began := time.Now()
	b, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("never closed")
	}
	return string(b), time.Since(began)
}

// TestSlow has senders that begin and do not go on (S-54, S-56, S-57).
func TestSlow(t *testing.T) {
	d := hurried(t, 100)
	post := "POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nPik-Signature: 00\r\n"
	for _, c := range []struct {
		name, sent string
		status     string // "" where the connection closes without an answer
		within     time.Duration
	}{
		{"nothing", "", "", 200 * time.Millisecond},
		{"half a line", "POST /web", "400", 200 * time.Millisecond},
		{"half the headers", post, "", 200 * time.Millisecond},
		{"the preface of HTTP/2", "PRI * HTTP/2.0\r\n", "", 200 * time.Millisecond},
		{"half a body", post + "Content-Length: 10\r\n\r\nx", "400", 400 * time.Millisecond},
		{"half a large body", post + "Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 50_000), "400", 400 * time.Millisecond},
		{"chunks that stop", post + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", "400", 400 * time.Millisecond},
		{"nothing after an answer", webhook("x"), "200", 300 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := d.dial()
			defer conn.Close()
			if _, err := io.WriteString(conn, c.sent); err != nil {
				t.Fatal(err)
			}
			got, took := untilClosed(t, conn)
			line, _, _ := strings.Cut(got, "\r\n")
			if c.status == "" && got != "" || c.status != "" && !strings.HasPrefix(line, "HTTP/1.1 "+c.status) {
				t.Errorf("answered %q", got)
			}
			if took < c.within-100*time.Millisecond || took > c.within+3*time.Second {
				t.Errorf("closed after %v", took)
			}
		})
	}
}

// TestTrickle has a sender that keeps a chunked body going for ever.
func TestTrickle(t *testing.T) {
	d := hurried(t, 100)
	c := d.dial()
	defer c.Close()
	if _, err := io.WriteString(c, "POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := io.WriteString(c, "1\r\nx\r\n"); err != nil {
			break
		}
		if time.Since(began) > patientFor {
			t.Fatal("never ended")
		}
	}
}

// TestConnectionsAreBounded fills all connections: the next one waits its turn.
func TestConnectionsAreBounded(t *testing.T) {
	d := hurried(t, 4)
	for range 4 {
		defer d.dial().Close()
	}
	eventually(t, "all places are taken", func() bool { return strings.Contains(scrape(t, d), "paybridge_ingress_connections 4") })
	began := time.Now()
	if got := d.raw(webhook("patient")); got.status != 200 {
		t.Fatalf("answered %+v", got)
	}
	if time.Since(began) < 50*time.Millisecond {
		t.Error("served beside the bound")
	}
	eventually(t, "places are given back", func() bool { return strings.Contains(scrape(t, d), "paybridge_ingress_connections 0") })
}

// TestLanes fills the lane of large bodies with senders that stall: small ones pass,
// a large one is told to come back, and room is given back.
func TestLanes(t *testing.T) {
	ns := jetstreamtest.Start(t)
	s, log := prepare(t, ns)
	s.times.patience = 50 * time.Millisecond
	s.lanes = &lanes{semaphore.NewWeighted(100_000), semaphore.NewWeighted(920_000), time.Now}
	d := run(t, ns, s, log)
	var stalled []net.Conn
	stall := func(size, sent int) {
		c := d.dial()
		stalled = append(stalled, c)
		if _, err := fmt.Fprintf(c, "POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nPik-Signature: 00\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", sent)); err != nil {
			t.Fatal(err)
		}
	}
	stall(900_000, freeBytes)
	eventually(t, "the lane is taken", func() bool { return !tryLane(s.lanes.large, 900_000) })
	large := webhook(strings.Repeat("y", 500_000))
	checkProblem(t, d.raw(large), 429)
	checkProblem(t, d.raw("POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nPik-Signature: 00\r\nTransfer-Encoding: chunked\r\n\r\n"+
		fmt.Sprintf("%x\r\n%s\r\n", 200_000, strings.Repeat("z", 200_000))), 429)
	for _, size := range []int{1, freeBytes, freeBytes + 1, smallBytes} {
		if got := d.raw(webhook(strings.Repeat("s", size))); got.status != 200 {
			t.Errorf("%d bytes: answered %+v", size, got)
		}
	}
	// A sender that has sent nearly nothing holds nothing.
	for range 20 {
		stall(smallBytes, freeBytes-1)
	}
	if got := d.raw(webhook(strings.Repeat("t", smallBytes))); got.status != 200 {
		t.Errorf("answered %+v", got)
	}
	for _, c := range stalled {
		c.Close()
	}
	eventually(t, "room is given back", func() bool { return d.raw(large).status == 200 })
	eventually(t, "all of it", func() bool { return tryLane(s.lanes.large, 920_000) && tryLane(s.lanes.small, 100_000) })
}

// tryLane says whether a lane has room for n bytes now.
func tryLane(lane *semaphore.Weighted, n int64) bool {
	if !lane.TryAcquire(n) {
		return false
	}
	lane.Release(n)
	return true
}

// TestInFlight has more deliveries than places while the stream is silent.
func TestInFlight(t *testing.T) {
	ns := jetstreamtest.Start(t)
	s, log := prepare(t, ns, func(o *Options) { o.InFlight = 2; o.Budget = 600 * time.Millisecond })
	s.times.patience = 50 * time.Millisecond
	d := run(t, ns, s, log)
	ns.Stop(t)
	answers := make(chan int, 6)
	for i := range 6 {
		go func() {
			status, err := post(d.addresses.Public, webhook(fmt.Sprint(i)))
			if err != nil {
				status = -1
			}
			answers <- status
		}()
	}
	got := make(map[int]int)
	for range 6 {
		got[<-answers]++
	}
	if got[503] != 2 || got[429] != 4 {
		t.Errorf("answered %v", got)
	}
	ns.Restart(t)
	eventually(t, "places are given back", func() bool { return d.raw(webhook("after")).status == 200 })
	if len(s.flight.places) != 0 {
		t.Errorf("%d places are still taken", len(s.flight.places))
	}
}

// TestEarly refuses a token while its body is still to come (S-60), and lets go of the
// connection although the body never comes.
func TestEarly(t *testing.T) {
	d := open(t)
	for _, framing := range []string{"Content-Length: 900000", "Content-Length: 5", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nExpect: 100-continue"} {
		c := d.dial()
		defer c.Close()
		if _, err := io.WriteString(c, "POST /webhooks/tok HTTP/1.1\r\nHost: b\r\nAuthorization: wrong\r\n"+framing+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(c)
		got := d.read(in, "POST")
		checkProblem(t, got, 401)
		if !got.closed {
			t.Errorf("%s: the connection stays open", framing)
		}
		began := time.Now()
		if _, err := io.ReadAll(in); err != nil {
			t.Errorf("%s: %v", framing, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: the connection closes after %v", framing, took)
		}
	}
}

// TestBudgetCoversAllWaiting has a delivery that finds a place late, and then no
// stream: its sender does not wait for one after the other.
func TestBudgetCoversAllWaiting(t *testing.T) {
	ns := jetstreamtest.Start(t)
	s, log := prepare(t, ns, func(o *Options) { o.InFlight, o.Budget = 1, 2*time.Second })
	s.times.patience = time.Minute
	d := run(t, ns, s, log)
	ns.Stop(t)
	if !s.flight.enter(0) {
		t.Fatal("no place")
	}
	began := time.Now()
	done := make(chan answer)
	go func() { done <- d.raw(webhook("late")) }()
	time.AfterFunc(1500*time.Millisecond, s.flight.leave)
	checkProblem(t, <-done, 503)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("answered after %v", took)
	}
}

// TestRoomIsPartOfTheBudget says how long a body waited for room.
func TestRoomIsPartOfTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(DefaultMaxBody, time.Now)
		var first, second hold
		if !l.take(t.Context(), &first, largeLane, true, time.Second) || first.waited != 0 {
			t.Fatalf("%+v", first)
		}
		time.AfterFunc(700*time.Millisecond, first.release)
		if !l.take(t.Context(), &second, largeLane, true, time.Second) || second.waited != 700*time.Millisecond {
			t.Errorf("waited %v", second.waited)
		}
		s := &store{sender: &senders{outcomes: []func(context.Context) (*jetstream.PubAck, error){silent}}, budget: DefaultBudget, metrics: unmetered(t), now: time.Now}
		began := time.Now()
		if _, err := s.put(&nats.Msg{Header: nats.Header{}}, began.Add(-second.waited)); err == nil {
			t.Error("stored")
		}
		if took := time.Since(began); took > DefaultBudget-second.waited {
			t.Errorf("took %v", took)
		}
	})
}

// unmetered are metrics that nobody reads.
func unmetered(t *testing.T) *metrics {
	t.Helper()
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return m
}
