package normalizer

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"paybridge/normalizer/mapping"
	"paybridge/normalizer/tracing"
	"paybridge/schemas/delivery"
)

// A sampled delivery is told as spans when it is accounted for, all at once, from the
// times that were noted on its way. The request's span is the parent, where it had
// one; what an event's traceparent names is the span of its publication:
//
//	store webhooks.pik.default                  received by the ingress … in the raw stream
//	└ process webhooks.pik.default              in hand … accounted for
//	  ├ map                                     decode and map
//	  └ publish payments.pik.payin.confirmed    first sent … PubAck; consumers continue here
//
// The names and attributes are a closed set: configured names, the contract's words,
// numbers, and ids that we have made. Nothing of a body is in them, nor an id of a
// provider's: `paybridge payment` finds an event, and its traceparent the trace.

// mostPublished is how many publications of one delivery have spans of their own.
const mostPublished = 100

// times are what a span needs of a publication; nil where nothing is traced.
type times struct {
	sent, stored time.Time
	failures     int
}

// leaves notes that a publication is sent, for the first time or again.
func (s *stage) leaves(p *publication) {
	if s.traced && p.times == nil {
		p.times = &times{sent: s.now()}
	}
}

// arrived notes that it is stored.
func (s *stage) arrived(p *publication) {
	if p.times != nil {
		p.times.stored = s.now()
	}
}

// failed notes that it could not be stored, this time.
func (t *times) failed() {
	if t != nil {
		t.failures++
	}
}

// mappedIn notes when a delivery was decoded and mapped.
func (o *outcome) mappedIn(began, ended time.Time) { o.mapping = &[2]time.Time{began, ended} }

// traceOf is the trace that a delivery and its events belong to; the zero Trace where
// nobody will ask for it.
func (n *Normalizer) traceOf(o *outcome) mapping.Trace {
	d := &o.raw.delivery
	for _, p := range o.publications {
		if p.event == nil || len(p.event.Traceparent) != traceparentLength {
			continue
		}
		own := p.event.Traceparent
		t := mapping.Trace{ID: own[3:35], Sampled: own[traceparentLength-1]&1 == 1}
		if len(d.Traceparent) >= traceparentLength && d.Traceparent[3:35] == t.ID {
			t.Parent = d.Traceparent[36:52]
		}
		return t
	}
	switch {
	case n.Tracer == nil && d.Traceparent == "":
		return mapping.Trace{} // its id would be a digest of the whole body
	case !o.raw.sealed():
		return mapping.TraceOf(&delivery.Delivery{Body: o.raw.msg.Data}) // what its headers say is anybody's text
	}
	return mapping.TraceOf(d)
}

const traceparentLength = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-00")

// account is what is known of a delivery when it is accounted for.
type account struct {
	source string // as a label
	result string
	dead   *mapping.Dead
	events int // stored now
}

// tell makes the spans of a delivery.
func (n *Normalizer) tell(o *outcome, t mapping.Trace, a account) {
	ended := n.now()
	ctx := begin(t)
	destination := "webhooks." + a.source
	if o.raw.sealed() {
		d := &o.raw.delivery
		destination += "." + d.Endpoint
		ctx = n.tellStored(ctx, o.raw, destination)
	}
	ctx, span := n.Tracer.Start(ctx, "process "+destination,
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(o.raw.taken),
		trace.WithAttributes(n.processed(o, a, destination)...))
	if o.mapping != nil {
		_, s := n.Tracer.Start(ctx, "map", trace.WithTimestamp(o.mapping[0]))
		s.End(trace.WithTimestamp(o.mapping[1]))
	}
	for _, p := range o.publications[:min(len(o.publications), mostPublished)] {
		n.tellPublished(ctx, p, a.source, ended)
	}
	if left := len(o.publications) - mostPublished; left > 0 {
		span.SetAttributes(attribute.Int("paybridge.spans_left_out", left))
	}
	if a.result == resultDeadLetter {
		span.SetStatus(codes.Error, string(a.dead.Reason))
	}
	span.End(trace.WithTimestamp(later(ended, o.raw.taken)))
}

// begin is the context of the first span: below the request's, or the root of the
// trace that starts here.
func begin(t mapping.Trace) context.Context {
	id, _ := trace.TraceIDFromHex(t.ID) // well formed: a Trace is
	if t.Parent == "" {
		return tracing.WithIDs(context.Background(), id, trace.SpanID{})
	}
	parent, _ := trace.SpanIDFromHex(t.Parent)
	return trace.ContextWithRemoteSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: parent, TraceFlags: trace.FlagsSampled, Remote: true,
	}))
}

// tellStored makes the span of the ingress's share, which the ingress does not make:
// it only passes on where a trace comes from.
func (n *Normalizer) tellStored(ctx context.Context, r *raw, destination string) context.Context {
	d := &r.delivery
	ctx, span := n.Tracer.Start(ctx, "store "+destination,
		trace.WithSpanKind(trace.SpanKindProducer), trace.WithTimestamp(d.ReceivedAt),
		trace.WithAttributes(
			semconv.MessagingSystemKey.String("nats"), semconv.MessagingOperationTypeSend, semconv.MessagingOperationName("store"),
			semconv.MessagingDestinationName(destination), semconv.MessagingMessageID(r.id()),
			attribute.String("paybridge.request_id", d.RequestID), attribute.Int64("paybridge.raw_seq", int64(r.sequence)),
			attribute.String("paybridge.scheme", d.Scheme), attribute.String("paybridge.key_id", d.KeyID),
		))
	// Two clocks: the ingress's and the stream's.
	span.End(trace.WithTimestamp(later(r.stored, d.ReceivedAt)))
	return ctx
}

// processed are the attributes of the one span that every delivery has.
func (n *Normalizer) processed(o *outcome, a account, destination string) []attribute.KeyValue {
	all := []attribute.KeyValue{
		semconv.MessagingSystemKey.String("nats"), semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName("process"),
		semconv.MessagingDestinationName(destination), semconv.MessagingConsumerGroupName(n.Consumer),
		semconv.MessagingMessageBodySize(len(o.raw.msg.Data)),
		attribute.String("paybridge.source", a.source), attribute.String("paybridge.result", a.result),
		attribute.Int64("paybridge.raw_seq", int64(o.raw.sequence)), attribute.Int64("paybridge.num_delivered", int64(o.raw.delivered)),
		attribute.Int("paybridge.events", a.events),
	}
	if o.raw.sealed() {
		all = append(all, semconv.MessagingMessageID(o.raw.id()), attribute.String("paybridge.provider", o.raw.delivery.Provider),
			attribute.String("paybridge.request_id", o.raw.delivery.RequestID))
	}
	if a.dead != nil {
		all = append(all, attribute.String("paybridge.reason", string(a.dead.Reason)))
	}
	return all
}

// tellPublished makes the span of one event or dead letter.
func (n *Normalizer) tellPublished(ctx context.Context, p *publication, source string, ended time.Time) {
	at := p.times
	if at == nil {
		at = &times{sent: ended}
	}
	all := append(make([]attribute.KeyValue, 0, 10),
		semconv.MessagingSystemKey.String("nats"), semconv.MessagingOperationTypeSend, semconv.MessagingOperationName("publish"),
		attribute.Int("paybridge.item", p.item), attribute.Int("paybridge.attempts", 1+at.failures),
		attribute.String("paybridge.result", told[p.fate]))
	var destination string
	if p.event != nil {
		kind, state := string(p.event.Payment.Kind), string(p.event.Payment.State)
		destination = "payments." + source + "." + kind + "." + state
		all = append(all, semconv.MessagingDestinationTemplate(destination+".{native_type}"),
			attribute.String("paybridge.kind", kind), attribute.String("paybridge.state", state),
			attribute.String("paybridge.sequence", p.event.Sequence))
	} else {
		destination = "deadletters." + source + "." + string(p.dead.Reason)
		all = append(all, semconv.MessagingDestinationName(destination), attribute.String("paybridge.reason", string(p.dead.Reason)))
	}
	if p.event != nil && p.fate == stored {
		// The id that consumers know. A duplicate's belongs to what is stored.
		own, err := trace.SpanIDFromHex(spanOf(p.event.Traceparent))
		if err == nil {
			ctx = tracing.WithIDs(ctx, trace.TraceID{}, own)
		}
	}
	_, span := n.Tracer.Start(ctx, "publish "+destination, trace.WithSpanKind(trace.SpanKindProducer), trace.WithTimestamp(at.sent), trace.WithAttributes(all...))
	if p.fate == buried {
		span.SetStatus(codes.Error, "a dead letter takes its place")
	}
	span.End(trace.WithTimestamp(later(at.stored, at.sent)))
}

// told are the results of a publication as spans name them.
var told = map[fate]string{stored: "stored", duplicate: "duplicate", buried: "buried"}

// spanOf is the span that a traceparent names.
func spanOf(traceparent string) string {
	if len(traceparent) != traceparentLength {
		return ""
	}
	return traceparent[36:52]
}

// later is the end of a span that cannot end before it began.
func later(end, begin time.Time) time.Time {
	if end.Before(begin) {
		return begin
	}
	return end
}
