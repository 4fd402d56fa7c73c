package operate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"paybridge/deploy/jetstream"
)

// addRates adds the rates of the stream that was read last: of all of it, and where
// anything was stored at all, of each source.
func addRates(ctx context.Context, js natsjs.JetStream, status *Status, sources map[string]*SourceStatus, since time.Time) error {
	stream := &status.Streams[len(status.Streams)-1]
	if stream.Last.Before(since) {
		return nil
	}
	n, _, err := countFrom(ctx, js, stream.Name, "", jetstreamext.GetBatchStartTime(since))
	if err != nil {
		return err
	}
	stream.Rate = float64(n) / status.Window
	for name, s := range sources {
		n, _, err := countFrom(ctx, js, stream.Name, subjectsOf(stream.Name, name), jetstreamext.GetBatchStartTime(since))
		if err != nil {
			return err
		}
		switch stream.Name {
		case jetstream.Webhooks:
			s.DeliveryRate = float64(n) / status.Window
		case jetstream.Payments:
			s.EventRate = float64(n) / status.Window
		case jetstream.DeadLetters:
			s.NewDead = n
		}
	}
	return nil
}

// addWaiting adds what is not done, and when each source delivered last.
func addWaiting(ctx context.Context, js natsjs.JetStream, status *Status, sources map[string]*SourceStatus) error {
	if status.Streams[0].Messages == 0 {
		return nil
	}
	last, err := jetstreamext.GetLastMsgsFor(ctx, js, jetstream.Webhooks, []string{jetstream.WebhooksSubjects})
	if err != nil {
		return err
	}
	for m, err := range last {
		if errors.Is(err, jetstreamext.ErrNoMessages) {
			break // the last has expired meanwhile
		}
		if err != nil {
			return fmt.Errorf("stream %s: %w", jetstream.Webhooks, err)
		}
		if s := sources[sourceToken(m.Subject)]; s != nil && m.Time.After(s.Last) {
			s.Last = m.Time
		}
	}
	n := status.Normalizer
	if n == nil || n.Pending == 0 && n.InHand == 0 {
		return nil
	}
	for name, s := range sources {
		s.Waiting, s.Oldest, err = countFrom(ctx, js, jetstream.Webhooks, subjectsOf(jetstream.Webhooks, name), jetstreamext.GetBatchSeq(n.AckFloor+1))
		if err != nil {
			return err
		}
		if s.Waiting > 0 && (status.Oldest.IsZero() || s.Oldest.Before(status.Oldest)) {
			status.Oldest = s.Oldest
		}
	}
	return nil
}

// subjectsOf is the filter for one source's messages of a stream.
func subjectsOf(stream, source string) string {
	switch stream {
	case jetstream.Webhooks:
		return "webhooks." + source + ".*"
	case jetstream.Payments:
		return "payments." + source + ".>"
	}
	return DeadFilter(source, "")
}

// countFrom is how many messages of a subject are stored from a place of a stream on,
// and when the first of them was.
func countFrom(ctx context.Context, js natsjs.JetStream, stream, subject string, from jetstreamext.GetBatchOpt) (n uint64, first time.Time, err error) {
	options := []jetstreamext.GetBatchOpt{from}
	if subject != "" {
		options = append(options, jetstreamext.GetBatchSubject(subject))
	}
	batch, err := jetstreamext.GetBatch(ctx, js, stream, 1, options...)
	if err != nil {
		return 0, first, fmt.Errorf("stream %s: %w", stream, err)
	}
	for m, err := range batch {
		switch {
		case errors.Is(err, jetstreamext.ErrNoMessages):
			return 0, first, nil
		case err != nil:
			return 0, first, fmt.Errorf("stream %s: %w", stream, err)
		}
		behind, err := strconv.ParseUint(m.Header.Get("Nats-Num-Pending"), 10, 64)
		if err != nil {
			return 0, first, fmt.Errorf("stream %s: %w", stream, err)
		}
		n, first = behind+1, m.Time
	}
	return n, first, nil
}
