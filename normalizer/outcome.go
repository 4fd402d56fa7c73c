package normalizer

import (
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// The streams that the normalizer writes.
const (
	paymentsStream    = "PAYMENTS"
	deadLettersStream = "DEADLETTERS"
)

// outcome is everything that comes of one delivery, on its way to be stored. The
// ordered stage owns it from publish until the raw message is settled.
type outcome struct {
	raw          *raw
	publications []*publication
	open         int           // publications that are not stored yet
	mapping      *[2]time.Time // when decoding began and mapping ended; nil where nothing is traced
}

func newOutcome(r *raw) *outcome {
	o := &outcome{raw: r}
	r.outcome = o
	return o
}

// publication is one message to store: an event, or a dead letter.
type publication struct {
	of     *outcome
	msg    *nats.Msg
	stream string // which must acknowledge it
	item   int    // 0-based, of the delivery

	key   string       // partitionkey; "" for a dead letter, which has no order
	event *event.Event // nil for a dead letter
	dead  *mapping.Dead
	room  *event.Room // memory of msg, until it is stored; nil where it is not used again

	unsure bool // it has failed before
	fate   fate
	times  *times // nil where nothing is traced
}

// fate is how a publication ended.
type fate int

const (
	unsettled fate = iota
	stored         // now
	duplicate      // an event that was stored before
	buried         // an event that could not be: a dead letter took its place
)

// addEvent adds an event and its encoded form.
func (o *outcome) addEvent(item int, e *event.Event, msg *nats.Msg) *publication {
	return o.add(&publication{msg: msg, stream: paymentsStream, item: item, key: e.PartitionKey, event: e})
}

// addDead adds a dead letter: of an item, or of the whole delivery as item 0.
func (o *outcome) addDead(item int, dead *mapping.Dead, version string) *publication {
	msg := deadLetter(o.raw, item, dead, version).Message()
	return o.add(&publication{msg: msg, stream: deadLettersStream, item: item, dead: dead})
}

// add adds a publication. Its stream is also what the server is told to expect.
func (o *outcome) add(p *publication) *publication {
	p.of = o
	p.msg.Header[jetstream.ExpectedStreamHeader] = expected[p.stream]
	o.publications = append(o.publications, p)
	o.open++
	return p
}

// expected are the values of the header that names the expected stream.
var expected = map[string][]string{paymentsStream: {paymentsStream}, deadLettersStream: {deadLettersStream}}

// verdict is how the raw message ends: "" is acked, a reason is terminated.
func (o *outcome) verdict() delivery.Reason {
	for _, p := range o.publications {
		if p.dead != nil {
			return p.dead.Reason
		}
	}
	return ""
}
