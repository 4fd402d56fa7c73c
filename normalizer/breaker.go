package normalizer

import (
	"context"
	"sync"
)

// breaker is open while what comes out cannot be stored: nothing more is pulled
// then, and the normalizer is not ready. It is safe for concurrent use.
type breaker struct {
	mu     sync.Mutex
	why    error
	closed chan struct{} // nil while the breaker is closed
}

// trip opens the breaker. It is true where it was closed.
func (b *breaker) trip(why error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.why == nil
	b.why = why
	if first {
		b.closed = make(chan struct{})
	}
	return first
}

// reset closes the breaker. It is true where it was open.
func (b *breaker) reset() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.why == nil {
		return false
	}
	b.why = nil
	close(b.closed)
	return true
}

// err says why the breaker is open, nil while it is closed.
func (b *breaker) err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.why
}

// wait waits until the breaker is closed; false when ctx is done.
func (b *breaker) wait(ctx context.Context) bool {
	for {
		b.mu.Lock()
		why, closed := b.why, b.closed
		b.mu.Unlock()
		if why == nil {
			return ctx.Err() == nil
		}
		select {
		case <-closed:
		case <-ctx.Done():
			return false
		}
	}
}
