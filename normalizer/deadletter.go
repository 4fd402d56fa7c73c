package normalizer

import (
	"errors"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
)

// deadLetters is the middleware that turns a reason why a delivery cannot become an
// event into a dead letter, and returns when that is stored. Every other error
// passes: the delivery is tried again.
func deadLetters(publish func(*outcome) error, version string) message.HandlerMiddleware {
	return func(next message.HandlerFunc) message.HandlerFunc {
		return func(m *message.Message) ([]*message.Message, error) {
			produced, err := next(m)
			var dead *mapping.Dead
			if !errors.As(err, &dead) {
				return produced, err
			}
			o := newOutcome(inHand(m))
			o.addDead(0, dead, version)
			return nil, publish(o)
		}
	}
}

// deadLetter is the whole delivery with the reason why one of its items, or all of
// it, does not become an event.
func deadLetter(r *raw, item int, dead *mapping.Dead, version string) delivery.DeadLetter {
	return delivery.DeadLetter{
		Reason:            dead.Reason,
		Source:            subjectSource(r.msg.Subject),
		StreamSequence:    r.sequence,
		Deliveries:        r.delivered,
		NormalizerVersion: version,
		Pointer:           dead.Pointer,
		Item:              item,
		RawMessageID:      r.id(),
		Raw:               r.msg.Header,
		Body:              r.msg.Data,
	}
}

// subjectSource is the source that a raw subject names. Headers may say otherwise
// where nobody sealed them.
func subjectSource(subject string) string {
	_, rest, _ := strings.Cut(subject, ".")
	source, _, _ := strings.Cut(rest, ".")
	return source
}
