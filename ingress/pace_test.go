package ingress

import (
	"math"
	"testing"
	"time"
)

const us = time.Microsecond

// walk is a pace with a clock that the test moves.
type walk struct {
	pace
	t   *testing.T
	now time.Time
}

func newWalk(t *testing.T) *walk {
	return &walk{pace: newPace(), t: t, now: time.Unix(1_700_000_000, 0)}
}

// singles has messages of 60 in hand acknowledged, one after each interval, until the
// pace would have batches or n are.
func (w *walk) singles(n int, each time.Duration) {
	for range n {
		w.now = w.now.Add(each)
		if w.acked(w.now, 60); w.gathers {
			return
		}
	}
}

// batches has a batch of 60 stored after took, with a pause in between in which the
// processor does other things, until the pace would have singles or n are.
func (w *walk) batches(n int, took, pause time.Duration) {
	for range n {
		w.gathered(w.now)
		w.now = w.now.Add(took)
		if w.batched(w.now, 60, 60); !w.gathers {
			return
		}
		w.now = w.now.Add(pause)
	}
}

// gathering is a walk whose batches were tried and found faster than singles of 200 µs.
func gathering(t *testing.T) *walk {
	t.Helper()
	w := newWalk(t)
	w.singles(1000, 200*us)
	w.batches(20, 3200*us, 1000*us)
	if !w.gathers || !w.sure || w.trying {
		t.Fatalf("%+v", w.pace)
	}
	return w
}

func (w *walk) expect(what string, n int, batch bool) {
	w.t.Helper()
	if gotN, gotBatch := w.atATime(w.now); gotN != n || gotBatch != batch {
		w.t.Errorf("%s: %d at a time, batches %v; want %d, %v", what, gotN, gotBatch, n, batch)
	}
}

func TestPaceTriesBatches(t *testing.T) {
	w := newWalk(t)
	w.expect("nothing is known", firstAtATime, false)
	w.singles(measureAt, 120*us)
	w.expect("not enough is known", firstAtATime, false)
	w.singles(1000, 200*us)
	w.expect("a trial of batches", 11, true)
	w.batches(20, 3200*us, 1000*us)
	w.expect("they are faster", 11, true)
	w.batches(60*firstPause, 3200*us, 1000*us)
	w.expect("singles were twice as slow", 11, true)
	w.batches(60*firstPause, 3200*us, 1000*us)
	w.expect("a trial of singles", firstAtATime, false)
	w.singles(1000, 200*us)
	if w.expect("they are not", 11, true); w.pause != 2*firstPause {
		t.Errorf("%d measurements to the next trial", w.pause)
	}
	w.fixed = time.Second
	w.expect("a batch takes long", mostAtATime, true)
}

// TestPaceFindsItsWay changes what the server costs, and expects the pace to follow
// within a few seconds, whatever it took before.
func TestPaceFindsItsWay(t *testing.T) {
	for _, c := range []struct {
		name          string
		single, batch time.Duration
		gathers       bool
	}{
		{"the disk is slow", 2500 * us, 15 * time.Millisecond, true},
		{"the disk is fast", 200 * us, 3200 * us, true},
		{"a processor that is busy elsewhere", 200 * us, 15 * time.Millisecond, false},
		{"nothing is synced", 40 * us, 3200 * us, false},
		{"both cost the same", 60 * us, 3600 * us, false},
	} {
		for _, from := range []*walk{newWalk(t), gathering(t)} {
			end := from.now.Add(20 * time.Second)
			right, last := time.Duration(0), from.now
			for ; from.now.Before(end); last = from.now {
				if _, batch := from.atATime(from.now); batch {
					from.batches(1, c.batch, 0)
				} else {
					from.singles(1, c.single)
				}
				if from.gathers == c.gathers && end.Sub(from.now) < 12*time.Second {
					right += from.now.Sub(last)
				}
			}
			if right < 11*time.Second && c.name != "both cost the same" {
				t.Errorf("%s: %v of the last 12 seconds by the faster way", c.name, right)
			}
		}
	}
}

// TestPaceIgnores has outcomes that say nothing of the server.
func TestPaceIgnores(t *testing.T) {
	w := newWalk(t)
	for range 100 * measureAt {
		w.now = w.now.Add(200 * us)
		w.acked(w.now, busy-1)
	}
	w.expect("few are in hand", firstAtATime, false)
	w.idle()
	w.singles(100, 200*us)
	w.idle()
	w.now = w.now.Add(time.Hour)
	w.singles(100, 200*us)
	if w.expect("an hour in which nothing was sent", firstAtATime, false); w.single != 0 {
		t.Errorf("took %v a message", w.single)
	}
	w.singles(1000, 200*us)
	w.acked(w.now, 60) // of a message that left before the trial
	w.now = w.now.Add(time.Second)
	w.batches(20, 3200*us, 1000*us)
	if w.each != 200*us || !w.gathers || w.trying {
		t.Errorf("%+v", w.pace)
	}
}

func TestPaceGivesUpSoon(t *testing.T) {
	w := newWalk(t)
	w.singles(1000, 200*us)
	began := w.now
	w.batches(100, 26*time.Millisecond, 0)
	if w.expect("batches are twice as slow", math.MaxInt, false); w.now.Sub(began) > 100*time.Millisecond {
		t.Errorf("after %v", w.now.Sub(began))
	}
	w.singles(5*measureAt, 200*us)
	w.expect("not again at once", math.MaxInt, false)
	w.singles(2*firstPause*1000, 200*us)
	w.expect("but after a while", 52, true)
	w.idle()
	w.expect("the load ends in a trial", math.MaxInt, false)
}

// TestPaceLeavesSlowSinglesSoon has a disk on which a single takes many times what its part
// of a batch does: the trial of singles ends before it is as long as others, and what it
// has shown is remembered.
func TestPaceLeavesSlowSinglesSoon(t *testing.T) {
	w := gathering(t)
	w.batches(1000*firstPause, 3200*us, 1000*us)
	w.expect("a trial of singles", firstAtATime, false)
	began := w.now
	w.singles(1000, 10*time.Millisecond)
	if w.expect("they are slow", leastAtATime, true); w.now.Sub(began) > (hopelessAt+2)*10*time.Millisecond || w.single != 10*time.Millisecond {
		t.Errorf("after %v, a single takes %v", w.now.Sub(began), w.single)
	}
}

// TestPaceAsksForATenth says that batches are not tried where they promise too little, nor
// kept where they bring too little, and how long it is at the most until they are tried
// again.
func TestPaceAsksForATenth(t *testing.T) {
	w := newWalk(t)
	w.singles(100_000, 55*us) // 53 are promised
	w.expect("little is promised", math.MaxInt, false)
	w = newWalk(t)
	w.singles(1000, 200*us)
	w.expect("much is promised", 11, true)
	w.batches(20, 60*190*us, 0)
	w.expect("little is brought", math.MaxInt, false)
	for range 20 {
		w.giveUp(w.now)
	}
	if w.pause != longestPause {
		t.Errorf("%d measurements to the next trial", w.pause)
	}
}

// TestPaceTriesAgainUnderAnotherLoad says that a trial is worth what it is only for a load
// like that under which it was made: not half of it, nor twice as much.
func TestPaceTriesAgainUnderAnotherLoad(t *testing.T) {
	for inHand, again := range map[int]bool{29: true, 30: false, 120: false, 121: true} {
		w := newWalk(t)
		w.singles(1000, 200*us)
		w.batches(20, 60*200*us, 0)
		w.expect("batches are no faster", math.MaxInt, false)
		w.fixed = firstFixed // they promise as much as before
		for range 300 {      // one measurement
			w.now = w.now.Add(200 * us)
			if w.acked(w.now, inHand); w.gathers {
				break
			}
		}
		if w.gathers != again {
			t.Errorf("with %d in hand they are tried again: %v", inHand, w.gathers)
		}
	}
}

// TestPaceGivesUpWithoutABatch has a trial of batches under a load of which never enough
// gathers for one: it ends all the same, and the next comes after a longer pause. One that
// only has to wait for what was on its way before goes on, however long that takes.
func TestPaceGivesUpWithoutABatch(t *testing.T) {
	w := newWalk(t)
	w.singles(1000, 200*us)
	began := w.now
	for w.trying {
		w.now = w.now.Add(200 * us)
		w.acked(w.now, 15)
		if w.now.Sub(began) > time.Second {
			t.Fatalf("tries for ever: %+v", w.pace)
		}
	}
	if w.expect("no batch ever left", math.MaxInt, false); w.now.Sub(began) < measureFor || w.pause != firstPause {
		t.Errorf("after %v, %d measurements to the next trial", w.now.Sub(began), w.pause)
	}
	w = newWalk(t)
	w.singles(1000, 200*us)
	for range 120 {
		w.now = w.now.Add(50 * time.Millisecond)
		w.acked(w.now, 60)
	}
	w.expect("120 were on their way", 11, true)
	w.gathered(w.now)
	for range 1000 {
		w.acked(w.now, 60)
	}
	w.expect("a batch is under way", 11, true)
}

func TestPaceRests(t *testing.T) {
	w := gathering(t)
	w.gathered(w.now)
	w.rejected(w.now)
	w.expect("a batch was rejected", math.MaxInt, false)
	w.now = w.now.Add(restRejected)
	w.expect("after a rest", 11, true)
	w.rejected(w.now)
	w.now = w.now.Add(restRejected)
	w.expect("the next rest is longer", math.MaxInt, false)
	w.now = w.now.Add(restRejected)
	w.batches(1, 3200*us, 0)
	w.rejected(w.now)
	w.now = w.now.Add(restRejected)
	w.expect("success makes rests short again", 11, true)
	for range 20 {
		w.rejected(w.now)
	}
	if w.rest != longestRest {
		t.Errorf("rests for %v", w.rest)
	}
	w = gathering(t)
	w.failed()
	w.expect("nobody knows what became of a batch", 11, true)
}
