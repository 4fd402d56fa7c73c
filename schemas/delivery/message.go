package delivery

import (
	"crypto/sha256"
	"net/textproto"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// The headers of a raw message.
const (
	MessageIDHeader   = nats.MsgIdHdr
	SourceHeader      = "Webhook-Source"
	ProviderHeader    = "Webhook-Provider"
	EndpointHeader    = "Webhook-Endpoint"
	ReceivedAtHeader  = "Webhook-Received-At" // RFC 3339, nine decimals, UTC
	RequestIDHeader   = "Webhook-Request-Id"
	SchemeHeader      = "Webhook-Scheme"
	KeyIDHeader       = "Webhook-Key-Id"
	TraceparentHeader = "Webhook-Traceparent"
	QueryHeader       = "Webhook-Query"
	SealHeader        = "Webhook-Seal"

	FirstReceivedAtHeader = "Webhook-First-Received-At" // as Webhook-Received-At; only where Reseal wrote it

	prefix       = "Webhook-"
	keptPrefix   = "Webhook-Header-" // then the canonical name of an HTTP header
	subjectRoot  = "webhooks"
	receivedForm = "2006-01-02T15:04:05.000000000Z"
)

// DecodeError says which header of a message is not as an ingress writes it. It
// never holds a value.
type DecodeError struct {
	Header  string // "" where the subject is meant
	Problem string
}

func (e *DecodeError) Error() string {
	if e.Header == "" {
		return "delivery: subject " + e.Problem
	}
	return "delivery: header " + e.Header + " " + e.Problem
}

// Subject is where the deliveries of an endpoint are stored:
// "webhooks.<source>.<endpoint>". Names are configuration's and need no escape.
func Subject(source, endpoint string) string {
	return subjectRoot + "." + source + "." + endpoint
}

// Message encodes d, sealed with the first of keys; without a key it has no seal
// and nothing will open it. The message shares d's body.
//
// nats.go trims the values of headers and turns CR and LF into spaces, so that two
// values could become one. A value that would change is escaped instead: "=!",
// then every byte outside "!" to "~", and "=", as "=XX". What an HTTP server lets
// through is as it was received.
func (d Delivery) Message(keys Keys) *nats.Msg {
	return d.MessageWithDigest(keys, sha256.Sum256(d.Body))
}

// MessageWithDigest is [Delivery.Message] for who has the body's SHA-256 already:
// hashing is most of what a message costs.
func (d Delivery) MessageWithDigest(keys Keys, digest [sha256.Size]byte) *nats.Msg {
	return new(Room).Message(&d, keys, digest)
}

// Room is the memory of one message: its headers are most of what a message leaves to
// the garbage collector. The zero value is ready for use.
type Room struct {
	msg    nats.Msg
	values []string // of all headers: one allocation instead of one per header
}

// Message is [Delivery.MessageWithDigest] in this room: it ends the message that was in
// it before, which nobody may look at any more.
func (r *Room) Message(d *Delivery, keys Keys, digest [sha256.Size]byte) *nats.Msg {
	r.clear(d)
	msg := &r.msg
	msg.Subject, msg.Data = Subject(d.Source, d.Endpoint), d.Body
	r.set(MessageIDHeader, d.MessageID())
	r.set(SourceHeader, d.Source)
	r.set(ProviderHeader, d.Provider)
	r.set(EndpointHeader, d.Endpoint)
	r.set(ReceivedAtHeader, d.ReceivedAt.UTC().Format(receivedForm))
	r.set(SchemeHeader, d.Scheme)
	r.setUnlessEmpty(RequestIDHeader, d.RequestID)
	r.setUnlessEmpty(KeyIDHeader, d.KeyID)
	r.setUnlessEmpty(TraceparentHeader, d.Traceparent)
	r.setUnlessEmpty(QueryHeader, d.Query)
	if !d.FirstReceivedAt.IsZero() {
		r.set(FirstReceivedAtHeader, d.FirstReceivedAt.UTC().Format(receivedForm))
	}
	for name, kept := range d.Header {
		r.set(keptPrefix+name, kept...)
	}
	if len(keys) > 0 {
		r.set(SealHeader, keys[0].seal(msg.Subject, msg.Header, digest))
	}
	return msg
}

// clear makes room for all header values of d.
func (r *Room) clear(d *Delivery) {
	n := 12 // the headers of every message, and the seal
	for _, kept := range d.Header {
		n += len(kept)
	}
	if cap(r.values) < n {
		r.values = make([]string, 0, n)
	}
	r.values = r.values[:0]
	if r.msg.Header == nil {
		r.msg.Header = make(nats.Header, n)
	}
	clear(r.msg.Header)
	r.msg = nats.Msg{Header: r.msg.Header}
}

// set gives a header its values, escaped where they must be.
func (r *Room) set(name string, texts ...string) {
	if len(texts) == 0 {
		return
	}
	from := len(r.values)
	for _, text := range texts {
		r.values = append(r.values, escapeValue(text))
	}
	r.msg.Header[name] = r.values[from:len(r.values):len(r.values)]
}

func (r *Room) setUnlessEmpty(name, text string) {
	if text != "" {
		r.set(name, text)
	}
}

// Decode is the inverse of [Delivery.Message] but for SignedID, which is not on the
// wire. It checks that the message is whole and agrees with its subject; that an
// ingress wrote it is for [Keys.Open] to say, first. A Webhook-* header that it
// does not know is left out: a newer ingress may write more. The delivery shares
// data. The error is a *DecodeError.
func Decode(subject string, h nats.Header, data []byte) (Delivery, error) {
	d := Delivery{Body: data}
	var received, first string
	for _, field := range []struct {
		name     string
		into     *string
		required bool
	}{
		{SourceHeader, &d.Source, true},
		{ProviderHeader, &d.Provider, true},
		{EndpointHeader, &d.Endpoint, true},
		{ReceivedAtHeader, &received, true},
		{SchemeHeader, &d.Scheme, true},
		{RequestIDHeader, &d.RequestID, false},
		{KeyIDHeader, &d.KeyID, false},
		{TraceparentHeader, &d.Traceparent, false},
		{QueryHeader, &d.Query, false},
		{FirstReceivedAtHeader, &first, false},
	} {
		if err := one(h, field.name, field.into); err != nil {
			return Delivery{}, err
		}
		if field.required && *field.into == "" {
			return Delivery{}, &DecodeError{field.name, "is missing"}
		}
	}
	if !isName(d.Source) || strings.ToLower(d.Source) != d.Source {
		return Delivery{}, &DecodeError{SourceHeader, "is not a source name"}
	}
	if !isName(d.Endpoint) {
		return Delivery{}, &DecodeError{EndpointHeader, "is not an endpoint name"}
	}
	if subject != Subject(d.Source, d.Endpoint) {
		return Delivery{}, &DecodeError{"", "is not that of the source and endpoint in the headers"}
	}
	var err error
	if d.ReceivedAt, err = moment(ReceivedAtHeader, received); err != nil {
		return Delivery{}, err
	}
	if first != "" {
		if d.FirstReceivedAt, err = moment(FirstReceivedAtHeader, first); err != nil {
			return Delivery{}, err
		}
	}
	if d.Header, err = kept(h); err != nil {
		return Delivery{}, err
	}
	return d, nil
}

// moment reads the time in a header.
func moment(header, text string) (time.Time, error) {
	at, err := time.Parse(receivedForm, text)
	if err != nil || at.Format(receivedForm) != text {
		return time.Time{}, &DecodeError{header, "is not RFC 3339 in UTC with nine decimals"}
	}
	return at, nil
}

// kept are the HTTP headers in h, nil where there are none.
func kept(h nats.Header) (textproto.MIMEHeader, error) {
	var all textproto.MIMEHeader
	for header, escaped := range h {
		name, isKept := strings.CutPrefix(header, keptPrefix)
		if !isKept || len(escaped) == 0 {
			continue
		}
		if name == "" {
			return nil, &DecodeError{header, "names no HTTP header"}
		}
		texts := make([]string, len(escaped))
		for i, v := range escaped {
			text, err := unescapeValue(v)
			if err != nil {
				return nil, &DecodeError{header, err.Error()}
			}
			texts[i] = text
		}
		if all == nil {
			all = make(textproto.MIMEHeader)
		}
		all[name] = texts
	}
	return all, nil
}

// one reads a header that may be there once, leaving *into alone where it is not.
func one(h nats.Header, name string, into *string) error {
	switch values := h[name]; len(values) {
	case 0:
		return nil
	case 1:
		text, err := unescapeValue(values[0])
		if err != nil {
			return &DecodeError{name, err.Error()}
		}
		*into = text
		return nil
	default:
		return &DecodeError{name, "is there more than once"}
	}
}
