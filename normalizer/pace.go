package normalizer

import (
	"math"
	"time"
)

// pace says when publications leave as atomic batches. A batch costs the server much by
// itself and little for each message; a single message costs what it takes to store it
// and, where the server syncs before it acknowledges, a sync of its own. Whether a disk
// is fast, slow, or never waited for is found out by trying: when singles fall behind,
// batches are sent for a moment, and go on only if clearly more is stored in a second.
// The ordered stage's goroutine owns it and has the clock.
type pace struct {
	least  int           // with fewer under way by themselves nothing gathers
	single time.Duration // between the PubAcks of singles, when many are under way
	fixed  time.Duration // of a batch, besides its messages

	since time.Time // of the PubAcks below; zero while few are under way
	acks  int

	behind bool          // singles have filled the window, so batches are worth a try
	pays   bool          // the latest judgement
	again  time.Time     // when singles are measured again
	trust  time.Duration // how long until then

	gathering time.Time // since when one batch follows the other; zero where none does
	stored    int       // since then
	batches   int       // since then
	answered  time.Time // the latest answer to a batch
	useless   int       // judgements in a row that batches do not pay

	restUntil time.Time // no batch before then
	rest      time.Duration
}

const (
	firstLeast = 8
	perMessage = 20 * time.Microsecond // about what a message adds to a batch

	leastSingle = 60 * time.Microsecond // what takes no longer is not synced, and batches are not worth a try

	busy        = 8 // with fewer under way it is not the server that is measured
	sampleAcks  = 64
	sampleTime  = 100 * time.Millisecond
	sampleAgain = 25 * time.Millisecond
	leastTrust  = 250 * time.Millisecond // how long a judgement holds until singles are measured again, doubled each time
	mostTrust   = 10 * time.Second
	whileSample = 128 // under way then

	judgeAfter   = 40 * time.Millisecond // of batches that follow each other
	judgeBatches = 4
	twice        = 2 // judgements in a row: a machine has other things to do now and then

	restRejected = 20 * time.Millisecond // after a batch that was rejected, doubled each time
	restUseless  = time.Second           // after batches that did not pay, likewise
	longestRest  = 30 * time.Second
)

// atATime is how many may be under way by themselves while others gather, and whether
// these may leave as a batch.
func (p *pace) atATime(now time.Time) (n int, batch bool) {
	switch {
	case p.single < leastSingle, now.Before(p.restUntil), !p.behind && !p.pays:
		return math.MaxInt, false
	case p.pays && p.gathering.IsZero() && now.After(p.again):
		return whileSample, false
	}
	return max(p.least, int(p.fixed/p.single)), true
}

// underWay is what has been sent and not been answered.
type underWay struct {
	singles, batches int
	full             bool // singles fill the window, and more wait
}

// sent notes what is under way when all has been sent that may be.
func (p *pace) sent(now time.Time, u underWay) {
	switch {
	case u.singles < busy:
		p.since, p.acks = time.Time{}, 0
	case p.since.IsZero():
		p.since, p.acks = now, 0
	}
	if u.batches == 0 {
		p.gathering = time.Time{} // what comes is stored as fast as it comes, which says nothing
	}
	p.behind = u.full || p.behind && u.singles+u.batches > 0
}

// acked notes the PubAck of a single. They come in bursts, so that only a long time
// says how many come in a second.
func (p *pace) acked(now time.Time) {
	p.stored++
	p.acks++
	if p.since.IsZero() {
		return
	}
	took := now.Sub(p.since)
	switch {
	case p.pays && p.acks >= sampleAcks && took >= sampleAgain:
		p.single = (p.single + took/time.Duration(p.acks)) / 2
		p.trust = min(2*p.trust, mostTrust)
		p.again = now.Add(p.trust)
		p.since, p.acks = now, 0
	case !p.pays && p.acks >= sampleAcks && took >= sampleTime:
		p.single = took / time.Duration(p.acks)
		if took >= 4*sampleTime { // the older half counts no more
			p.since, p.acks = now.Add(-took/2), p.acks/2
		}
	}
}

// gathered notes that a batch leaves.
func (p *pace) gathered(now time.Time) {
	p.since, p.acks = time.Time{}, 0 // what is acknowledged from now on has waited for it
	if p.gathering.IsZero() {
		p.gathering, p.stored, p.batches, p.answered = now, 0, 0, now
	}
}

// batched notes that a batch of n is stored, and judges whether batches pay.
func (p *pace) batched(now time.Time, n int) {
	took := now.Sub(p.answered)
	p.answered = now
	p.fixed += (max(took-time.Duration(n)*perMessage, 0) - p.fixed) / 4
	p.stored += n
	p.batches++
	length := now.Sub(p.gathering)
	if p.gathering.IsZero() || length < judgeAfter || p.batches < judgeBatches {
		return
	}
	cost := length / time.Duration(p.stored)
	p.gathering, p.stored, p.batches = now, 0, 0
	if cost*5/4 <= p.single {
		if !p.pays {
			p.trust, p.again = leastTrust, now.Add(leastTrust)
		}
		p.pays, p.useless, p.rest = true, 0, 0
		if now.After(p.again) {
			p.gathering = time.Time{} // singles are measured again
		}
		return
	}
	if p.useless++; p.useless >= twice {
		p.pays, p.useless = false, 0
		p.takeRest(now, restUseless)
	}
}

// rejected notes that a batch was refused, so that its messages go by themselves.
func (p *pace) rejected(now time.Time) { p.takeRest(now, restRejected) }

func (p *pace) takeRest(now time.Time, least time.Duration) {
	p.rest = min(max(2*p.rest, least), longestRest)
	p.restUntil = now.Add(p.rest)
	p.gathering = time.Time{}
}
