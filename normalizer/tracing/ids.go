package tracing

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
)

// idsKey finds the ids of the next span in its context.
type idsKey struct{}

type given struct {
	trace trace.TraceID
	span  trace.SpanID
}

// WithIDs gives the next span that is started in the context its id, and, where it has
// no parent, its trace: those that an event's traceparent names. An id of zeros is
// left to chance.
func WithIDs(ctx context.Context, t trace.TraceID, s trace.SpanID) context.Context {
	return context.WithValue(ctx, idsKey{}, given{t, s})
}

// ids is where spans get their ids.
type ids struct{}

// NewIDs is called for a span without a parent.
func (ids) NewIDs(ctx context.Context) (t trace.TraceID, s trace.SpanID) {
	g, _ := ctx.Value(idsKey{}).(given)
	for t = g.trace; !t.IsValid(); {
		binary.NativeEndian.PutUint64(t[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(t[8:], rand.Uint64())
	}
	return t, spanID(g.span)
}

// NewSpanID is called for a span with one.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	g, _ := ctx.Value(idsKey{}).(given)
	return spanID(g.span)
}

// spanID is s, or one by chance.
func spanID(s trace.SpanID) trace.SpanID {
	for !s.IsValid() {
		binary.NativeEndian.PutUint64(s[:], rand.Uint64())
	}
	return s
}
