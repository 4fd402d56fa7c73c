package ingress

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// How fresh a sign of life of the stream must be, and how long one is waited for.
const (
	ackFreshness = 10 * time.Second
	askTimeout   = 2 * time.Second
	askAgain     = time.Second // readiness is asked for often, the stream is not
)

// health knows whether deliveries can be stored: by the last one that was, or by
// asking the stream.
type health struct {
	connected func() bool
	ask       func(ctx context.Context) error // whether the stream is there
	now       func() time.Time

	mu       sync.Mutex
	stored   time.Time // of the last acknowledgement
	failed   time.Time // of the last delivery that was not stored
	asked    time.Time
	answered error // what asking said
}

// newHealth knows nothing yet: it asks when it is asked.
func newHealth(conn *nats.Conn, ask func(ctx context.Context) error, now func() time.Time) *health {
	return &health{connected: conn.IsConnected, ask: ask, now: now}
}

// saw notes the outcome of a store.
func (h *health) saw(stored bool) {
	at := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if stored {
		h.stored = at
	} else {
		h.failed = at
	}
}

// check is nil where a delivery could be stored now, as far as anyone knows.
func (h *health) check(ctx context.Context) error {
	if !h.connected() {
		return errors.New("not connected to NATS")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if h.failed.After(h.stored) && now.Sub(h.failed) < ackFreshness {
		return errors.New("the last delivery was not stored")
	}
	if now.Sub(h.stored) < ackFreshness {
		return nil
	}
	if now.Sub(h.asked) >= askAgain {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		h.answered = h.ask(ctx)
		h.asked = now
	}
	if h.answered != nil {
		return errors.New("the stream " + rawStream + " does not answer")
	}
	return nil
}
