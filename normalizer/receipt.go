package normalizer

import (
	"go.uber.org/zap"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// The results of a delivery, as metrics and logs name them.
const (
	resultOK         = "ok"         // at least one event stored, no dead letter
	resultDuplicate  = "duplicate"  // all its events were stored before
	resultIgnored    = "ignored"    // the pack names it as nothing to publish
	resultDeadLetter = "deadletter" // at least one item is a dead letter
)

// receipts accounts for deliveries whose outcomes are stored.
func (n *Normalizer) receipts(all []*outcome) {
	fields := make([]zap.Field, 0, mostFields)
	for _, o := range all {
		n.receipt(o, fields)
	}
	n.Receipts.Flush()
}

// mostFields are in a receipt, at the most.
const mostFields = 12

// receipt accounts for a delivery whose outcome is stored: it writes one line and
// counts once. A delivery that is not accounted for is tried again and has no line
// yet. fields is memory for the fields of the line.
func (n *Normalizer) receipt(o *outcome, fields []zap.Field) {
	source := n.label(subjectSource(o.raw.msg.Subject))
	var events, duplicates int
	var dead *mapping.Dead
	result := resultOK
	for _, p := range o.publications {
		switch {
		case p.fate == buried:
		case p.dead != nil:
			n.metrics.deadLetters.WithLabelValues(source, string(p.dead.Reason)).Inc()
			if dead == nil || dead.Reason == delivery.Ignored {
				dead = p.dead
			}
		case p.fate == duplicate:
			duplicates++
		default:
			events++
			n.countEvent(source, p.event)
		}
	}
	switch {
	case dead != nil && dead.Reason == delivery.Ignored:
		result = resultIgnored
	case dead != nil:
		result = resultDeadLetter
	case events == 0:
		result = resultDuplicate
	}
	if duplicates > 0 {
		n.metrics.duplicates.WithLabelValues(source).Add(float64(duplicates))
	}
	n.metrics.deliveries.WithLabelValues(source, result).Inc()
	trace := n.traceOf(o)
	recorded := n.Tracer != nil && trace.Sampled
	took := n.now().Sub(o.raw.stored)
	n.metrics.stored(took, trace, recorded)
	if recorded {
		n.tell(o, trace, account{source, result, dead, events})
	}

	fields = append(fields[:0],
		zap.String("result", result),
		zap.String("source", source),
		zap.Uint64("raw_seq", o.raw.sequence),
		zap.Int("events", events),
		zap.Float64("dur_ms", float64(took.Microseconds())/1000), // since it was stored
	)
	if o.raw.sealed() { // else it is anybody's text
		fields = append(fields, zap.String("msg_id", o.raw.id()))
	}
	if trace.ID != "" {
		fields = append(fields, zap.String("trace_id", trace.ID))
	}
	if duplicates > 0 {
		fields = append(fields, zap.Int("duplicates", duplicates))
	}
	if o.raw.suspect() {
		fields = append(fields, zap.Uint64("num_delivered", o.raw.delivered))
	}
	if dead == nil {
		n.Receipts.Logger.Info("normalized", fields...)
		return
	}
	fields = append(fields, zap.String("reason", string(dead.Reason)), zap.String("pointer", dead.Pointer), zap.String("problem", dead.Problem))
	if result == resultIgnored {
		n.Receipts.Logger.Info("ignored", fields...)
		return
	}
	n.Receipts.Logger.Warn("dead letter", fields...)
}

// countEvent counts an event that is stored now. A native type that no rule of the
// pack knows is published all the same, counted, and worth a line of its own.
func (n *Normalizer) countEvent(source string, e *event.Event) {
	n.metrics.events.WithLabelValues(source, string(e.Payment.Kind), string(e.Payment.State)).Inc()
	if e.Payment.Kind != event.UnknownKind {
		return
	}
	n.metrics.unknownTypes.WithLabelValues(source).Inc()
	n.Receipts.Logger.Warn("unknown native type, published as unknown", zap.String("source", source), zap.String("sequence", e.Sequence))
}
