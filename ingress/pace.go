package ingress

import (
	"math"
	"time"
)

// pace says when gathering messages for an atomic batch is faster than sending each by
// itself. A batch costs much by itself and little for each message; a single message
// costs what the server needs to store and, where it syncs before it acknowledges, to
// sync it. Both are measured while they happen, and whether gathering pays is judged by
// what is stored in a second: a fast disk, a slow one, one that is never waited for and
// a machine that has no time to spare all get what suits them. The caller has the clock
// and the lock.
type pace struct {
	single time.Duration // a message by itself, when many are on their way; 0 until it is known
	fixed  time.Duration // a batch, besides its messages

	since time.Time // of the acknowledgements below, or of the batch that is under way
	acks  int       // of messages that were sent by themselves
	batch bool      // a batch is under way

	gathering time.Time // since when batches are sent under load; zero where they are not
	stored    int       // messages since then, however they were sent
	useless   int       // how often in a row gathering did not pay
	measured  time.Time // when single was last measured
	measure   bool      // no batch until it is measured again

	restUntil time.Time // no batch before then
	rest      time.Duration
}

const (
	perMessage   = 20 * time.Microsecond // what a message adds to a batch
	firstFixed   = 2 * time.Millisecond
	firstAtATime = 20 // until singles are measured, and while they are measured again
	leastAtATime = 6  // batches of fewer never pay

	ackWindow = 16 // acknowledgements in one measurement
	busy      = 8  // with fewer on their way it is not the server that is measured

	judgeAfter    = 50 * time.Millisecond // of gathering
	enoughUseless = 3                     // judgements in a row: a machine has other things to do now and then
	measureAfter  = 10 * time.Second      // single, which is rarely sent while batches are

	restRejected = 20 * time.Millisecond // after a batch that was rejected, doubled each time
	restUseless  = time.Second           // after gathering that did not pay, likewise
	longestRest  = 30 * time.Second
)

// atATime is how many messages may be on their way by themselves while others gather,
// and whether these may leave as a batch.
func (p *pace) atATime(now time.Time) (n int, batch bool) {
	switch saved := p.single - perMessage; {
	case now.Before(p.restUntil):
		return math.MaxInt, false
	case p.single == 0, p.measure:
		return firstAtATime, false
	case saved < perMessage/2:
		return math.MaxInt, false
	default:
		return max(leastAtATime, int(p.fixed/saved)), true
	}
}

// started notes that a message is on its way by itself, the only one.
func (p *pace) started(now time.Time) { p.since, p.acks = now, 0 }

// acked notes the acknowledgement of a message that was sent by itself, one of
// onTheWay. While a batch is under way, it is one that was before the batch.
func (p *pace) acked(now time.Time, onTheWay int) {
	p.stored++
	if p.batch {
		p.since = now
		return
	}
	if p.acks++; p.acks < ackWindow {
		return
	}
	if onTheWay >= busy {
		p.single = smooth(p.single, now.Sub(p.since)/ackWindow)
		p.measured, p.measure = now, false
	}
	p.since, p.acks = now, 0
}

// gathered notes that a batch leaves.
func (p *pace) gathered(now time.Time) {
	p.since, p.batch = now, true
	if p.gathering.IsZero() {
		p.gathering, p.stored = now, 0
	}
}

// batched notes that a batch of n is stored, and judges whether gathering pays.
func (p *pace) batched(now time.Time, n int) {
	took := p.ended(now)
	p.fixed = smooth(p.fixed, max(took-time.Duration(n)*perMessage, 0))
	p.stored += n
	length := now.Sub(p.gathering)
	if length < judgeAfter {
		return
	}
	paid := length/time.Duration(p.stored) <= p.single
	p.gathering, p.stored = now, 0
	if p.useless++; paid {
		p.useless, p.rest = 0, 0
	}
	if p.useless >= enoughUseless {
		p.useless = 0
		p.takeRest(now, restUseless)
		return
	}
	p.measure = now.Sub(p.measured) > measureAfter
}

// rejected notes that a batch was refused, so that its messages are on their way by
// themselves.
func (p *pace) rejected(now time.Time) {
	p.ended(now)
	p.takeRest(now, restRejected)
}

// failed notes that nobody knows what became of a batch.
func (p *pace) failed(now time.Time) { p.ended(now) }

// idle notes that nothing is on its way or gathered: it is not the server that is
// waited for.
func (p *pace) idle() { p.gathering, p.measure = time.Time{}, false }

func (p *pace) ended(now time.Time) (took time.Duration) {
	took = now.Sub(p.since)
	p.since, p.acks, p.batch = now, 0, false
	return took
}

func (p *pace) takeRest(now time.Time, least time.Duration) {
	p.rest = min(max(2*p.rest, least), longestRest)
	p.restUntil = now.Add(p.rest)
	p.gathering = time.Time{}
}

// smooth is the moving average; the first value starts it.
func smooth(average, value time.Duration) time.Duration {
	if average == 0 {
		return value
	}
	return average + (value-average)/8
}
