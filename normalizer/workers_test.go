package normalizer

import (
	"context"
	"sync"
	"testing"
)

// Receipts that are due together are written together, all of them before anything of
// theirs is acknowledged.
func TestReceiptsComeFirst(t *testing.T) {
	const due = 2*receiptsAtOnce + 5
	stored := make(chan *outcome, due)
	var raws []*raw
	for range due {
		r := &raw{settled: make(chan error, 1)}
		raws = append(raws, r)
		stored <- newOutcome(r)
	}
	var groups []int
	w := newWorkers(1, stored, func(all []*outcome) {
		groups = append(groups, len(all))
		for _, o := range all {
			if len(o.raw.settled) > 0 {
				t.Error("settled before its receipt is written")
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.run(ctx, 1) })
	for _, r := range raws {
		if err := <-r.settled; err != nil {
			t.Error(err)
		}
	}
	cancel()
	running.Wait()
	if len(groups) != 3 || groups[0] != receiptsAtOnce || groups[2] != 5 {
		t.Errorf("groups of %v", groups)
	}
}
