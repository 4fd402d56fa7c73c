package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	topology "paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
)

// serialShare is the part of a round's deliveries that the serial copy, some ten
// times slower, is given.
const serialShare = 10

// measureNormalizer runs the normalizer, the raw copy and the serial copy over the
// same fresh deliveries, in turn.
func measureNormalizer(ctx context.Context, o options, programs binaries, bus *bus, sync string) ([]row, error) {
	raw := row{what: fmt.Sprintf("normalizer, fsync %s, 2.0 KB", sync), ours: "normalizer", theirs: "raw pipelined copy"}
	serial := row{what: raw.what + " ", ours: "normalizer", theirs: "serial publish-wait-ack"}
	for n := range o.rounds {
		progress(raw.what, n+1, o.rounds)
		from, err := bus.preload(ctx, o.messages, fmt.Sprintf("%s-%d", sync, n))
		if err != nil {
			return nil, err
		}
		var results [3]sample
		turns := []func() error{
			func() (err error) { results[0], err = bus.runNormalizer(ctx, programs, o.messages); return err },
			func() (err error) {
				results[1], err = bus.runCopies(ctx, programs, from, o.messages, false)
				return err
			},
			func() (err error) {
				results[2], err = bus.runCopies(ctx, programs, from, o.messages/serialShare, true)
				return err
			},
		}
		for i := range turns {
			if err := turns[(i+n)%len(turns)](); err != nil {
				return nil, err
			}
		}
		raw.rounds = append(raw.rounds, round{results[0], results[1]})
		serial.rounds = append(serial.rounds, round{results[0], results[2]})
	}
	return []row{raw, serial}, nil
}

// preload stores sealed, distinct deliveries and returns the first one's sequence.
func (b *bus) preload(ctx context.Context, count int, run string) (uint64, error) {
	last, err := b.last(ctx, topology.Webhooks)
	if err != nil {
		return 0, err
	}
	key, err := delivery.NewKey("k1", sealSecret)
	if err != nil {
		return 0, err
	}
	keys := delivery.Keys{key}
	futures := make([]jetstream.PubAckFuture, 0, count)
	for n := range count {
		d := delivery.Delivery{
			Source: "pik", Provider: "pik", Endpoint: delivery.DefaultEndpoint, ReceivedAt: time.Now().UTC(),
			RequestID: fmt.Sprintf("bench-%d", n), Scheme: "hmac", KeyID: "bench", Body: appendBody(nil, run, n, 2048),
		}
		future, err := b.js.PublishMsgAsync(d.Message(keys), jetstream.WithStallWait(time.Minute))
		if err != nil {
			return 0, err
		}
		futures = append(futures, future)
	}
	for _, future := range futures {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			return 0, fmt.Errorf("preload: %w", err)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return last + 1, nil
}

// runNormalizer starts the normalizer on what is waiting and stops it when
// all of it is stored.
func (b *bus) runNormalizer(ctx context.Context, programs binaries, count int) (sample, error) {
	before, err := b.last(ctx, topology.Payments)
	if err != nil {
		return sample{}, err
	}
	p, err := programs.start("normalizer", programs.path("normalizer"), nil, "--config", b.config)
	if err != nil {
		return sample{}, err
	}
	return b.finish(ctx, p, topology.Payments, before, count)
}

// runCopies starts a copy of this program in its role of a copier.
func (b *bus) runCopies(ctx context.Context, programs binaries, from uint64, count int, serial bool) (sample, error) {
	before, err := b.last(ctx, "BENCH_COPY")
	if err != nil {
		return sample{}, err
	}
	p, err := programs.start("copy", programs.self, nil, "copy", "-nats", b.url, "-from", fmt.Sprint(from), fmt.Sprintf("-serial=%t", serial))
	if err != nil {
		return sample{}, err
	}
	return b.finish(ctx, p, "BENCH_COPY", before, count)
}

// finish waits for count new messages in a stream, takes the rate from the
// server's own stamps, and stops the program.
func (b *bus) finish(ctx context.Context, p *process, stream string, before uint64, count int) (sample, error) {
	defer p.stop()
	took, err := b.grown(ctx, stream, before+1, before+uint64(count))
	if err != nil {
		return sample{}, errors.Join(err, p.complaint())
	}
	u, err := p.usage()
	if err != nil {
		return sample{}, err
	}
	return sample{rate: float64(count-1) / took.Seconds(), cpu: float64(u.cpu.Microseconds()) / float64(count), rss: u.rss}, nil
}
