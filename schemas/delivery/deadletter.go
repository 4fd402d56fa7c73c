package delivery

import (
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

// The headers of a dead letter, besides the raw message's Webhook-* headers.
const (
	ReasonHeader            = "Deadletter-Reason"
	DeadSourceHeader        = "Deadletter-Source"
	StreamSequenceHeader    = "Deadletter-Stream-Sequence"
	DeliveriesHeader        = "Deadletter-Deliveries"
	NormalizerVersionHeader = "Deadletter-Normalizer-Version"
	PointerHeader           = "Deadletter-Pointer"

	deadSubjectRoot = "deadletters"
	noRawID         = "seq-" // then the stream sequence, in place of a raw message id
)

// DeadLetter is a delivery, or one item of it, that could not become an event: the
// body whole, why, and where from.
type DeadLetter struct {
	Reason            Reason
	Source            string      // second token of the raw subject, whatever it is
	StreamSequence    uint64      // of the raw message in its stream
	Deliveries        uint64      // how often the raw message had been delivered
	NormalizerVersion string      // of the program that gave up
	Pointer           string      // RFC 6901 JSON pointer into the body, never a value; "" is the whole body
	Item              int         // 0-based number of the item; 0 where the whole delivery is meant
	RawMessageID      string      // Nats-Msg-Id of the raw message; "" where it had none
	Raw               nats.Header // the raw message's headers, of which the Webhook-* are kept
	Body              []byte      // the body as received
}

// Subject is where l is published: "deadletters.<source>.<reason>", the source as
// one escaped token.
func (l DeadLetter) Subject() string {
	b := append(make([]byte, 0, 64), deadSubjectRoot+"."...)
	b = append(AppendToken(b, l.Source), '.')
	return string(append(b, l.Reason...))
}

// MessageID is l's Nats-Msg-Id: "<reason>/<raw message id>/<item, 4 digits>", so
// that a delivery that fails twice for one reason is one dead letter. Where the raw
// message has no id, or one that could be taken for a stand-in,
// "seq-<stream sequence>" stands in.
func (l DeadLetter) MessageID() string {
	raw := escapeValue(l.RawMessageID)
	if raw == "" || strings.HasPrefix(raw, noRawID) {
		raw = noRawID + strconv.FormatUint(l.StreamSequence, 10)
	}
	item := strconv.Itoa(l.Item)
	for len(item) < 4 {
		item = "0" + item
	}
	return string(l.Reason) + "/" + raw + "/" + item
}

// Message encodes l; it shares l's body. The raw headers are as they were on the
// wire, seal included. Headers that NATS cannot carry are not an ingress's: their
// values are escaped as [Delivery.Message] escapes, and those with such a name are
// left out.
func (l DeadLetter) Message() *nats.Msg {
	msg := &nats.Msg{Subject: l.Subject(), Header: make(nats.Header, len(l.Raw)+7), Data: l.Body}
	for name, values := range l.Raw {
		if !strings.HasPrefix(name, prefix) || !isHeaderName(name) {
			continue
		}
		for _, value := range values {
			if !survives(value) {
				value = escapeValue(value)
			}
			msg.Header.Add(name, value)
		}
	}
	msg.Header.Set(MessageIDHeader, l.MessageID())
	msg.Header.Set(ReasonHeader, string(l.Reason))
	msg.Header.Set(DeadSourceHeader, escapeValue(l.Source))
	msg.Header.Set(StreamSequenceHeader, strconv.FormatUint(l.StreamSequence, 10))
	msg.Header.Set(DeliveriesHeader, strconv.FormatUint(l.Deliveries, 10))
	msg.Header.Set(NormalizerVersionHeader, escapeValue(l.NormalizerVersion))
	msg.Header.Set(PointerHeader, escapeValue(l.Pointer))
	return msg
}

// DecodeDeadLetter is the inverse of [DeadLetter.Message]. The dead letter shares
// data. The error is a *DecodeError.
func DecodeDeadLetter(subject string, h nats.Header, data []byte) (DeadLetter, error) {
	l := DeadLetter{Body: data, Raw: make(nats.Header)}
	var reason, sequence, deliveries, id string
	for _, field := range []struct {
		name string
		into *string
	}{
		{ReasonHeader, &reason},
		{DeadSourceHeader, &l.Source},
		{StreamSequenceHeader, &sequence},
		{DeliveriesHeader, &deliveries},
		{NormalizerVersionHeader, &l.NormalizerVersion},
		{PointerHeader, &l.Pointer},
	} {
		if len(h[field.name]) == 0 {
			return DeadLetter{}, &DecodeError{field.name, "is missing"}
		}
		if err := one(h, field.name, field.into); err != nil {
			return DeadLetter{}, err
		}
	}
	if l.Reason = Reason(reason); !l.Reason.Valid() {
		return DeadLetter{}, &DecodeError{ReasonHeader, "is not a reason of dead letters"}
	}
	if subject != l.Subject() {
		return DeadLetter{}, &DecodeError{"", "is not that of the source and reason in the headers"}
	}
	var err error
	if l.StreamSequence, err = strconv.ParseUint(sequence, 10, 64); err != nil {
		return DeadLetter{}, &DecodeError{StreamSequenceHeader, "is not a number"}
	}
	if l.Deliveries, err = strconv.ParseUint(deliveries, 10, 64); err != nil {
		return DeadLetter{}, &DecodeError{DeliveriesHeader, "is not a number"}
	}
	if len(h[MessageIDHeader]) == 1 {
		id = h[MessageIDHeader][0]
	}
	if err := l.splitMessageID(id); err != nil {
		return DeadLetter{}, err
	}
	for name, values := range h {
		if strings.HasPrefix(name, prefix) {
			l.Raw[name] = values
		}
	}
	return l, nil
}

// splitMessageID takes the raw message id and the item out of a dead letter's own id.
func (l *DeadLetter) splitMessageID(id string) error {
	rest, ours := strings.CutPrefix(id, string(l.Reason)+"/")
	slash := strings.LastIndexByte(rest, '/')
	if !ours || slash < 0 {
		return &DecodeError{MessageIDHeader, "is not <reason>/<raw message id>/<item>"}
	}
	item, err := strconv.ParseUint(rest[slash+1:], 10, 31)
	if err != nil {
		return &DecodeError{MessageIDHeader, "does not end in an item number"}
	}
	l.Item = int(item)
	if raw := rest[:slash]; !strings.HasPrefix(raw, noRawID) {
		if l.RawMessageID, err = unescapeValue(raw); err != nil {
			return &DecodeError{MessageIDHeader, err.Error()}
		}
	}
	if l.MessageID() != id {
		return &DecodeError{MessageIDHeader, "is not <reason>/<raw message id>/<item>"}
	}
	return nil
}
