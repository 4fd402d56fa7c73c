package normalizer

import (
	"context"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
)

// workers are the few goroutines that do all the work. Watermill starts one for
// every message; that one only waits, on the small stack that it was born with,
// while the stacks of the workers have grown once and for all.
type workers struct {
	jobs    chan job        // to be parsed
	stored  <-chan *outcome // to be accounted for
	receipt func(*outcome)  // writes the receipt of what is stored
}

// job is the rest of a message's way.
type job struct {
	next message.HandlerFunc
	m    *message.Message
}

// newWorkers makes room for as many jobs as can be in hand, so that handing one over
// never blocks.
func newWorkers(inHand int, stored <-chan *outcome, receipt func(*outcome)) *workers {
	return &workers{jobs: make(chan job, inHand), stored: stored, receipt: receipt}
}

// run runs so many workers until ctx is done.
func (w *workers) run(ctx context.Context, count int) {
	var running sync.WaitGroup
	for range count {
		running.Go(func() { w.work(ctx) })
	}
	running.Wait()
}

func (w *workers) work(ctx context.Context) {
	for {
		select {
		case j := <-w.jobs:
			if _, err := j.next(j.m); err != nil {
				inHand(j.m).settle(err)
			}
		case o := <-w.stored:
			w.receipt(o)
			o.raw.settle(nil)
		case <-ctx.Done():
			return
		}
	}
}

// untilStored is the middleware that lets a worker go the rest of the way, and
// returns when everything that came of the message is stored and its receipt is
// written, or the message is in hand no more.
func (w *workers) untilStored(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		settled := inHand(m).settled
		w.jobs <- job{next, m}
		return nil, <-settled
	}
}
