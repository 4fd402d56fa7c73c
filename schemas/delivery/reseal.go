package delivery

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Reseal is a stored message as one that is received at another moment, sealed with
// the first of keys: how a delivery comes into another environment, where a copy is
// refused for its age. Its message id and all that is known about the request stay; when
// the request came first is kept in Webhook-First-Received-At, once and for all, so
// that its signature verifies still. What is not a delivery's header is left out.
//
// It does not say whether the old seal opens: whoever calls it has made sure that the
// delivery is authentic. The message shares data. The error is a *DecodeError.
func Reseal(subject string, h nats.Header, data []byte, at time.Time, keys Keys) (*nats.Msg, error) {
	d, err := Decode(subject, h, data)
	if err != nil {
		return nil, err
	}
	msg := &nats.Msg{Subject: subject, Header: make(nats.Header, len(h)+2), Data: data}
	for name, values := range h {
		if !strings.HasPrefix(name, prefix) && name != MessageIDHeader {
			continue
		}
		// What comes from a file may hold what no stream would have stored, and what
		// changes on its way would break the new seal.
		if !isHeaderName(name) {
			return nil, &DecodeError{name, "is not a name that a stream keeps"}
		}
		if slices.ContainsFunc(values, func(v string) bool { return !survives(v) }) {
			return nil, &DecodeError{name, "has a value that a stream would change"}
		}
		msg.Header[name] = slices.Clone(values)
	}
	if ids := msg.Header[MessageIDHeader]; len(ids) != 1 || ids[0] == "" {
		return nil, &DecodeError{MessageIDHeader, "has to be there once"}
	}
	msg.Header[FirstReceivedAtHeader] = []string{d.SignedAt().UTC().Format(receivedForm)}
	msg.Header[ReceivedAtHeader] = []string{at.UTC().Format(receivedForm)}
	delete(msg.Header, SealHeader)
	if len(keys) > 0 {
		msg.Header[SealHeader] = []string{keys[0].seal(subject, msg.Header, sha256.Sum256(data))}
	}
	return msg, nil
}
