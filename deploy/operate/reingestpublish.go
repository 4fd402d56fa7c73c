package operate

import (
	"context"
	"errors"
	"fmt"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
)

// ingesting is a delivery on its way into the target.
type ingesting struct {
	ack      natsjs.PubAckFuture
	delivery delivery.Delivery
	trust    trust
}

// tooLargeThere is why a delivery is left out that the target's stream does not take.
const tooLargeThere = "it is larger than the target's WEBHOOKS takes"

// publish seals a delivery anew and puts it on its way.
func (w *reingesting) publish(ctx context.Context, m *natsjs.RawStreamMsg, d delivery.Delivery, by trust) error {
	if err := w.pace.wait(ctx); err != nil {
		return err
	}
	msg, err := delivery.Reseal(m.Subject, m.Header, m.Data, w.Now(), w.Target.Seals)
	if err != nil {
		w.sum.LeftOut[err.Error()]++ // names a header, never a value
		return nil
	}
	w.there[msg.Header.Get(delivery.MessageIDHeader)] = true
	ack, err := w.js.PublishMsgAsync(msg, natsjs.WithExpectStream(jetstream.Webhooks))
	switch {
	case err != nil && tooLarge(err):
		w.sum.LeftOut[tooLargeThere]++
		return nil
	case err != nil:
		return fmt.Errorf("reingest: delivery %d: %w", m.Sequence, err)
	}
	d.Body = nil // the sum needs none
	if w.underway = append(w.underway, ingesting{ack, d, by}); len(w.underway) < redriveWindow {
		return nil
	}
	return w.land(ctx)
}

// land waits for every answer and counts it.
func (w *reingesting) land(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, redrivePatience)
	defer cancel()
	underway := w.underway
	w.underway = nil
	var failed error
	for _, p := range underway {
		var err error
		select {
		case ack := <-p.ack.Ok():
			if ack.Duplicate {
				w.sum.Already++ // another copy of this run put it in meanwhile
			} else {
				w.count(&p.delivery, p.trust)
			}
		case err = <-p.ack.Err():
			if tooLarge(err) {
				w.sum.LeftOut[tooLargeThere]++
				err = nil
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
		if failed == nil {
			failed = err
		}
	}
	if failed == nil {
		return nil
	}
	w.failed = true
	do := "run it again: what is stored is found"
	if full(failed) {
		do = "make room in the target (streams.webhooks.max_bytes, then `paybridge streams apply`), and run it again: what is stored is found"
	}
	return advise(fmt.Errorf("reingest: a delivery was not stored: %w", failed), do)
}

// The server's codes for a stream that has no room.
const (
	codeStreamFull    natsjs.ErrorCode = 10077 // of its own limits
	codeStorageIsFull natsjs.ErrorCode = 10047
)

func full(err error) bool {
	var api *natsjs.APIError
	return errors.As(err, &api) && (api.ErrorCode == codeStreamFull || api.ErrorCode == codeStorageIsFull)
}
