package normalizer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"paybridge/normalizer/mapping"
)

// metrics are the normalizer's. Their label sets are closed: a source that is not
// configured is "unknown", and everything else is one of the contract's words.
type metrics struct {
	deliveries   *prometheus.CounterVec // source, result: ok, duplicate, ignored, deadletter
	mapping      prometheus.Histogram
	events       *prometheus.CounterVec // source, kind, state
	duplicates   *prometheus.CounterVec // source
	unknownTypes *prometheus.CounterVec // source
	deadLetters  *prometheus.CounterVec // source, reason
	endToEnd     prometheus.Histogram
	published    map[fate]prometheus.Counter // of paybridge_event_publishes_total, by result: ok, duplicate
	retried      prometheus.Counter          // and retry
	redeliveries prometheus.Counter
	acksFailed   prometheus.Counter
	pullFailures prometheus.Counter

	all []prometheus.Collector
}

// seconds are buckets from a tenth of a millisecond to beyond a minute.
var seconds = prometheus.ExponentialBuckets(0.0001, 4, 11)

func newMetrics() *metrics {
	m := &metrics{}
	m.deliveries = m.counters("paybridge_normalize_total", "Deliveries that are accounted for, by what became of them.", "source", "result")
	m.mapping = m.histogram("paybridge_normalize_seconds", "Time to decode and map one delivery.")
	m.events = m.counters("paybridge_events_total", "Events stored.", "source", "kind", "state")
	m.duplicates = m.counters("paybridge_event_duplicates_total", "Events that were stored before.", "source")
	m.unknownTypes = m.counters("paybridge_unknown_types_total", "Events published as unknown because no rule of the pack matched.", "source")
	m.deadLetters = m.counters("paybridge_deadletters_total", "Dead letters stored.", "source", "reason")
	m.endToEnd = m.histogram("paybridge_event_e2e_seconds", "Time from a delivery being stored to its events being stored.")
	publishes := m.counters("paybridge_event_publishes_total", "Attempts to store an event or a dead letter.", "result")
	m.published = map[fate]prometheus.Counter{stored: publishes.WithLabelValues("ok"), duplicate: publishes.WithLabelValues("duplicate")}
	m.retried = publishes.WithLabelValues("retry")
	m.redeliveries = m.counter("paybridge_redeliveries_total", "Deliveries that arrived again: a worker crashed, or an ack was lost.")
	m.acksFailed = m.counter("paybridge_acks_failed_total", "Acks that could not be sent.")
	m.pullFailures = m.counter("paybridge_pull_failures_total", "Pulls that failed.")
	return m
}

// state adds the gauges that are read when somebody asks, and those that the bus says.
func (m *metrics) state(n *Normalizer) {
	m.gauge("paybridge_breaker_open", "1 while nothing is pulled because events cannot be stored.", func() float64 { return truth(n.storing.err() != nil) })
	m.gauge("paybridge_consume_loop_up", "1 while pulls succeed.", func() float64 { return truth(n.phase.Load() == working && n.pulling.err() == nil) })
	m.gauge("paybridge_in_hand", "Deliveries taken from the stream and not yet settled.", func() float64 {
		messages, _, _ := n.count()
		return float64(messages)
	})
	m.gauge("paybridge_in_hand_bytes", "Bytes of the deliveries in hand.", func() float64 {
		_, bytes, _ := n.count()
		return float64(bytes)
	})
	m.gauge("paybridge_oldest_unacked_seconds", "Age of the oldest delivery in hand.", func() float64 {
		_, _, oldest := n.count()
		if oldest.IsZero() {
			return 0
		}
		return n.now().Sub(oldest).Seconds()
	})
	m.all = append(m.all, n.levels)
}

// stored observes how long it took from a delivery being stored to its outcome being
// stored. Where the delivery's trace is recorded, it is the example of its bucket.
func (m *metrics) stored(took time.Duration, t mapping.Trace, recorded bool) {
	if with, ok := m.endToEnd.(prometheus.ExemplarObserver); ok && recorded {
		with.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": t.ID})
		return
	}
	m.endToEnd.Observe(took.Seconds())
}

// register adds all metrics to a registry.
func (m *metrics) register(r prometheus.Registerer) error {
	for _, c := range m.all {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (m *metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.all = append(m.all, c)
	return c
}

func (m *metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.all = append(m.all, c)
	return c
}

func (m *metrics) histogram(name, help string) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: seconds})
	m.all = append(m.all, h)
	return h
}

func (m *metrics) gauge(name, help string, value func() float64) {
	m.all = append(m.all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}
