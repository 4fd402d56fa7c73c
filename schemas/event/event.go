// Package event is the wire format of the payments stream: the canonical
// payment, exact money, typed subjects and the CloudEvents codec.
//
// # The promise
//
// What a provider said about money arrives as it was said: amounts are decimal
// text, never a float, and the provider's own item travels beside the canonical
// payment, byte for byte. A native type, whatever its bytes, stays inside its
// place in the subject, and two native types never share one.
//
// # On the wire
//
// A message is one CloudEvent, whose data is {"payment": …, "native": …}. In structured
// mode the message's data is the whole event as JSON; in binary mode its attributes are
// ce-* headers. Its subject is payments.<source>.<kind>.<state>.<native type…>, so that a
// consumer chooses by wildcard what it wants; its Nats-Msg-Id is <source>/<id>, so that
// an event that is published twice is stored once. Decode reads both modes.
//
// The package does no I/O and reads no clock.
package event

import (
	"encoding/json"
	"time"
)

// Event is one CloudEvent of the bridge: its attributes and its data. What comes from
// a provider passes through [CleanID], [AttributeText] or [URIText] on its way into an
// attribute; Validate refuses what did not.
type Event struct {
	ID           string    // the provider's event id, or derived; see CleanID
	Source       string    // "urn:paybridge:<source>"
	Type         string    // "<type_prefix>.<native type>", as AttributeText
	Subject      string    // the provider's payment object id, as AttributeText; "" where there is none
	Time         time.Time // when it happened, UTC
	DataSchema   string    // "urn:paybridge:schema:<provider>:<native type>:<version>", the type as URIText
	Provider     string    // pack name
	Sequence     string    // see Sequence, the function
	PartitionKey string    // "<source>/<payment id>", or "<source>/<event id>", as AttributeText
	RawDigest    string    // "sha256-<hex>" of the raw body; see RawDigest, the function
	AuthScheme   string    // "hmac", "token", "basic"
	Traceparent  string    // W3C trace context; "" where there is none
	ReplayID     string    // only on a corrected event of a replay: the run
	Replaces     string    // only on a corrected event of a replay: the sequence it corrects

	Payment Payment         // its Kind and State are also the attributes paymentkind and paymentstate
	Native  json.RawMessage // the item of the provider's JSON, verbatim; nil where it is left out

	// NativeType is the provider's own type, for the subject. It is not on the
	// wire; Decode leaves it empty.
	NativeType string
	// SourceName is the configured source, a subject token. Not on the wire.
	SourceName string
}
