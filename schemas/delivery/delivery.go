// Package delivery is the wire format of the raw stream: one authenticated
// webhook request, stored unread, and how to get it back.
//
// # The promise
//
// A delivery that is encoded, stored and decoded is the same delivery: its body
// byte for byte, its headers, and the moment at which it was received. Two
// deliveries that differ are two messages that differ. Every header and the
// subject are under a seal (see [Keys]), so a message that no ingress wrote does
// not open as one that an ingress wrote.
//
// # On the wire
//
// The data of a message is the body and nothing else. What is known about it is in
// headers named Webhook-*, one value each, except Webhook-Header-<Name>, which
// repeats as the HTTP header did. A value that NATS would change on its way is
// escaped; see [Delivery.Message]. Dead letters carry the same data and headers, so
// that what is redriven is what was received.
//
// The package does no I/O and reads no clock.
package delivery

import (
	"crypto/sha256"
	"net/textproto"
	"time"
)

// DefaultEndpoint is the endpoint of a source that has none: in subjects, in
// headers and in the message id.
const DefaultEndpoint = "default"

// Delivery is one webhook request as received.
type Delivery struct {
	Source      string               // source name, a subject token: [a-z0-9][a-z0-9_-]{0,63}
	Provider    string               // pack name
	Endpoint    string               // endpoint name, [A-Za-z0-9][A-Za-z0-9_-]{0,63}; DefaultEndpoint where the source has none
	ReceivedAt  time.Time            // when the ingress had the whole request, UTC
	RequestID   string               // the ingress's own id of the request, for logs
	Scheme      string               // what authenticated it: "hmac", "token", "basic"
	KeyID       string               // id of the secret that matched
	Traceparent string               // W3C trace context of the request; "" where there was none
	Query       string               // raw query without "?"; "" unless the pack signs a part of it
	Header      textproto.MIMEHeader // the HTTP headers that the pack names, canonical names
	SignedID    string               // value of a header id that the signature covers; part of the message id, not on the wire
	Body        []byte               // the body as received

	// FirstReceivedAt is, of a delivery that was put into another environment, when its
	// request came; the zero time of every other. See Reseal.
	FirstReceivedAt time.Time

	digest [sha256.Size]byte // of the body, where Keys.Read has hashed it; else zeros
}

// BodyDigest is the SHA-256 of the body. A delivery that [Keys.Read] made has it
// already, and must keep its body.
func (d *Delivery) BodyDigest() [sha256.Size]byte {
	if d.digest == [sha256.Size]byte{} {
		return sha256.Sum256(d.Body)
	}
	return d.digest
}

// SignedAt is the clock of the provider's signature: when the request came, wherever
// the delivery has been put since.
func (d *Delivery) SignedAt() time.Time {
	if !d.FirstReceivedAt.IsZero() {
		return d.FirstReceivedAt
	}
	return d.ReceivedAt
}
