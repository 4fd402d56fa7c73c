package ingress

import (
	"math"
	"testing"
	"time"
)

// walk is a pace with a clock that the test moves.
type walk struct {
	pace
	t   *testing.T
	now time.Time
}

func newWalk(t *testing.T) *walk {
	return &walk{pace: pace{fixed: firstFixed}, t: t, now: time.Unix(1_700_000_000, 0)}
}

// singles has n messages acknowledged, one after each interval, under load.
func (w *walk) singles(n int, each time.Duration) {
	w.started(w.now)
	for range n {
		w.now = w.now.Add(each)
		w.acked(w.now, 50)
	}
}

// batches has a batch of size stored after took, again and again for a while, with
// nothing in between but an idle processor.
func (w *walk) batches(size int, took, pause, length time.Duration) {
	for end := w.now.Add(length); w.now.Before(end); w.now = w.now.Add(pause) {
		w.gathered(w.now)
		w.now = w.now.Add(took)
		w.batched(w.now, size)
	}
}

func (w *walk) expect(what string, n int, batch bool) {
	w.t.Helper()
	if gotN, gotBatch := w.atATime(w.now); gotN != n || gotBatch != batch {
		w.t.Errorf("%s: %d at a time, batches %v; want %d, %v", what, gotN, gotBatch, n, batch)
	}
}

func TestPaceMeasures(t *testing.T) {
	w := newWalk(t)
	w.expect("nothing is known", firstAtATime, false)
	w.singles(ackWindow-1, 120*time.Microsecond)
	w.expect("not enough is known", firstAtATime, false)
	w.singles(ackWindow, 120*time.Microsecond)
	w.expect("a sync of 0.1 ms", 20, true)
	w.singles(ackWindow*60, 25*time.Microsecond)
	w.expect("no sync", math.MaxInt, false)
	w.singles(ackWindow*60, 2*time.Millisecond)
	w.expect("a sync of 2 ms", leastAtATime, true)
	for range 60 {
		w.batches(100, 22*time.Millisecond, 0, time.Millisecond)
	}
	w.expect("and batches of 20 ms", 10, true)
}

// TestPaceIgnores has acknowledgements that say nothing of the server.
func TestPaceIgnores(t *testing.T) {
	w := newWalk(t)
	w.started(w.now)
	for range 10 * ackWindow {
		w.now = w.now.Add(time.Second)
		w.acked(w.now, busy-1)
	}
	w.expect("few are on their way", firstAtATime, false)
	w.singles(ackWindow, 100*time.Microsecond)
	w.gathered(w.now)
	w.now = w.now.Add(time.Second)
	w.acked(w.now, 50) // of a message that left before the batch
	w.now = w.now.Add(2*time.Millisecond + 50*perMessage)
	w.batched(w.now, 50)
	w.expect("the second before the batch began is not its own", 25, true)
}

func TestPaceJudges(t *testing.T) {
	w := newWalk(t)
	w.singles(ackWindow, 120*time.Microsecond)
	w.batches(50, 3*time.Millisecond, time.Millisecond, time.Second)
	w.expect("80 µs a message pay", 20, true)
	w.measured = w.now
	// The batches themselves are as fast, but the machine does less in a second.
	w.batches(50, 3*time.Millisecond, 7*time.Millisecond, 2*judgeAfter+20*time.Millisecond)
	w.expect("200 µs a message, not for long", 20, true)
	w.batches(50, 3*time.Millisecond, 7*time.Millisecond, 2*judgeAfter)
	w.expect("200 µs a message do not pay", math.MaxInt, false)
	w.now = w.now.Add(restUseless)
	w.expect("after a rest", 20, true)
	w.batches(50, 3*time.Millisecond, 7*time.Millisecond, 4*judgeAfter)
	w.now = w.now.Add(restUseless)
	w.expect("the next rest is longer", math.MaxInt, false)
	w.now = w.now.Add(restUseless)
	w.batches(50, 3*time.Millisecond, time.Millisecond, time.Second)
	w.rejected(w.now)
	w.expect("a batch was rejected", math.MaxInt, false)
	w.now = w.now.Add(restRejected)
	w.expect("success makes rests short again", 20, true)
	for range 20 {
		w.rejected(w.now)
	}
	if w.rest != longestRest {
		t.Errorf("rests for %v", w.rest)
	}
}

// TestPaceMeasuresAgain gathers for so long that nobody knows what singles cost now.
func TestPaceMeasuresAgain(t *testing.T) {
	w := newWalk(t)
	w.singles(ackWindow, 120*time.Microsecond)
	w.batches(50, 3*time.Millisecond, 0, measureAfter+judgeAfter)
	w.expect("measures again", firstAtATime, false)
	w.singles(ackWindow, 120*time.Microsecond)
	w.expect("has measured", 20, true)
	w.batches(50, 3*time.Millisecond, 0, measureAfter+judgeAfter)
	w.idle()
	w.expect("there is nothing to measure", 20, true)
	w.gathered(w.now)
	w.failed(w.now)
	if w.batch {
		t.Error("the batch that failed is still under way")
	}
}
