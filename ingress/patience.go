package ingress

import (
	"context"
	"sync"
	"time"
)

// patience is a context that ends when its time is over, and costs next to nothing
// where it is over seldom: one that is released in time is used again. What is done
// with it must have ended when it is released. It tells nobody its deadline.
type patience struct {
	context.Context
	over  chan struct{}
	timer *time.Timer // closes over
	from  *sync.Pool
}

// within makes a context that ends after d, of one in pool where there is one.
func within(d time.Duration, pool *sync.Pool) *patience {
	if p, ok := pool.Get().(*patience); ok {
		p.timer.Reset(d)
		return p
	}
	over := make(chan struct{})
	return &patience{context.Background(), over, time.AfterFunc(d, func() { close(over) }), pool}
}

// release gives p back unless its time is over.
func (p *patience) release() {
	if p.timer.Stop() {
		p.from.Put(p)
	}
}

// Done is closed when the time is over.
func (p *patience) Done() <-chan struct{} { return p.over }

// Err says so.
func (p *patience) Err() error {
	select {
	case <-p.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
