package normalizer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// idleTime is how long nothing may come before the watchdog asks.
	idleTime = 30 * time.Second
	// patience is how often something must be wrong before the subscription ends.
	patience = 3
	// soon is how long a pull waits after one that failed: the server's word for its
	// end, or a message, says that pulls succeed again.
	soon = 50 * time.Millisecond
)

// watch is what the watchdog remembers between pulls.
type watch struct {
	empty   time.Duration // how long pulls have brought nothing
	strikes int           // times in a row that something was wrong which does not pass by itself
}

// look is the watchdog: a subscription never stays idle without knowing why. It
// looks at how a pull ended, waits out what passes, and returns an error for what
// does not: the consumer is gone, the connection is closed, or messages wait and
// none comes.
func (s *subscription) look(taken int, err error) error {
	switch {
	case err != nil:
		return s.recover(err)
	case taken > 0:
		s.watch = watch{}
	default:
		s.watch.empty += s.pullWait
	}
	s.pulling.reset()
	if s.watch.empty < idleTime {
		return nil
	}
	s.watch.empty = 0
	return s.idle()
}

// wait is how long the next pull waits for messages.
func (s *subscription) wait() time.Duration {
	if s.pulling.err() != nil {
		return min(s.pullWait, soon)
	}
	return s.pullWait
}

// idle asks whether there is a reason to have nothing.
func (s *subscription) idle() error {
	ctx, cancel := context.WithTimeout(s.mayPull, 5*time.Second)
	defer cancel()
	info, err := s.consumer.Info(ctx)
	if err != nil {
		return s.recover(err)
	}
	starved := info.NumPending > 0 && !info.Paused && (info.Config.MaxAckPending <= 0 || info.NumAckPending < info.Config.MaxAckPending)
	if !starved {
		s.watch.strikes = 0
		return nil
	}
	if s.watch.strikes++; s.watch.strikes < patience {
		return nil
	}
	return fmt.Errorf("consumer %s on %s: %d messages wait and none is delivered", info.Name, info.Stream, info.NumPending)
}

// recover waits until the consumer can be asked again.
func (s *subscription) recover(cause error) error {
	s.pulling.trip(cause)
	s.metrics.pullFailures.Inc()
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 50*time.Millisecond, 500*time.Millisecond
	for sleep(s.mayPull, wait.NextBackOff()) {
		switch conn := s.js.Conn(); {
		case conn.IsClosed():
			return fmt.Errorf("connection: %w", nats.ErrConnectionClosed)
		case !conn.IsConnected():
			continue
		}
		fresh, err := s.handle()
		if err == nil {
			s.consumer, s.watch.strikes = fresh, 0
			return nil
		}
		if !errors.Is(err, jetstream.ErrConsumerNotFound) && !errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if s.watch.strikes++; s.watch.strikes >= patience {
			return err
		}
	}
	return nil
}

// handle asks for the consumer anew.
func (s *subscription) handle() (jetstream.Consumer, error) {
	ctx, done := asking(s.mayPull, s.js.Conn())
	defer done()
	info := s.consumer.CachedInfo()
	consumer, err := s.js.Consumer(ctx, info.Stream, info.Name)
	if err != nil {
		return nil, fmt.Errorf("consumer %s on %s: %w: run `paybridge streams apply`", info.Name, info.Stream, err)
	}
	return consumer, nil
}

// asking is the context of a question to the server. It is over when the connection is
// lost: no answer comes on another one, and the bus may be back long before the time is
// up. done is called when there is an answer.
func asking(of context.Context, conn *nats.Conn) (ctx context.Context, done func()) {
	ctx, cancel := context.WithTimeout(of, 5*time.Second)
	lost := conn.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	var watching sync.WaitGroup
	watching.Go(func() {
		for range lost {
			cancel()
		}
	})
	return ctx, func() {
		conn.RemoveStatusListener(lost) // which closes it
		watching.Wait()
		cancel()
	}
}

// sleep waits for d; false when ctx is done before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
