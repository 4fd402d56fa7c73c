// Package config reads paybridge's one configuration file, once, at the edge.
//
// # The promise
//
// A configuration that loads is complete and consistent: every key is known,
// every size, duration, address and name is well formed, and what is left out
// has its default. A file that is wrong is refused with every problem at once,
// each under the key that the operator typed, with its file and line and what
// to write instead. A secret cannot be printed by any verb, marshaller or
// logger; [Secret.Reveal] is the only way to its value.
//
// The package is a leaf: it knows no pack and no stream, only shapes. What needs
// both the file and a pack (does this provider exist, is this secret long enough
// for its scheme) is judged by those who know the pack, and reported through
// [Config.Problem] so that it still names a line.
package config

import "time"

// Config is the whole configuration. Lists and maps keep the file's order.
type Config struct {
	File         string // the file's name as given to Load or Parse
	Fingerprint  string // 16 hexadecimal digits of the file's SHA-256, to tell one text from another
	Environment  Environment
	Ingress      Ingress
	Normalizer   Normalizer
	NATS         NATS
	Embedded     Embedded
	Streams      Streams
	Events       Events
	Seal         Seal
	ProvidersDir string // folder with more packs, resolved; "" where there is none
	Sources      []Source

	lines map[string]int // line of every key path that the file holds
}

// Environment says what the bridge is for. No program runs differently for it:
// tools that would put deliveries into production by mistake ask for it.
type Environment string

// The environments; "" where the file does not say.
const (
	Production  Environment = "production"
	Staging     Environment = "staging"
	Test        Environment = "test"
	Development Environment = "development"
)

// Ingress is the public listener and its limits.
type Ingress struct {
	Listen   string        // address of the public listener, host:port
	Admin    string        // address of the admin listener, host:port
	MaxBody  Size          // largest body in bytes
	Budget   time.Duration // how long a delivery may take to become durable before 503
	InFlight int           // how many requests may be in hand at once
	TLS      ListenerTLS
}

// Normalizer is the normalizer's own listener, and where it tells what it does.
type Normalizer struct {
	Admin   string // address of the admin listener, host:port
	Tracing Tracing
}

// Embedded is the NATS server inside `paybridge up`; other programs ignore it.
type Embedded struct {
	Listen string // host:port
	Sync   Sync
}

// Sync says when the embedded server forces what it acknowledged to the disk.
type Sync struct {
	Always   bool          // before every PubAck
	Interval time.Duration // else this often; 0 where Always
}

// Streams is what an operator may choose of the topology. A zero size means: as
// the disk at hand allows, decided when the stream is created.
type Streams struct {
	Replicas    int  // copies of each stream: 1, 3 or 5
	MaxMessage  Size // largest message on the bus, headers included
	Webhooks    Stream
	Payments    Stream
	DeadLetters Stream

	// Disk is how many bytes are free where the streams are stored, for those
	// who know; 0 where nobody does. It is not read from the file.
	Disk Size
}

// Stream is the limits of one stream.
type Stream struct {
	MaxAge          time.Duration // how long a message is kept
	MaxBytes        Size          // how much is kept; 0: decided when the stream is created
	DuplicateWindow time.Duration // how long a message id is remembered
}

// Mode is how an event is written on the bus.
type Mode string

// The modes of CloudEvents over NATS.
const (
	Structured Mode = "structured"
	Binary     Mode = "binary"
)

// Native says how much of the provider's own item travels in an event.
type Native string

// What of the provider's item an event carries.
const (
	NativeFull     Native = "full"
	NativeRedacted Native = "redacted" // without the fields that the pack calls personal
	NativeNone     Native = "none"
)

// Events is how events are written.
type Events struct {
	Mode       Mode
	Native     Native
	SourceBase string // the attribute source is this, ":" and the source's name: "urn:paybridge"
	SchemaBase string // likewise for dataschema: "urn:paybridge:schema"
	TypePrefix string // in place of every pack's own; "" keeps theirs
}

// Seal holds the keys of the seal between ingress and normalizer.
type Seal struct {
	Keys []Secret // the first seals, all verify
}

// Source is one configured account at a provider.
type Source struct {
	Key       string // key path in the file: "sources[0]"
	At        Position
	Name      string // URL segment and subject token
	Provider  string // pack name
	URL       string // the URL that the provider calls, for signatures over it; "" where unknown
	Secrets   []Secret
	Endpoints []Endpoint // in the file's order; empty where the provider wants one URL
}

// Endpoint is one of several URLs of a source.
type Endpoint struct {
	Key     string // key path in the file: "sources[1].endpoints.PixPayment"
	At      Position
	Name    string // second URL segment
	URL     string // the URL that the provider calls, for signatures over it; "" where unknown
	Secrets []Secret
}
