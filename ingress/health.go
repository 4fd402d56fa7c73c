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

	mu      sync.Mutex
	stored  time.Time // of the last acknowledgement
	failed  time.Time // of the last delivery that was not stored
	passing bool      // why it was not may pass by itself, and then the stream answers again

	asked    time.Time     // when the stream answered last, or did not in time
	asking   chan struct{} // closed when it has answered; nil where it is not being asked
	known    bool          // it has been asked at all
	answered error         // what it said
	of       time.Time     // when that was asked
}

// newHealth knows nothing yet: it asks when it is asked.
func newHealth(conn *nats.Conn, ask func(ctx context.Context) error, now func() time.Time) *health {
	return &health{connected: conn.IsConnected, ask: ask, now: now}
}

// saw notes the outcome of a store: nil, or a *storeError.
func (h *health) saw(err error) {
	at := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.stored = at
		return
	}
	var failure *storeError
	h.failed, h.passing = at, errors.As(err, &failure) && failure.passing
}

// check is nil where a delivery could be stored now, as far as anyone knows. One of
// those who check at the same time asks the stream, and holds no lock meanwhile: the
// others take what it said last, and wait for it only where it has never said anything.
func (h *health) check() error {
	if !h.connected() {
		return errors.New("not connected to NATS")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if said, err := h.byDeliveries(now); said {
		return err
	}
	if now.Sub(h.asked) >= askAgain && h.asking == nil {
		h.askNow(now)
	}
	for asking := h.asking; asking != nil && !h.known; asking = h.asking {
		h.mu.Unlock()
		<-asking
		h.mu.Lock()
	}
	if said, err := h.byDeliveries(h.now()); said {
		return err // one has come meanwhile
	}
	switch {
	case h.answered != nil:
		return errors.New("the stream " + rawStream + " does not answer")
	case h.failed.After(h.stored) && !h.of.After(h.failed) && now.Sub(h.failed) < ackFreshness:
		return errNotStored // what the stream said before is old
	}
	return nil
}

var errNotStored = errors.New("the last delivery was not stored")

// byDeliveries is what the last ones say, where they say enough.
func (h *health) byDeliveries(now time.Time) (said bool, err error) {
	switch {
	case h.failed.After(h.stored) && !h.passing && now.Sub(h.failed) < ackFreshness:
		return true, errNotStored
	case h.stored.After(h.failed) && now.Sub(h.stored) < ackFreshness:
		return true, nil
	}
	return false, nil
}

// askNow asks the stream, within its own time: a prober that hangs up is no answer.
// The lock is held when it is called and when it returns, and not in between.
func (h *health) askNow(now time.Time) {
	h.asking = make(chan struct{})
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	err := h.ask(ctx)
	cancel()
	h.mu.Lock()
	h.answered, h.of, h.known, h.asked = err, now, true, h.now()
	close(h.asking)
	h.asking = nil
}
