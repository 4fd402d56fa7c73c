// Package normalizer turns raw deliveries into events: consume, decode, map,
// publish.
//
// # The promise
//
// Every delivery of the raw stream ends as events, as duplicates of events that
// are stored, or as dead letters, and is acknowledged only when all of that has
// its PubAck. Within the duplicate window each event is stored once, however often
// its delivery is repeated, redelivered, or half done when a worker dies. Events
// of one payment are published in the order of the raw stream, one after the
// other, as long as nothing is redelivered or dead-lettered.
//
// What can never become an event becomes a dead letter, at once. What cannot be
// stored now is held and tried again, in place, for as long as it takes: nothing
// more is pulled meanwhile, and the normalizer is not ready. It is never handed
// back, so the server's delivery count counts crashes and lost acks and nothing
// else.
//
// # The way of a delivery
//
//	consume.go     pull, number, hold           one goroutine
//	router.go      workers, dead letters, panics, crashes, seals
//	normalize.go   the story: decode.go, map.go  one goroutine for each core
//	order.go       raw order, one under way per payment, hundreds in all; settle.go
//	send.go        by themselves or in atomic batches, as pace.go finds faster
//	publish.go     the bus: batch.go, inbox.go
//	receipt.go     one line for everything that is stored
//
// # Ack, term and retry later
//
// Watermill knows two words for the end of a message, JetStream more. This is how
// they travel.
//
//   - Ack, when the raw message has no verdict, is JetStream's ack. When the ordered stage
//     has every PubAck and the receipt is written, a worker tells the server; then the
//     outermost middleware acks, and the handler returns.
//   - Ack, when the raw message has a verdict, is TermWithReason with that reason.
//     The ordered stage sets it when a dead letter is among what it has stored. So a
//     message is terminated after its dead letter's PubAck and never before.
//   - Nack is "later": the message rests in hand and is given out again, with the
//     same number, without a word to the server. Nothing in this package needs it
//     while it runs; at shutdown it leaves the message as it is.
//   - In between the server is told InProgress of everything in hand, so that it
//     gives none of it to another worker.
//   - What is in hand when the subscription ends is left unacknowledged. Another
//     worker gets it when the server's patience ends.
package normalizer

import (
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
)

// normalize is the story of one delivery, which is known to be an ingress's by now:
// find its pack, decode it, map it, and hand what came of it to the ordered stage.
// What cannot go on has a reason, as a *mapping.Dead. The middleware around it
// waits until everything is stored.
func (n *Normalizer) normalize(publish func(*outcome) error) message.NoPublishHandlerFunc {
	return func(m *message.Message) error {
		r := inHand(m)
		began := n.now()
		pack, err := n.pack(&r.delivery)
		if err != nil {
			return err
		}
		doc, err := decode(pack, r)
		if err != nil {
			return err
		}
		o, err := n.mapped(pack, doc, r)
		if err != nil {
			return err
		}
		ended := n.now()
		n.metrics.mapping.Observe(ended.Sub(began).Seconds())
		if n.Tracer != nil {
			o.mappedIn(began, ended)
		}
		return publish(o)
	}
}

// pack is what understands a delivery. The error is a *mapping.Dead: nothing here
// does, and trying again changes nothing.
func (n *Normalizer) pack(d *delivery.Delivery) (Mapper, error) {
	if m, ok := n.inForce.Load().programs[Pack{d.Source, d.Provider}]; ok {
		return m, nil
	}
	return nil, &mapping.Dead{
		Reason:  delivery.MappingFailed,
		Problem: fmt.Sprintf("no source %s of provider %s is configured here: add it to sources, then redrive", d.Source, d.Provider),
	}
}
