package normalizer

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// promptly is how soon after the bus is back a normalizer says so, with the waits of
// production: half a second to look at the connection, and a short pull.
const promptly = 2 * time.Second

// Readiness follows the bus: gone with it, and back with it, whether nothing comes, or
// events were held meanwhile.
func TestReadyWhenTheBusIsBack(t *testing.T) {
	for _, held := range []bool{false, true} {
		r := newRig(t)
		o := r.options(words{})
		n, stop := r.start(o, func(n *Normalizer) { n.pullWait, n.retryAfter = 500*time.Millisecond, 100*time.Millisecond })
		r.put("e1 p1")
		r.settled()
		if held {
			r.resize("PAYMENTS", 1) // what comes now cannot be stored
			r.put("e2 p1")
			r.eventually("it holds", func() bool { return n.storing.err() != nil })
		}
		r.server.Stop(t)
		r.eventually("not ready", func() bool { return n.Ready() != nil })
		r.server.Restart(t)
		r.eventually("connected again", func() bool { return n.Conn.Stats().Reconnects > 0 && n.Conn.IsConnected() })
		r.js = r.server.JetStream(t) // its old connection may not know yet
		if held {
			r.resize("PAYMENTS", 64<<20)
		}
		back := time.Now()
		r.eventually("ready", func() bool { return n.Ready() == nil })
		if took := time.Since(back); took > promptly {
			t.Errorf("held %v: ready %v after the bus is back", held, took)
		}
		r.put("e3 p1")
		r.settled()
		stop()
	}
}

// A normalizer that is told to stop says so at once, while it still finishes what it has
// in hand.
func TestNotReadyWhileItDrains(t *testing.T) {
	r := newRig(t)
	began, finish := make(chan struct{}), make(chan struct{})
	n := r.newNormalizer(r.options(words{before: func(string) { close(began); <-finish }}))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- n.Run(ctx) }()
	r.put("e1 p1")
	<-began
	if err := n.Ready(); err != nil {
		t.Errorf("not ready while it works: %v", err)
	}
	stop()
	r.eventually("it says that it stops", func() bool { return n.Ready() != nil && n.Ready().Error() == "stopping" })
	select {
	case err := <-stopped:
		t.Errorf("it has not waited for what is in hand: %v", err)
	default:
	}
	close(finish)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	r.exactlyOnce([]string{"e1"})
	r.settled()
}

// lastPullReply is how old the server's last word on a pull may be while a normalizer
// says that it is ready.
const lastPullReply = 30 * time.Second

// A bus that is there and says nothing, as a frozen server or a silent middlebox: the
// connection stands, and readiness does not rest on that.
func TestNotReadyWhileTheBusIsSilent(t *testing.T) {
	t.Parallel() // most of it is waiting
	r := newRig(t)
	between := newStalling(t, strings.TrimPrefix(r.server.URL, "nats://"))
	o := r.options(words{})
	o.Conn = between.conn(t)
	n, stop := r.start(o, func(n *Normalizer) { n.pullWait = 500 * time.Millisecond })
	r.put("e1 p1")
	r.settled()
	between.hush(true)
	silent := time.Now()
	r.eventually("not ready", func() bool { return n.Ready() != nil })
	if took := time.Since(silent); took > lastPullReply/4 {
		t.Errorf("ready for %v without a word", took)
	}
	if !n.Conn.IsConnected() || !strings.Contains(n.Ready().Error(), "cannot pull: no answer to a pull") {
		t.Errorf("connected %t, %v", n.Conn.IsConnected(), n.Ready())
	}
	if r.value(n, "paybridge_consume_loop_up", "") != 0 {
		t.Error("the metric says that it pulls")
	}
	between.hush(false)
	speaks := time.Now()
	r.eventually("ready", func() bool { return n.Ready() == nil })
	if took := time.Since(speaks); took > promptly {
		t.Errorf("ready %v after the bus speaks", took)
	}
	r.put("e2 p1")
	r.settled()
	stop()
	r.exactlyOnce([]string{"e1", "e2"})
}

// stalling passes bytes on between a client and a server; what the server says it can
// keep to itself.
type stalling struct {
	listener net.Listener
	passes   sync.WaitGroup
	mu       sync.Mutex // held while it is hushed
	hushed   bool
}

func newStalling(t *testing.T, server string) *stalling {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stalling{listener: listener}
	s.passes.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			s.passes.Go(func() { _, _ = io.Copy(to, client); _ = to.Close() })
			s.passes.Go(func() { _, _ = io.Copy(patientWriter{s, client}, to); _ = client.Close() })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); s.hush(false); s.passes.Wait() })
	return s
}

// hush has the server's words wait, or lets them through.
func (s *stalling) hush(silent bool) {
	switch {
	case silent && !s.hushed:
		s.mu.Lock()
	case !silent && s.hushed:
		s.mu.Unlock()
	}
	s.hushed = silent
}

// conn is a connection by way of s.
func (s *stalling) conn(t *testing.T) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("nats://"+s.listener.Addr().String(), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// patientWriter writes when it may.
type patientWriter struct {
	s  *stalling
	to io.Writer
}

func (w patientWriter) Write(b []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.to.Write(b)
}
