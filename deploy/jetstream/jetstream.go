// Package jetstream owns the topology of the bus: the three streams and the
// consumer between them, as values, and the only code that writes them.
//
// # The promise
//
// What a stream has acknowledged stays until its age: streams are logs in files
// that refuse new messages when full (the provider is told to try again) and
// never drop old ones to make room, never delete from the middle, and never
// acknowledge before they have stored. [Apply] creates and updates; it refuses a
// change that would lose a stored message and says which. [Check] only reads,
// and lists every difference from the contract, so that a service does not start
// on a stream that somebody has changed.
//
// A normalizer consumer that somebody deleted is made again where it stopped, not
// at the beginning: see [Apply].
package jetstream

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
)

// The streams, the subjects that they take, and the consumer.
const (
	Webhooks    = "WEBHOOKS"    // every authenticated delivery
	Payments    = "PAYMENTS"    // events
	DeadLetters = "DEADLETTERS" // deliveries that could not become events

	WebhooksSubjects    = "webhooks.*.*"     // source, endpoint
	PaymentsSubjects    = "payments.*.*.*.>" // source, kind, state, native type
	DeadLettersSubjects = "deadletters.*.*"  // source, reason

	Normalizer = "normalizer" // the durable pull consumer on Webhooks
)

// Limits of the consumer.
const (
	// AckWait is how long a delivery may go without a sign of life before another
	// worker gets it.
	AckWait = 30 * time.Second
	// MaxAckPending is how many deliveries all workers together may hold.
	MaxAckPending = 4096
)

// headroom is what a dead letter adds to the delivery that it keeps: the largest
// message of WEBHOOKS is smaller by it, so that its dead letter always fits.
const headroom = 16 * config.KiB

// Streams is the topology's streams, in the order of the flow.
func Streams(s config.Streams) []jetstream.StreamConfig {
	s = sized(s)
	return []jetstream.StreamConfig{
		stream(Webhooks, "authenticated deliveries, unread", WebhooksSubjects, s, s.Webhooks, s.MaxMessage-headroom),
		stream(Payments, "events", PaymentsSubjects, s, s.Payments, s.MaxMessage),
		stream(DeadLetters, "deliveries that could not become events", DeadLettersSubjects, s, s.DeadLetters, s.MaxMessage),
	}
}

// SubjectsOf are the subjects that a stream of the topology takes.
func SubjectsOf(name string) string {
	return map[string]string{Webhooks: WebhooksSubjects, Payments: PaymentsSubjects, DeadLetters: DeadLettersSubjects}[name]
}

// stream is one stream; what all have in common stands here once.
func stream(name, description, subjects string, all config.Streams, own config.Stream, largest config.Size) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        name,
		Description: description,
		Subjects:    []string{subjects},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		// Full means "try again", never "the oldest payment goes".
		Discard:           jetstream.DiscardNew,
		MaxMsgs:           -1,
		MaxMsgsPerSubject: -1,
		MaxConsumers:      -1,
		MaxBytes:          int64(own.MaxBytes),
		MaxAge:            own.MaxAge,
		MaxMsgSize:        int32(largest),
		Duplicates:        own.DuplicateWindow,
		Replicas:          all.Replicas,
		// A log is cut at its head only: deletes inside it make the server compact
		// blocks, which has lost acknowledged messages. A purge by subject is such a
		// delete too.
		DenyDelete:         true,
		DenyPurge:          true,
		AllowAtomicPublish: true,
		AllowDirect:        true,
		Compression:        jetstream.NoCompression,
		PersistMode:        jetstream.DefaultPersistMode,
	}
}

// Consumer is a durable consumer and the stream that it reads.
type Consumer struct {
	Stream string
	Config jetstream.ConsumerConfig
}

// Consumers is the topology's consumers. Where a new one starts is not part of
// it: Apply finds that.
func Consumers(config.Streams) []Consumer {
	return []Consumer{{Stream: Webhooks, Config: jetstream.ConsumerConfig{
		Durable:     Normalizer,
		Description: "decodes, maps and publishes deliveries",
		AckPolicy:   jetstream.AckExplicitPolicy,
		AckWait:     AckWait,
		// The normalizer decides what ends: a limit here would skip a delivery, and a
		// backoff would make a crash look like patience.
		MaxDeliver:    -1,
		MaxAckPending: MaxAckPending,
	}}}
}
