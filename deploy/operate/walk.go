package operate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// Range is a part of a stream. The zero value is everything that is stored when
// the walk begins.
type Range struct {
	Subject string    // filter; "" means every subject
	From    uint64    // first sequence; 0 means the first that is stored
	To      uint64    // last sequence; 0 means the last that is stored
	Since   time.Time // where From is 0: stored at or after
	Until   time.Time // stored before; the zero time means no bound
}

// The size of one request of a walk, and how long its answer may take.
const (
	walkBatch   = 512
	walkBytes   = 8 << 20
	walkTimeout = 30 * time.Second
)

// errNoAnswer says that a read brought neither a message nor the word that there is
// none.
var errNoAnswer = errors.New("the server did not answer a read in time")

// errStop ends a walk early, from inside.
var errStop = errors.New("stop")

// Walk calls visit with every message of a range, in order of sequence, and
// returns what visit returns. It reads by direct get: it needs no consumer, moves
// none, and holds one batch in memory.
func Walk(ctx context.Context, js jetstream.JetStream, stream string, r Range, visit func(*jetstream.RawStreamMsg) error) error {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return streamAdvice(stream, err)
	}
	state := s.CachedInfo().State
	if state.Msgs == 0 {
		return nil
	}
	last := state.LastSeq
	if r.To != 0 {
		last = min(last, r.To)
	}
	start := jetstreamext.GetBatchSeq(max(r.From, state.FirstSeq, 1))
	if r.From == 0 && !r.Since.IsZero() {
		start = jetstreamext.GetBatchStartTime(r.Since)
	}
	for {
		seen, err := walkOnce(ctx, js, stream, start, r, last, visit)
		switch {
		case errors.Is(err, errStop), errors.Is(err, jetstreamext.ErrNoMessages):
			return nil
		case err != nil:
			return err
		case seen >= last:
			return nil
		}
		start = jetstreamext.GetBatchSeq(seen + 1)
	}
}

// walkOnce visits one batch and returns the last sequence that it saw. The answer to a
// question that was lost with the connection is not waited for.
func walkOnce(ctx context.Context, js jetstream.JetStream, stream string, start jetstreamext.GetBatchOpt,
	r Range, last uint64, visit func(*jetstream.RawStreamMsg) error,
) (seen uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, walkTimeout)
	defer cancel()
	ctx, release := whileConnected(ctx, js.Conn())
	defer release()
	defer func() {
		if err != nil && errors.Is(context.Cause(ctx), nats.ErrDisconnected) {
			err = fmt.Errorf("stream %s: %w", stream, nats.ErrDisconnected)
		}
	}()
	options := []jetstreamext.GetBatchOpt{start, jetstreamext.GetBatchMaxBytes(walkBytes)}
	if r.Subject != "" {
		options = append(options, jetstreamext.GetBatchSubject(r.Subject))
	}
	batch, err := jetstreamext.GetBatch(ctx, js, stream, walkBatch, options...)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	for msg, err := range batch {
		switch {
		case err != nil:
			return seen, fmt.Errorf("stream %s: %w", stream, err)
		case msg.Sequence > last, !r.Until.IsZero() && !msg.Time.Before(r.Until):
			return seen, errStop
		}
		if err := visit(msg); err != nil {
			return seen, err
		}
		seen = msg.Sequence
	}
	if seen == 0 {
		return 0, fmt.Errorf("stream %s: %w", stream, errNoAnswer)
	}
	return seen, nil
}

// whileConnected is ctx until the connection is lost, which is its cause then. release
// must be called, and ends it too.
func whileConnected(ctx context.Context, nc *nats.Conn) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	lost := nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-lost:
			cancel(nats.ErrDisconnected)
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		watching.Wait()
		nc.RemoveStatusListener(lost)
	}
}

// Sequences reads a range of sequences as people type it: "17", "10-20" or "10-";
// "" is all, and 0 no bound.
func Sequences(text string) (from, to uint64, err error) {
	if text == "" {
		return 0, 0, nil
	}
	head, tail, isRange := strings.Cut(text, "-")
	from, err = strconv.ParseUint(head, 10, 64)
	if err == nil {
		to = from
		if isRange && tail == "" {
			to = 0
		} else if isRange {
			to, err = strconv.ParseUint(tail, 10, 64)
		}
	}
	if err != nil || from == 0 || to != 0 && to < from {
		return 0, 0, advise(fmt.Errorf("%q is no range of sequences", text), "write 17, 10-20 or 10-")
	}
	return from, to, nil
}

// pendingAfter is how many messages that the filter of a walk means are stored behind
// one, as the server said when it was read.
func pendingAfter(m *jetstream.RawStreamMsg) int {
	n, err := strconv.Atoi(m.Header.Get("Nats-Num-Pending"))
	if err != nil {
		return 0
	}
	return n
}
