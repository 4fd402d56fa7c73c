package ingress

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the ingress's numbers. Every label value comes from configuration or
// from a closed set of this program, never from a request.
type metrics struct {
	requests     *prometheus.CounterVec // source, endpoint, code
	seconds      prometheus.Histogram
	rejected     *prometheus.CounterVec // reason
	authFailures *prometheus.CounterVec // source, reason
	keyUsed      *prometheus.CounterVec // source, key
	bodyBytes    prometheus.Histogram
	inFlight     prometheus.Gauge
	connections  prometheus.Gauge
	cutOff       prometheus.Counter
	duplicates   *prometheus.CounterVec // source
	skew         *prometheus.GaugeVec   // source
	publish      prometheus.Histogram
	attempts     *prometheus.CounterVec // result
	ok           prometheus.Counter     // the attempts whose result is ok
	batches      *prometheus.CounterVec // result
	batchSize    prometheus.Histogram
	lastAck      prometheus.Gauge
}

// newMetrics registers all of them; a registry that has one of these names already
// is an error.
func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paybridge_ingress_requests_total",
			Help: "Requests answered, by source and endpoint of the table (unknown for any other path) and HTTP status.",
		}, []string{"source", "endpoint", "code"}),
		seconds: prometheus.NewHistogram(histogram("paybridge_ingress_request_seconds",
			"Time from the end of a request's headers to its answer.")),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paybridge_ingress_rejected_total",
			Help: "Requests not stored, by the check that refused them.",
		}, []string{"reason"}),
		authFailures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paybridge_ingress_auth_failures_total",
			Help: "Requests answered 401, by source and what was wrong.",
		}, []string{"source", "reason"}),
		keyUsed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paybridge_ingress_key_used_total",
			Help: "Deliveries stored, by source and the id of the secret that verified them: a rotation is over when the old one stays the same.",
		}, []string{"source", "key"}),
		bodyBytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "paybridge_ingress_body_bytes", Help: "Size of stored bodies.",
			Buckets: prometheus.ExponentialBuckets(256, 4, 7),
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "paybridge_ingress_inflight",
			Help: "Authenticated deliveries waiting for the stream's acknowledgement.",
		}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "paybridge_ingress_connections", Help: "Open connections of the public listener.",
		}),
		cutOff: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "paybridge_ingress_cut_off_total",
			Help: "Connections without an authenticated request, closed so that others found a place.",
		}),
		duplicates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paybridge_ingress_duplicates_total",
			Help: "Deliveries that the stream already had: answered 200, stored once.",
		}, []string{"source"}),
		skew: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "paybridge_clock_skew_seconds",
			Help: "By how much the moment that a source signed last is ahead of this machine's clock; its way here makes it a little negative. Only where the pack limits its age.",
		}, []string{"source"}),
		publish: prometheus.NewHistogram(histogram("paybridge_publish_seconds",
			"Time from the first publish of a delivery to its outcome, retries included.")),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paybridge_publish_attempts_total", Help: "Attempts to store a delivery, by result; those that share another's publish included.",
		}, []string{"result"}),
		batches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paybridge_publish_batches_total",
			Help: "Atomic batches sent to the raw stream, by result: rejected ones were sent again message by message.",
		}, []string{"result"}),
		batchSize: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "paybridge_publish_batch_messages", Help: "Messages in an atomic batch.",
			Buckets: prometheus.ExponentialBuckets(8, 2, 8),
		}),
		lastAck: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "paybridge_last_puback_timestamp_seconds",
			Help: "When the raw stream last acknowledged a delivery, Unix time.",
		}),
	}
	m.ok = m.attempts.WithLabelValues("ok")
	var failures []error
	for _, c := range []prometheus.Collector{
		m.requests, m.seconds, m.rejected, m.authFailures, m.keyUsed, m.bodyBytes, m.inFlight, m.connections, m.cutOff,
		m.duplicates, m.skew, m.publish, m.attempts, m.batches, m.batchSize, m.lastAck,
	} {
		failures = append(failures, registry.Register(c))
	}
	return m, errors.Join(failures...)
}

// histogram is native where Prometheus scrapes native histograms, and has classic
// buckets around the latencies of a disk's fsync for the others.
func histogram(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name, Help: help,
		Buckets:                     []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
		NativeHistogramMinResetDuration: time.Hour,
	}
}

// accepted counts a 200.
func (m *metrics) accepted(c *call, took time.Duration, now time.Time) {
	c.route.accepted.Inc()
	m.observe(took, c.delivery.Traceparent)
	m.keyUsed.WithLabelValues(c.route.source, c.delivery.KeyID).Inc()
	m.bodyBytes.Observe(float64(len(c.body)))
	m.lastAck.Set(float64(now.UnixMilli()) / 1000)
	if !c.signedAt.IsZero() {
		m.skew.WithLabelValues(c.route.source).Set(c.signedAt.Sub(c.delivery.ReceivedAt).Seconds())
	}
	if c.receipt.duplicate {
		m.duplicates.WithLabelValues(c.route.source).Inc()
	}
}

// observe observes the time of an accepted request. Where its sender records a trace,
// that is the example of its bucket.
func (m *metrics) observe(took time.Duration, traceparent string) {
	if with, ok := m.seconds.(prometheus.ExemplarObserver); ok && isSampled(traceparent) {
		with.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": traceID(traceparent)})
		return
	}
	m.seconds.Observe(took.Seconds())
}

// refused counts any other answer.
func (m *metrics) refused(to *route, p *problem, why string, took time.Duration) {
	m.requests.WithLabelValues(to.source, to.endpoint, strconv.Itoa(p.status)).Inc()
	m.seconds.Observe(took.Seconds())
	m.rejected.WithLabelValues(string(p.reason)).Inc()
	if p == problemAuth {
		m.authFailures.WithLabelValues(to.source, why).Inc()
	}
}

// attempted counts a publish by its result.
func (m *metrics) attempted(result string) {
	if result == "ok" { // nearly always: it is not looked up again
		m.ok.Inc()
		return
	}
	m.attempts.WithLabelValues(result).Inc()
}

// batched counts an atomic batch of n messages.
func (m *metrics) batched(result string, n int) {
	m.batches.WithLabelValues(result).Inc()
	m.batchSize.Observe(float64(n))
}
