package normalizer

import (
	"testing"
	"time"
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
