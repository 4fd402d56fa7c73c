package normalizer

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// The levels are the server's own figures; they go when the bus has been away for a
// while, and come back with it.
func TestLevels(t *testing.T) {
	r := newRig(t)
	o := r.options(words{})
	n, _ := r.start(o, func(n *Normalizer) { n.levels.every, n.levels.kept = 10*time.Millisecond, 300*time.Millisecond })
	shown := func() map[string]float64 { return gauges(t, n.Registry.(*prometheus.Registry), "stream") }
	r.put("e1 p1")
	r.put("e2 p1")
	r.settled()
	r.eventually("two events", func() bool { return shown()["paybridge_stream_messages PAYMENTS"] == 2 })
	r.eventually("what the server says", func() bool {
		got, state := shown(), r.info("WEBHOOKS")
		return got["paybridge_stream_bytes WEBHOOKS"] == float64(state.Bytes) && got["paybridge_stream_messages WEBHOOKS"] == 2 &&
			got["paybridge_stream_max_bytes WEBHOOKS"] == 64<<20 && got["paybridge_stream_max_bytes DEADLETTERS"] == 64<<20 &&
			got["paybridge_stream_first_timestamp_seconds WEBHOOKS"] == float64(state.FirstTime.UnixMilli())/1000
	})
	got := shown()
	if _, there := got["paybridge_stream_first_timestamp_seconds DEADLETTERS"]; there {
		t.Error("an empty stream has an oldest message")
	}
	for _, name := range []string{"paybridge_consumer_pending ", "paybridge_consumer_ack_pending "} {
		if value, there := got[name]; !there || value != 0 {
			t.Errorf("%s%v %t", name, value, there)
		}
	}

	// They are as old as the question, however late the answer comes.
	asked := time.Unix(1_700_000_000, 0)
	o = n.Options
	o.Now = func() time.Time { asked = asked.Add(time.Second); return asked }
	late, first := newLevels(o), asked.Add(time.Second)
	late.askStream(t.Context(), r.js, "WEBHOOKS")
	late.askConsumer(t.Context(), r.js)
	if s, c := late.streams["WEBHOOKS"].asked, late.waiting.asked; !s.Equal(first) || !c.Equal(first.Add(time.Second)) {
		t.Errorf("asked at %v and %v", s, c)
	}

	r.server.Stop(t)
	r.eventually("nothing is known", func() bool {
		for name := range shown() {
			if strings.HasPrefix(name, "paybridge_stream") || strings.HasPrefix(name, "paybridge_consumer_") {
				return false
			}
		}
		return true
	})
	if n.Ready() == nil {
		t.Error("ready without a bus")
	}
	r.server.Restart(t)
	r.eventually("known again", func() bool { return shown()["paybridge_stream_messages WEBHOOKS"] == 2 })
}

// What waits is counted while nothing is pulled.
func TestLevelsOfWhatWaits(t *testing.T) {
	r := newRig(t)
	n, _ := r.start(r.options(words{}), func(n *Normalizer) { n.levels.every = 10 * time.Millisecond })
	r.resize("PAYMENTS", 1) // what comes now cannot be stored
	r.put("e1 p1")
	r.eventually("it holds", func() bool { return n.storing.err() != nil })
	r.eventually("its last pull is over", func() bool {
		r.put("e p1")
		return r.consumer().NumPending >= 2
	})
	r.eventually("they show", func() bool {
		c := r.consumer()
		return r.value(n, "paybridge_consumer_pending", "") == float64(c.NumPending) &&
			r.value(n, "paybridge_consumer_ack_pending", "") == float64(c.NumAckPending) && c.NumAckPending > 0
	})
	r.resize("PAYMENTS", 64<<20)
	r.settled()
}

// Each level ages by itself, by the clock that is given; a stream without a limit shows none.
func TestLevelsAge(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	l := newLevels(Options{Stream: "WEBHOOKS", Consumer: "normalizer", Now: func() time.Time { return now }})
	registry := prometheus.NewRegistry()
	registry.MustRegister(l)
	count := func() int { return len(gauges(t, registry, "stream")) }
	if n := count(); n != 0 {
		t.Errorf("%d levels before the first answer", n)
	}
	l.streams["WEBHOOKS"] = streamLevel{asked: now, state: jetstream.StreamState{Bytes: 7}, limit: -1}
	l.waiting = consumerLevel{asked: now.Add(30 * time.Second)}
	for _, step := range []struct {
		after  time.Duration
		levels int
	}{
		{0, 4}, {levelsKept - time.Nanosecond, 4}, {levelsKept, 2}, {levelsKept + 30*time.Second, 0},
	} {
		now = time.Unix(1_700_000_000, 0).Add(step.after)
		if n := count(); n != step.levels {
			t.Errorf("%d levels after %v, want %d", n, step.after, step.levels)
		}
	}
}

// gauges are the gauges of a registry: name, a space and the value of the label.
func gauges(t *testing.T, registry *prometheus.Registry, label string) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			of := ""
			for _, l := range m.GetLabel() {
				if l.GetName() == label {
					of = l.GetValue()
				}
			}
			if m.GetGauge() != nil {
				all[f.GetName()+" "+of] = m.GetGauge().GetValue()
			}
		}
	}
	return all
}
