package normalizer

import (
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"paybridge/normalizer/document"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// Mapper decodes and maps the deliveries of one source. Both methods are pure:
// no I/O, no clock, no chance. They are called concurrently, may keep their
// arguments, and may panic on bad input: that delivery becomes a dead letter.
// *mapping.Program is one.
type Mapper interface {
	// Decode decodes the body once, as the pack says.
	Decode(d *delivery.Delivery) (*document.Document, *mapping.Dead)
	// Map makes the items of a delivery, in order, at least one. Each has exactly
	// one of Event and Dead.
	Map(d *delivery.Delivery, doc *document.Document, sequence uint64) []mapping.Item
}

// Pack says whose deliveries a mapper understands.
type Pack struct {
	Source   string // configured source
	Provider string // name of the pack that the delivery came in by
}

// Programs are the mappers of all configured sources.
type Programs map[Pack]Mapper

// Options are what a normalizer needs. Conn, Seals and Programs are required.
type Options struct {
	Conn     *nats.Conn    // reconnects for ever, buffers nothing; stays open after Run
	Seals    delivery.Keys // what an ingress may have sealed with; see Replace
	Programs Programs
	Mode     event.Mode // default event.Structured
	Version  string     // of this program, for dead letters

	Logger   *zap.Logger           // default: silent
	Receipts Receipts              // default: Logger, line by line
	Registry prometheus.Registerer // default: metrics are counted and not served

	Tracer trace.Tracer // makes the spans of sampled deliveries; it must not block; nil: nothing is traced

	Now func() time.Time // default time.Now; for ages in metrics, times of spans, and to learn how fast the bus is

	// Started is called once, when the normalizer consumes. It may be nil.
	Started func()

	Stream          string        // raw stream; default "WEBHOOKS"
	Consumer        string        // its durable consumer; default "normalizer"
	DuplicateWindow time.Duration // least of the streams that are written; default 48 h
	InHand          int           // most deliveries in hand at once; default 1024
	InHandBytes     int           // most bytes of them; default 64 MiB
	Parallel        int           // deliveries decoded and mapped at once; default GOMAXPROCS
	AckTimeout      time.Duration // how long a PubAck may take; default 5 s
	DrainTimeout    time.Duration // how long Run finishes what is in hand; default 20 s
	CrashGuard      uint64        // deliveries of one message before it is taken for poison; default 8
	CrashLimit      uint64        // deliveries at which no message is tried again; default 32
}

// Receipts is where the line of every delivery goes. Lines may wait for Flush, which is
// called before the deliveries are acknowledged: no crash loses the line of one that
// does not come again.
type Receipts struct {
	Logger *zap.Logger
	Flush  func()
}
