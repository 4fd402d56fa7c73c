package tracing

import (
	"context"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
)

// newSpans counts spans by what became of them.
func newSpans() *prometheus.CounterVec {
	counts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "paybridge_spans_total",
		Help: "Spans of sampled deliveries, by result: sent, failed (the collector did not take them), dropped (too many waited for it).",
	}, []string{"result"})
	for _, result := range []string{resultSent, resultFailed, resultDropped} {
		counts.WithLabelValues(result)
	}
	return counts
}

// The results of a span.
const (
	resultSent    = "sent"
	resultFailed  = "failed"
	resultDropped = "dropped"
)

// queue stands before the SDK's own, which would drop as well, and tell nobody.
type queue struct {
	sdk.SpanProcessor
	counts *prometheus.CounterVec
	here   atomic.Int64 // spans, those that are being sent included
}

// OnEnd takes a span that has ended, without waiting, or drops it.
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	if q.here.Add(1) > mostQueued {
		q.here.Add(-1)
		q.counts.WithLabelValues(resultDropped).Inc()
		return
	}
	q.SpanProcessor.OnEnd(s)
}

// exporter counts what is sent, and says once when that fails and once when it works
// again. One goroutine calls it, the SDK's.
type exporter struct {
	encoder sdk.SpanExporter
	queue   *queue
	counts  *prometheus.CounterVec
	log     *zap.Logger
	failing bool
	done    chan struct{} // closed when nothing is sent any more
}

// ExportSpans sends a batch. Its error is told here, so it is nil for the SDK, which
// would print it.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	defer e.queue.here.Add(-int64(len(spans)))
	err := e.encoder.ExportSpans(ctx, spans)
	if err != nil {
		e.counts.WithLabelValues(resultFailed).Add(float64(len(spans)))
		if !e.failing {
			e.log.Warn("the collector does not take spans, they are dropped until it does", zap.Error(err))
		}
	} else {
		e.counts.WithLabelValues(resultSent).Add(float64(len(spans)))
		if e.failing {
			e.log.Info("the collector takes spans again")
		}
	}
	e.failing = err != nil
	return nil
}

// Shutdown is called once, after the last batch.
func (e *exporter) Shutdown(ctx context.Context) error {
	defer close(e.done)
	return e.encoder.Shutdown(ctx)
}
