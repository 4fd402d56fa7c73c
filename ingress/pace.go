package ingress

import (
	"math"
	"time"
)

// pace says when gathering messages for an atomic batch is faster than sending each by
// itself. A batch costs much by itself and little for each message; a single message
// costs what the server needs to store and, where it syncs before it acknowledges, to
// sync it. Both are measured while they happen, so that a fast disk, a slow one and
// one that is never waited for all get what suits them. The caller has the clock and
// the lock.
type pace struct {
	single time.Duration // of one message by itself, when many are on their way; 0 until it is known
	fixed  time.Duration // of a batch, besides its messages

	since time.Time // of the acknowledgements below, or of the batch that is under way
	acks  int
	batch bool // a batch is under way

	restUntil time.Time // no batch before then
	rest      time.Duration
}

const (
	perMessage   = 20 * time.Microsecond // what a message adds to a batch
	firstFixed   = 2 * time.Millisecond
	firstAtATime = 20 // until singles are measured
	leastAtATime = 6  // batches of fewer never pay

	ackWindow = 16 // acknowledgements in one measurement
	busy      = 8  // with fewer on their way it is not the server that is measured

	leastRest   = 20 * time.Millisecond // after a batch that was rejected; doubled each time
	longestRest = 10 * time.Second
)

// atATime is how many messages are sent by themselves before the others gather.
func (p *pace) atATime(now time.Time) int {
	switch saved := p.single - perMessage; {
	case now.Before(p.restUntil):
		return math.MaxInt
	case p.single == 0:
		return firstAtATime
	case saved < perMessage/2:
		return math.MaxInt
	default:
		return max(leastAtATime, int(p.fixed/saved))
	}
}

// started notes that a message is on its way by itself, the only one.
func (p *pace) started(now time.Time) { p.since, p.acks = now, 0 }

// acked notes the acknowledgement of a message that was sent by itself, one of
// onTheWay. While a batch is under way, it is one that was before the batch.
func (p *pace) acked(now time.Time, onTheWay int) {
	if p.batch {
		p.since = now
		return
	}
	if p.acks++; p.acks < ackWindow {
		return
	}
	if onTheWay >= busy {
		p.single = smooth(p.single, now.Sub(p.since)/ackWindow)
	}
	p.since, p.acks = now, 0
}

// gathered notes that a batch leaves.
func (p *pace) gathered(now time.Time) { p.since, p.batch = now, true }

// ended notes that the batch is not under way any more.
func (p *pace) ended(now time.Time) (took time.Duration) {
	took = now.Sub(p.since)
	p.since, p.acks, p.batch = now, 0, false
	return took
}

// batched notes that a batch of n is stored.
func (p *pace) batched(now time.Time, n int) {
	took := p.ended(now)
	p.fixed = smooth(p.fixed, max(took-time.Duration(n)*perMessage, 0))
	p.rest = 0
}

// rejected notes that a batch was refused, so that its messages are on their way by
// themselves.
func (p *pace) rejected(now time.Time) {
	p.ended(now)
	p.rest = min(max(2*p.rest, leastRest), longestRest)
	p.restUntil = now.Add(p.rest)
}

// failed notes that nobody knows what became of a batch.
func (p *pace) failed(now time.Time) { p.ended(now) }

// smooth is the moving average; the first value starts it.
func smooth(average, value time.Duration) time.Duration {
	if average == 0 {
		return value
	}
	return average + (value-average)/8
}
