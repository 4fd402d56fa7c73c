package operate

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// A follower is woken by the message itself and then reads it from the stream. What
// it was not woken for, because the connection was away for a moment, it finds when
// it looks again by itself.
const (
	followLook  = 250 * time.Millisecond
	followFirst = 5 * time.Millisecond // after it was woken; the stream may still be storing

	flushTimeout = 5 * time.Second
)

// Follow visits every message that is stored from now on, or from since on where it
// is not the zero time, in order and without a gap, until visit or ctx ends it; an
// ended ctx is no error, and a bus that is away for a while is waited for. ready is called once nothing stored from then on can be
// missed; it may be nil.
//
// It makes no consumer: it listens to the subject and reads by direct get, which an
// operator's rights allow.
func Follow(ctx context.Context, js natsjs.JetStream, stream, filter string, since time.Time, ready func(), visit func(*natsjs.RawStreamMsg) error) error {
	return follow(ctx, js, stream, filter, since, ready, func(bool) {}, visit)
}

// follow is Follow, and says once when the bus no longer answers, and once when it does
// again.
func follow(ctx context.Context, js natsjs.JetStream, stream, filter string, since time.Time, ready func(), gone func(bool), visit func(*natsjs.RawStreamMsg) error) error {
	woken := make(chan struct{}, 1)
	subscription, err := js.Conn().Subscribe(filter, func(*nats.Msg) {
		select {
		case woken <- struct{}{}:
		default: // it will look anyway
		}
	})
	if err != nil {
		return err
	}
	defer subscription.Unsubscribe() //nolint:errcheck // the connection is closing, or it has worked
	if err := js.Conn().FlushTimeout(flushTimeout); err != nil {
		return ended(ctx, err)
	}
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return ended(ctx, streamAdvice(stream, err))
	}
	next := jetstreamext.GetBatchSeq(s.CachedInfo().State.LastSeq + 1)
	if !since.IsZero() {
		next = jetstreamext.GetBatchStartTime(since)
	}
	if ready != nil {
		ready()
	}
	silent := false
	for pause := followFirst; ; {
		seen, err := uint64(0), error(nats.ErrDisconnected) // a question without a connection would wait long for its answer
		if js.Conn().IsConnected() {
			seen, err = walkOnce(ctx, js, stream, next, Range{Subject: filter}, ^uint64(0), visit)
		}
		if now := away(err); now != silent && ctx.Err() == nil {
			silent = now
			gone(now)
		}
		if seen > 0 {
			next, pause = jetstreamext.GetBatchSeq(seen+1), followFirst
		}
		switch {
		case errors.Is(err, jetstreamext.ErrNoMessages), away(err):
			if pause, err = rest(ctx, woken, pause); err != nil {
				return nil
			}
		case err != nil:
			return ended(ctx, err)
		}
	}
}

// rest waits until there may be something to read: a moment after it was woken, and
// in any case not for long. It returns how long the next rest may be.
func rest(ctx context.Context, woken <-chan struct{}, pause time.Duration) (time.Duration, error) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-woken:
		return followFirst, nil
	case <-timer.C:
		return min(2*pause, followLook), nil
	}
}

// away says that the server did not answer because it, or the way to it, is away for
// a while: a follower waits.
func away(err error) bool {
	for _, kind := range []error{
		nats.ErrReconnectBufExceeded, nats.ErrConnectionReconnecting, nats.ErrDisconnected,
		nats.ErrNoResponders, nats.ErrTimeout, errNoAnswer,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// ended is err, or nil where it only says that ctx has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
