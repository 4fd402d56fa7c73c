package jetstream

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What accounted takes as enough work to trust what came before it. A delivery
// that was handed out before that much work was done has been handed out again to
// a worker that lived (AckWait), or taken by the crash guard: by then it is an
// event, a duplicate or a dead letter.
const (
	settled = 20 * time.Minute // of work
	silence = time.Minute      // a pause between two results counts as no more than this: perhaps nobody worked
)

// How many of a stream's last messages accounted reads at first, and at most.
const (
	fewResults  = 1 << 10
	mostResults = 1 << 20
)

// accounted is the highest sequence of WEBHOOKS up to which every delivery is
// known to have become events, a duplicate or a dead letter; 0 where nothing has.
//
// It can be too low, and then some deliveries run again: their events have the
// ids that they had, and the duplicate window of PAYMENTS drops them. It must
// never be too high, for then a payment would be lost. So of the latest work a
// delivery counts only if what is stored proves it complete (see result.whole): an
// item of a batch proves nothing of its neighbours, and a duplicate leaves no
// trace.
func accounted(ctx context.Context, js jetstream.JetStream) (uint64, error) {
	raw, err := js.Stream(ctx, Webhooks)
	if err != nil {
		return 0, err
	}
	for most := uint64(fewResults); ; most *= 8 {
		most = min(most, mostResults)
		found, err := readEvidence(ctx, js, raw.CachedInfo(), most)
		if err != nil {
			return 0, err
		}
		if floor, sure := found.floor(raw.CachedInfo().State.FirstSeq, most == mostResults); sure {
			return floor, nil
		}
	}
}

// evidence is the latest results of PAYMENTS and DEADLETTERS, oldest first.
type evidence struct {
	results []result
	since   time.Time // from here on, no result is missing; zero where all there are were read
}

// floor is the highest sequence that the evidence proves, where WEBHOOKS begins
// with first. It is not sure where the evidence does not reach back far enough,
// unless there will be no more.
func (e evidence) floor(first uint64, noMore bool) (floor uint64, sure bool) {
	if len(e.results) == 0 {
		return 0, e.since.IsZero() || noMore
	}
	// The furthest delivery is where the normalizer was. The latest result may be a
	// redrive of an old one.
	furthest := 0
	for i, r := range e.results {
		if r.delivery > e.results[furthest].delivery {
			furthest = i
		}
	}
	floor = max(first, 1) - 1
	i := e.backFrom(furthest)
	switch {
	case i >= 0 && !e.results[i].at.Before(e.since):
	case e.since.IsZero():
		i = -1
	case noMore:
		i = len(e.results) / 2
	default:
		return 0, false
	}
	last := e.results[furthest].delivery
	done := newMarks(max(first, 1), last)
	for j, r := range e.results {
		if j <= i {
			floor = max(floor, r.delivery)
		}
		if r.whole {
			done.add(r.delivery)
		}
	}
	for floor < last && done.has(floor+1) {
		floor++
	}
	return floor, true
}

// backFrom is the index of the last result before the `settled` of work that ends
// with a result; -1 where there is not that much.
func (e evidence) backFrom(end int) int {
	var work time.Duration
	for i := end; i > 0; i-- {
		work += min(e.results[i].at.Sub(e.results[i-1].at), silence)
		if work >= settled {
			return i - 1
		}
	}
	return -1
}

// readEvidence reads the last messages of PAYMENTS and DEADLETTERS, at most so
// many of each.
func readEvidence(ctx context.Context, js jetstream.JetStream, raw *jetstream.StreamInfo, most uint64) (evidence, error) {
	var all evidence
	for _, source := range []struct {
		stream string
		read   func(jetstream.Msg) (result, bool)
	}{{Payments, fromEvent}, {DeadLetters, fromDeadLetter}} {
		found, err := readResults(ctx, js, source.stream, most, source.read)
		if err != nil {
			return evidence{}, err
		}
		all.results = append(all.results, found.results...)
		if found.since.After(all.since) {
			all.since = found.since
		}
	}
	// Results of an earlier life of WEBHOOKS name other deliveries.
	all.results = slices.DeleteFunc(all.results, func(r result) bool {
		return r.delivery > raw.State.LastSeq || earlier(r.at, raw)
	})
	slices.SortStableFunc(all.results, func(a, b result) int { return a.at.Compare(b.at) })
	return all, nil
}

// marks is a set of sequences, one bit each.
type marks struct {
	first uint64
	bits  []uint64
}

// newMarks is an empty set of sequences from first to last; others are ignored.
func newMarks(first, last uint64) *marks {
	if last < first {
		return &marks{first: first}
	}
	return &marks{first: first, bits: make([]uint64, (last-first)/64+1)}
}

func (m *marks) add(seq uint64) {
	if i := (seq - m.first) / 64; seq >= m.first && i < uint64(len(m.bits)) {
		m.bits[i] |= 1 << ((seq - m.first) % 64)
	}
}

func (m *marks) has(seq uint64) bool {
	i := (seq - m.first) / 64
	return seq >= m.first && i < uint64(len(m.bits)) && m.bits[i]&(1<<((seq-m.first)%64)) != 0
}
