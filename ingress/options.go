package ingress

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"paybridge/schemas/delivery"
)

// timeouts are the limits of time that are nobody's to configure. Only tests change
// them.
type timeouts struct {
	header time.Duration // from the first byte of a request to the end of its headers
	read   time.Duration // from the first byte of a request to the end of its body
	write  time.Duration // from the end of the headers to the end of the answer
	idle   time.Duration // between two requests

	// stranger is how long a connection may have no authenticated request while
	// another waits for a place, before its place is given to that one.
	stranger time.Duration

	// patience is how long a request waits for room, before its body is read and
	// again before it is stored, until it is told to come back.
	patience time.Duration
	// grace is how long a server that is stopping still answers on open
	// connections, each answer closing its own, before it closes those that are
	// idle: a sender that is about to send again learns that it must not.
	grace time.Duration
}

var defaultTimeouts = timeouts{
	header: 5 * time.Second, read: 10 * time.Second, write: 15 * time.Second, idle: 60 * time.Second,
	stranger: time.Second, patience: time.Second, grace: 250 * time.Millisecond,
}

// The limits of a request that are nobody's to configure.
const (
	maxHeaderBytes = 16 << 10 // request line and headers
	maxHeaderLines = 256

	// headerRoom is what the NATS server must take of a message besides its
	// body, and storedRoom what the stream must: no request has headers that
	// come near either. The rest is for what a dead letter adds.
	headerRoom = 64 << 10
	storedRoom = 32 << 10
)

// The defaults of Options.
const (
	DefaultMaxBody     = 960 << 10
	DefaultBudget      = 4 * time.Second
	DefaultInFlight    = 1024
	DefaultConnections = 8192
	DefaultDrain       = 20 * time.Second
)

// Options are what a [Server] needs. Conn, Seal, Sources and Log are required; for
// every other field zero is a default.
type Options struct {
	Listen string      // address of the public listener, "host:port"
	Admin  string      // address of the admin listener; "" for none
	TLS    *tls.Config // of the public listener; nil for plain HTTP

	MaxBody     int64         // bytes of a body
	Budget      time.Duration // for the stream's acknowledgement, with all waiting for room before it
	InFlight    int           // authenticated deliveries that wait for the stream
	Connections int           // open connections of the public listener
	Drain       time.Duration // how long a shutdown waits for what is in hand

	Conn    *nats.Conn    // connected; the server neither closes nor drains it
	Seal    delivery.Keys // the first seals; see Server.Replace
	Sources []Source      // see Server.Replace

	Log      *zap.Logger
	Receipts Receipts                                // nil logger: Log, line by line
	Metrics  *prometheus.Registry                    // nil makes one of its own
	Schemas  func(path string) (doc []byte, ok bool) // of /schemas/<path>; nil for none
	Ready    []Check                                 // what /readyz asks besides the ingress itself

	// Started is called once, when both listeners accept and the stream is as
	// it must be.
	Started func(Addresses)

	Now       func() time.Time // the clock
	RequestID func() string    // a new request's id: letters and digits, for logs
}

// Receipts is where the line of every stored delivery goes. Lines may wait for Flush, which
// is called at once, and under load for several of them.
type Receipts struct {
	Logger *zap.Logger
	Flush  func()
}

// Check is one condition of readiness: nil where it holds.
type Check struct {
	Name  string
	Holds func() error
}

// Addresses are where a running server listens: with port 0 in the options, the
// ports that it got.
type Addresses struct {
	Public string // "127.0.0.1:8080"
	Admin  string // "" where there is no admin listener
}

var errNoSeal = errors.New("ingress: without a seal key no stored delivery would be believed")

// withDefaults fills in the defaults and checks what has none.
func (o Options) withDefaults() (Options, error) {
	if o.Conn == nil || o.Log == nil {
		return o, errors.New("ingress: a NATS connection and a logger are required")
	}
	if len(o.Seal) == 0 {
		return o, errNoSeal
	}
	orDefault(&o.MaxBody, DefaultMaxBody)
	orDefault(&o.Budget, DefaultBudget)
	orDefault(&o.InFlight, DefaultInFlight)
	orDefault(&o.Connections, DefaultConnections)
	orDefault(&o.Drain, DefaultDrain)
	if o.Receipts.Logger == nil {
		o.Receipts = Receipts{o.Log, func() {}}
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Schemas == nil {
		o.Schemas = func(string) ([]byte, bool) { return nil, false }
	}
	if o.Started == nil {
		o.Started = func(Addresses) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.RequestID == nil {
		o.RequestID = rand.Text
	}
	return o, nil
}

// orDefault sets what is not set.
func orDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
