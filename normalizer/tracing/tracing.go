// Package tracing sends what happened to deliveries to an OpenTelemetry collector.
//
// # The promise
//
// Payments come first. A span that ends is queued without waiting; the queue is
// bounded, and what finds it full is dropped and counted. A collector that is slow,
// away or wrong costs spans and one line of the log, never an event. [Tracing.Stop]
// sends what is queued and gives up when its context is done; nothing runs after it.
//
// # Why not the ready-made exporter
//
// The SDK batches, and its otlptrace package encodes. The transport is our own few
// lines of OTLP over HTTP, because the one that is offered links gRPC, which is
// another 7 MB, and takes its headers, keys and proxies from the environment, while
// here a configuration file is all that is read.
package tracing

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// The bounds of what waits for the collector.
const (
	mostQueued  = 8192 // spans, those that are being sent included: about 10 MB
	mostAtOnce  = 512  // spans in one request
	longestRest = 2 * time.Second
	exportTime  = 10 * time.Second // of one request, with what is tried again
)

// Service is the name of the service that spans are of.
const Service = "paybridge-normalizer"

// Options are what tracing needs. URL is required.
type Options struct {
	URL           string // where the collector takes traces: http://127.0.0.1:4318/v1/traces
	Authorization string // value of that header; "" for none
	Version       string // of this program
	Log           *zap.Logger
	Registry      prometheus.Registerer // default: spans are counted and not shown
}

// Tracing is a way to a collector. Make it with Start; end it with Stop.
type Tracing struct {
	provider *sdk.TracerProvider
	client   *client
	exporter *exporter
}

// Start begins to send. It does not ask for the collector, which may be away.
func Start(o Options) (*Tracing, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	counts := newSpans()
	if o.Registry != nil {
		if err := o.Registry.Register(counts); err != nil {
			return nil, fmt.Errorf("tracing: metrics: %w", err)
		}
	}
	t := &Tracing{client: newClient(o.URL, o.Authorization)}
	queue := &queue{counts: counts}
	encoder, err := otlptrace.New(context.Background(), t.client)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	t.exporter = &exporter{encoder: encoder, queue: queue, counts: counts, log: o.Log, done: make(chan struct{})}
	queue.SpanProcessor = sdk.NewBatchSpanProcessor(t.exporter,
		sdk.WithMaxQueueSize(mostQueued), sdk.WithMaxExportBatchSize(mostAtOnce),
		sdk.WithBatchTimeout(longestRest), sdk.WithExportTimeout(exportTime))
	t.provider = sdk.NewTracerProvider(
		sdk.WithSpanProcessor(queue),
		sdk.WithIDGenerator(ids{}),
		// Who makes spans has asked whether the delivery's trace is sampled.
		sdk.WithSampler(sdk.AlwaysSample()),
		sdk.WithResource(resource.NewWithAttributes(semconv.SchemaURL,
			semconv.ServiceName(Service), semconv.ServiceVersion(o.Version))),
	)
	return t, nil
}

// Tracer makes the spans that are sent. It is safe for concurrent use and never
// blocks.
func (t *Tracing) Tracer() trace.Tracer { return t.provider.Tracer("paybridge/normalizer") }

// Stop sends what is queued, gives up what is left when ctx is done, and returns when
// nothing of it runs any more.
func (t *Tracing) Stop(ctx context.Context) {
	if err := t.provider.Shutdown(ctx); err != nil {
		t.exporter.log.Warn("gave up spans that the collector did not take in time", zap.Error(err))
	}
	t.client.abort()
	<-t.exporter.done
}
