package ingress

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

// How the bytes of the bodies in hand are shared out. The first freeBytes of a body
// are bounded by the number of connections and take no lane, so that a sender who
// trickles holds nothing that others wait for.
const (
	freeBytes  = 4 << 10
	smallBytes = 64 << 10 // a body up to this size is small

	smallLane = 32 << 20 // bytes of small bodies in hand
	largeLane = 64 << 20 // bytes of large bodies, and of those of undeclared length
)

// lanes bound the bytes of unauthenticated bodies in memory. Small bodies have a
// lane of their own: a flood of large ones makes large ones wait, and nobody else.
type lanes struct {
	small, large *semaphore.Weighted
	now          func() time.Time
}

// newLanes makes lanes in which the largest body finds room several times.
func newLanes(maxBody int64, now func() time.Time) *lanes {
	return &lanes{semaphore.NewWeighted(smallLane), semaphore.NewWeighted(max(largeLane, 4*maxBody)), now}
}

// hold is room in a lane, given back once.
type hold struct {
	lane   *semaphore.Weighted
	bytes  int64
	waited time.Duration // until there was room
}

// take waits at most patience for room for n bytes of a body; declared says whether
// its sender told the length. It is false where there is none. What h holds already
// is kept.
func (l *lanes) take(ctx context.Context, h *hold, n int64, declared bool, patience time.Duration) bool {
	if h.lane == nil {
		h.lane = l.large
		if declared && n <= smallBytes {
			h.lane = l.small
		}
	}
	if h.lane.TryAcquire(n) {
		h.bytes += n
		return true
	}
	began := l.now()
	defer func() { h.waited += l.now().Sub(began) }()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if h.lane.Acquire(ctx, n) != nil {
		return false
	}
	h.bytes += n
	return true
}

// release gives the room back; what holds nothing may release too.
func (h *hold) release() {
	if h.bytes > 0 {
		h.lane.Release(h.bytes)
		h.bytes = 0
	}
}
