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
	jobs     chan job         // to be parsed
	stored   <-chan *outcome  // to be accounted for
	receipts func([]*outcome) // writes the receipts of what is stored
}

// job is the rest of a message's way.
type job struct {
	next message.HandlerFunc
	m    *message.Message
}

// newWorkers makes room for as many jobs as can be in hand, so that handing one over
// never blocks.
func newWorkers(inHand int, stored <-chan *outcome, receipts func([]*outcome)) *workers {
	return &workers{jobs: make(chan job, inHand), stored: stored, receipts: receipts}
}

// run runs so many workers until ctx is done.
func (w *workers) run(ctx context.Context, count int) {
	var running sync.WaitGroup
	for range count {
		running.Go(func() { w.work(ctx) })
	}
	running.Wait()
}

// receiptsAtOnce is how many receipts a worker writes together, at the most.
const receiptsAtOnce = 64

func (w *workers) work(ctx context.Context) {
	together := make([]*outcome, 0, receiptsAtOnce)
	for {
		select {
		case j := <-w.jobs:
			if _, err := j.next(j.m); err != nil {
				inHand(j.m).settle(err)
			}
		case o := <-w.stored:
			together = w.more(append(together[:0], o))
			w.receipts(together)
			for _, o := range together {
				o.raw.from.accounted(o.raw)
			}
			clear(together)
		case <-ctx.Done():
			return
		}
	}
}

// more adds what else is stored already.
func (w *workers) more(together []*outcome) []*outcome {
	for len(together) < receiptsAtOnce {
		select {
		case o := <-w.stored:
			together = append(together, o)
		default:
			return together
		}
	}
	return together
}

// untilStored is the middleware that lets a worker go the rest of the way, and
// returns when everything that came of the message is stored, its receipt is written and
// it is acknowledged, or it is given up for now.
func (w *workers) untilStored(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		w.jobs <- job{next, m}
		r := inHand(m)
		return nil, r.from.settled(r, m)
	}
}
