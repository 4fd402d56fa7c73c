package normalizer

import (
	"context"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
)

// Receipts that are due together are written together, all of them before anything of
// theirs is acknowledged.
func TestReceiptsComeFirst(t *testing.T) {
	const due = 2*receiptsAtOnce + 5
	stored := make(chan *outcome, due)
	acks := acksOnly{count: new(int)}
	from := &subscription{subscriber: &subscriber{}, from: acks}
	var raws []*raw
	for range due {
		r := &raw{from: from, settled: make(chan error, 1)}
		raws = append(raws, r)
		stored <- newOutcome(r)
	}
	var groups []int
	written := 0
	w := newWorkers(1, stored, func(all []*outcome) {
		written += len(all)
		if *acks.count > written-len(all) {
			t.Error("acknowledged before its receipt is written")
		}
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
	if *acks.count != due {
		t.Errorf("%d of %d acknowledged", *acks.count, due)
	}
	if len(groups) != 3 || groups[0] != receiptsAtOnce || groups[2] != 5 {
		t.Errorf("groups of %v", groups)
	}
}

// acksOnly is a source that counts what is acknowledged.
type acksOnly struct {
	source
	count *int
}

func (a acksOnly) ack(*nats.Msg) error {
	*a.count++
	return nil
}
