package ingress

import (
	"math"
	"time"
)

// pace says whether messages leave each by itself, or gather for atomic batches. A
// batch costs much by itself and little for each message; a single message costs what
// the server needs to store and, where it syncs before it acknowledges, to sync it.
// Which way is faster depends on the disk, on how many wait, and on who else needs the
// processors, so it is not computed but tried: what is stored in a second goes before
// what should be. Now and then, under load, the other way is taken for some 50 ms, and
// kept where it stores a tenth more. One bad measurement, as when a disk stalls, costs
// half a second of the slower way. The caller has the clock and the lock.
type pace struct {
	gathers bool // messages gather for batches
	sure    bool // because both ways were tried, or the other has nothing to promise
	trying  bool // only until it is known whether it is faster

	single time.Duration // what a message by itself adds, when many are on their way; 0 until it is known
	fixed  time.Duration // what a batch takes besides its messages
	sent   time.Time     // the batch that is under way

	// The measurement: it begins with the first outcome of a way, which ends what was
	// left of the other.
	begun   bool
	since   time.Time
	stored  int // messages since then
	present int // the sum, over these, of how many were in hand when they were stored
	batches int
	alone   int // messages by themselves in a trial of batches, before its first one left

	each    time.Duration // what a message took in the last measurement that was no trial
	level   int           // how many were in hand at the last trial
	pause   int           // measurements from one trial to the next
	elapsed int           // measurements since the last trial

	restUntil time.Time // no batch before then
	rest      time.Duration
}

const (
	perMessage   = 20 * time.Microsecond // what a message adds to a batch
	firstFixed   = 2 * time.Millisecond
	firstAtATime = 20 // by themselves, while it is not sure that this is best: enough to be fast, few to wait for
	leastAtATime = 3  // where each waits for a slow disk
	mostAtATime  = 64

	measureFor = 50 * time.Millisecond // and
	measureAt  = 32                    // messages at least
	hopelessAt = 16                    // messages, or two batches, after which half as fast is slow enough
	busy       = 8                     // with fewer in hand it is not the server that is measured

	firstPause   = 10  // measurements under load, after a change of ways: half a second; doubled
	longestPause = 320 // by each trial that changes nothing
	unlikely     = 80  // at the least, where the other way took twice as long when it was last taken

	restRejected = 20 * time.Millisecond // after a batch that was rejected, doubled each time
	longestRest  = 5 * time.Second
)

// newPace is one that nothing is known to.
func newPace() pace { return pace{fixed: firstFixed, pause: firstPause / 2} }

// atATime is how many messages may be on their way by themselves while others gather,
// and whether these may leave as a batch.
func (p *pace) atATime(now time.Time) (n int, batch bool) {
	switch {
	case p.gathers && now.Before(p.restUntil), !p.gathers && p.sure && !p.trying:
		return math.MaxInt, false
	case !p.gathers:
		return firstAtATime, false
	}
	// As many as cost by themselves what their batch would cost.
	saved := max(p.single-perMessage, perMessage/2)
	return min(max(leastAtATime, int(p.fixed/saved)), mostAtATime), true
}

// acked notes the acknowledgement of a message that was sent by itself, one of those
// in hand.
func (p *pace) acked(now time.Time, inHand int) {
	switch {
	case p.begun || !p.gathers:
		p.count(now, 1, inHand)
	case p.trying && p.sent.Before(p.since):
		// Those on their way when a trial of batches begins come before its first batch, and
		// few others. Where many do, what gathers never suffices for one.
		if p.alone++; p.alone > 2*p.level+measureAt && now.Sub(p.since) >= measureFor {
			p.giveUp(now)
		}
	}
}

// gathered notes that a batch leaves.
func (p *pace) gathered(now time.Time) { p.sent = now }

// batched notes that a batch of n is stored.
func (p *pace) batched(now time.Time, n, inHand int) {
	took := now.Sub(p.sent) - time.Duration(n)*perMessage
	p.fixed += (max(took, 0) - p.fixed) / 8
	p.rest = 0
	p.batches++
	p.count(now, n, inHand)
}

// rejected notes that a batch was refused, so that its messages are on their way by
// themselves.
func (p *pace) rejected(now time.Time) {
	p.rest = min(max(2*p.rest, restRejected), longestRest)
	p.restUntil = now.Add(p.rest)
	p.idle()
}

// failed notes that nobody knows what became of a batch.
func (p *pace) failed() { p.idle() }

// idle notes that what is measured was interrupted: nothing is in hand, or something
// went wrong.
func (p *pace) idle() {
	if p.trying {
		p.gathers, p.trying = !p.gathers, false
	}
	p.begun = false
}

// begin begins a measurement now, or with the next outcome.
func (p *pace) begin(now time.Time, begun bool) {
	p.begun, p.since, p.stored, p.present, p.batches = begun, now, 0, 0, 0
}

// count adds n stored messages to the measurement and ends it when it is long enough.
func (p *pace) count(now time.Time, n, inHand int) {
	if !p.begun {
		p.begin(now, true)
		return
	}
	p.stored += n
	p.present += n * inHand
	took := now.Sub(p.since)
	each := took / time.Duration(p.stored)
	if p.trying && p.stored >= hopelessAt && p.batches != 1 && each > 2*p.each {
		p.judge(now, each)
		return
	}
	if took < measureFor || p.stored < measureAt {
		return
	}
	inHand = p.present / p.stored
	switch {
	case inHand < busy:
		p.idle()
	case p.trying:
		p.judge(now, each)
	default:
		p.measured(now, each, inHand)
	}
}

// measured notes what a message took by the way that is gone, and tries the other one
// where it is time.
func (p *pace) measured(now time.Time, each time.Duration, inHand int) {
	if !p.gathers {
		p.single = each
	}
	p.each = each
	p.elapsed++
	due := !p.sure || p.elapsed >= p.pause || inHand > 2*p.level || 2*inHand < p.level
	switch {
	case p.gathers && p.batches == 0: // few in hand go by themselves either way
	case !p.gathers && !p.promises(inHand):
		p.sure = true
	case p.gathers && 2*each < p.single && p.elapsed < unlikely: // a trial costs a slow disk a tenth of a second
	case due:
		p.gathers, p.trying = !p.gathers, true
		p.level, p.elapsed, p.alone = inHand, 0, 0
		p.begin(now, false)
		return
	}
	p.begin(now, true)
}

// promises says whether a batch of all that is in hand would be a tenth faster.
func (p *pace) promises(inHand int) bool {
	return 10*(p.fixed/time.Duration(inHand)+perMessage) < 9*p.single
}

// judge ends a trial: each is what a message took in it.
func (p *pace) judge(now time.Time, each time.Duration) {
	if !p.gathers {
		p.single = each
	}
	if 11*each >= 10*p.each {
		p.giveUp(now)
		return
	}
	p.pause = firstPause
	p.settle(now)
}

// giveUp ends a trial that shows nothing better.
func (p *pace) giveUp(now time.Time) {
	p.gathers = !p.gathers
	p.pause = min(2*p.pause, longestPause)
	p.settle(now)
}

// settle ends a trial: what is taken now is kept.
func (p *pace) settle(now time.Time) {
	p.sure, p.trying = true, false
	p.begin(now, false)
}
