package normalizer

import (
	"context"
	"slices"
	"sync"
	"time"
)

// hand is what a subscription holds: taken from the stream and not yet settled. It
// is safe for concurrent use.
type hand struct {
	most      int // messages
	mostBytes int

	mu      sync.Mutex
	held    map[uint64]*raw // by stream sequence
	bytes   int
	waiters []*waiter
}

// waiter waits for the hand to become what ok wants of it.
type waiter struct {
	ok   func() bool
	done chan struct{}
}

func newHand(most, mostBytes int) *hand {
	return &hand{most: most, mostBytes: mostBytes, held: make(map[uint64]*raw, most)}
}

// take puts r into the hand, and says false where it is there already: the server
// gave it out again although we still hold it.
func (h *hand) take(r *raw) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, twice := h.held[r.sequence]; twice {
		return false
	}
	h.held[r.sequence] = r
	h.bytes += r.size
	return true
}

// drop takes r out of the hand. Who still waits for its outcome waits no more.
func (h *hand) drop(r *raw) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, r.sequence)
	h.bytes -= r.size
	r.settle(errStopping)
	close(r.done)
	waiting := h.waiters[:0]
	for _, w := range h.waiters {
		if w.ok() {
			close(w.done)
		} else {
			waiting = append(waiting, w)
		}
	}
	h.waiters = waiting
}

// renew puts a fresh copy of r in its place, for another attempt.
func (h *hand) renew(r *raw) *raw {
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh := *r
	fresh.settled, fresh.done = make(chan error, 1), make(chan struct{})
	h.held[r.sequence] = &fresh
	close(r.done)
	return &fresh
}

// room waits until at least a quarter of the hand is free and says how many
// messages and bytes fit then. It is false when ctx is done.
func (h *hand) room(ctx context.Context) (messages, bytes int, ok bool) {
	ok = h.wait(ctx, func() bool {
		messages, bytes = h.most-len(h.held), h.mostBytes-h.bytes
		return messages*4 >= h.most && bytes*4 >= h.mostBytes
	})
	return messages, bytes, ok
}

// only waits until nothing but the given number of messages is in hand.
func (h *hand) only(ctx context.Context, count int) bool {
	return h.wait(ctx, func() bool { return len(h.held) <= count })
}

// wait waits until ok, which is called with the lock held; false when ctx is done.
func (h *hand) wait(ctx context.Context, ok func() bool) bool {
	h.mu.Lock()
	if ok() {
		h.mu.Unlock()
		return true
	}
	w := &waiter{ok, make(chan struct{})}
	h.waiters = append(h.waiters, w)
	h.mu.Unlock()
	select {
	case <-w.done:
		return true
	case <-ctx.Done():
		h.mu.Lock()
		defer h.mu.Unlock()
		h.waiters = slices.DeleteFunc(h.waiters, func(other *waiter) bool { return other == w })
		return false
	}
}

// count says how many messages and bytes are in hand, and since when the oldest.
func (h *hand) count() (messages, bytes int, oldest time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.held {
		if oldest.IsZero() || r.taken.Before(oldest) {
			oldest = r.taken
		}
	}
	return len(h.held), h.bytes, oldest
}

// all is everything in hand.
func (h *hand) all() []*raw {
	h.mu.Lock()
	defer h.mu.Unlock()
	held := make([]*raw, 0, len(h.held))
	for _, r := range h.held {
		held = append(held, r)
	}
	return held
}
