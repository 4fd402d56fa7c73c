package normalizer

import (
	"context"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"

	"paybridge/schemas/delivery"
)

// raw is one message of the raw stream while it is in hand. It is also the context
// of its Watermill message: done when the message is settled or given up, with the
// subscription's values.
type raw struct {
	parent context.Context
	from   *subscription // that has it in hand

	msg       *nats.Msg
	number    uint64    // order in which the subscription gave it out, from 0
	sequence  uint64    // in the raw stream
	delivered uint64    // how often it was given to a worker, this time included
	stored    time.Time // by the stream's clock
	taken     time.Time // when it came into hand, by ours
	size      int       // bytes that it counts for

	delivery delivery.Delivery // once its seal is opened
	outcome  *outcome          // once it is on its way out
	verdict  delivery.Reason   // "": ack it; else terminate it, its dead letter is stored

	settled chan error    // nil when its outcome is stored, else why it is to be tried again
	done    chan struct{} // closed when it is in hand no more
}

// overhead is what a message counts for besides its body: headers and bookkeeping.
const overhead = 1024

func newRaw(parent context.Context, msg *nats.Msg, now time.Time) (*raw, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, fmt.Errorf("message without JetStream's reply subject: %w", err)
	}
	return &raw{
		parent:    parent,
		msg:       msg,
		sequence:  meta.Sequence.Stream,
		delivered: meta.NumDelivered,
		stored:    meta.Timestamp,
		taken:     now,
		size:      len(msg.Data) + overhead,
		settled:   make(chan error, 1),
		done:      make(chan struct{}),
	}, nil
}

// settle says how the attempt has ended. Only the first word counts.
func (r *raw) settle(err error) {
	select {
	case r.settled <- err:
	default:
	}
}

// sealed says that an ingress wrote the message: its seal has been opened.
func (r *raw) sealed() bool { return r.delivery.Source != "" }

// suspect says that the message was given to a worker before, who crashed, or lost
// the connection, or whose ack was lost.
func (r *raw) suspect() bool { return r.delivered > 1 }

// id is the raw message's Nats-Msg-Id, "" where it has none.
func (r *raw) id() string {
	if values := r.msg.Header[nats.MsgIdHdr]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// rawKey finds a raw in its own context, whatever Watermill wraps around it.
type rawKey struct{}

// inHand is the raw message behind a Watermill message of our subscriber.
func inHand(m *message.Message) *raw {
	r, _ := m.Context().Value(rawKey{}).(*raw)
	return r
}

// Deadline, Done, Err and Value make raw a context.
func (r *raw) Deadline() (time.Time, bool) { return time.Time{}, false }

func (r *raw) Done() <-chan struct{} { return r.done }

func (r *raw) Err() error {
	select {
	case <-r.done:
		return context.Canceled
	default:
		return nil
	}
}

func (r *raw) Value(key any) any {
	if key == (rawKey{}) {
		return r
	}
	return r.parent.Value(key)
}
