package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/event"
)

// beside is the consumer beside ledger; nil where there is none.
func (m *team) beside() *natsjs.ConsumerInfo {
	m.t.Helper()
	consumer, err := m.js.Consumer(m.t.Context(), jetstream.Payments, "ledger-replay")
	if errors.Is(err, natsjs.ErrConsumerNotFound) {
		return nil
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return consumer.CachedInfo()
}

// TestRedeliverTwiceAtOnce says that of replays which are begun at once, none spoils
// another: what is there afterwards holds exactly what one of them chose.
func TestRedeliverTwiceAtOnce(t *testing.T) {
	m := newTeam(t, Team{Name: "ledger", Filter: "payments.>"})
	const n = besideBatch + 100
	for i := range n {
		publish(t, m.js, aPayment("pik", fmt.Sprint(i)), event.Structured)
	}
	m.take("ledger", n)
	for range 8 {
		var all sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			r := Redeliver{Consumer: "ledger", Select: RedeliverySelection{To: n - 2}, Force: true}
			all.Go(func() {
				p, err := r.Plan(t.Context(), m.js)
				if err == nil {
					err = r.Apply(t.Context(), m.js, p)
				}
				errs[i] = err
			})
		}
		all.Wait()
		info := m.beside()
		switch {
		case info == nil && slices.Contains(errs, nil):
			t.Errorf("one says that it was done, and nothing is there: %v", errs)
		case info == nil:
		case info.Config.Metadata[replayState] != ready || info.NumAckPending != n-2 || info.NumPending != 0:
			t.Errorf("%v: it holds %d, and %d wait: %v", errs, info.NumAckPending, info.NumPending, info.Config.Metadata)
		}
		if info == nil || !slices.Contains(errs, nil) {
			t.Errorf("none was done: %v", errs)
		}
	}
}

// TestRedeliverLeavesNothingHalfMade says that one which fails or is interrupted takes away
// what it has begun, and nothing else.
func TestRedeliverLeavesNothingHalfMade(t *testing.T) {
	m := newTeam(t, Team{Name: "ledger", Filter: "payments.>"})
	for i := range besideBatch + 100 {
		publish(t, m.js, aPayment("pik", fmt.Sprint(i)), event.Structured)
	}
	m.take("ledger", besideBatch+100)
	ctx, cancel := context.WithCancel(t.Context())
	r := Redeliver{Consumer: "ledger", Select: RedeliverySelection{To: besideBatch + 90}}
	p := m.plan(r)
	r.Progress = func(int, int) {
		if info := m.beside(); info == nil || !beingFilled(info.Config) {
			t.Errorf("it is not being filled: %+v", info)
		}
		cancel()
	}
	err := r.Apply(ctx, m.js, p)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	checkAdvice(t, err, "consumer ledger-replay: ", "nothing of it is left")
	if info := m.beside(); info != nil {
		t.Errorf("interrupted, it left %+v", info)
	}

	// Somebody takes it away, and another replay makes its own.
	r.Progress = nil
	p = m.plan(r)
	var once sync.Once
	r.Progress = func(int, int) {
		once.Do(func() {
			config := m.beside().Config
			config.Metadata[replayRun] = "another"
			if err := m.js.DeleteConsumer(t.Context(), jetstream.Payments, "ledger-replay"); err != nil {
				t.Error(err)
			}
			if _, err := m.js.CreateConsumer(t.Context(), jetstream.Payments, config); err != nil {
				t.Error(err)
			}
		})
	}
	if err := r.Apply(t.Context(), m.js, p); err == nil {
		t.Error("it was done")
	}
	if info := m.beside(); info == nil || info.Config.Metadata[replayRun] != "another" {
		t.Errorf("another's is gone: %+v", info)
	}
}
