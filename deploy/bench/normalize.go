package main

import (
	"context"
	"errors"
	"fmt"
)

// serialShare is the part of a round's deliveries that the serial copy, so much
// slower, is given.
const serialShare = 5

// measureNormalizer runs the normalizer and its opponents over the same fresh
// deliveries, in turn.
func (b *bus) measureNormalizer(ctx context.Context, o options, programs binaries, rows []*row) error {
	for n := range o.rounds {
		from, err := b.fill(ctx, o.count(rows[0]), fmt.Sprintf("%d", n), rows[0].size)
		if err != nil {
			return err
		}
		results := make([]sample, len(rows)+1)
		for i := range results { // who goes first alternates
			who := (i + n) % len(results)
			written(ctx)
			if who == len(rows) {
				results[who], err = b.runNormalizer(ctx, programs, o.count(rows[0]))
			} else {
				results[who], err = b.runCopy(ctx, programs, from, o.count(rows[0]), rows[who].theirs)
			}
			if err != nil {
				return err
			}
		}
		for i, r := range rows {
			r.rounds = append(r.rounds, round{ours: results[len(rows)], theirs: results[i]})
		}
	}
	return nil
}

// finish waits for count new messages in a stream, takes the rate from the
// server's own stamps, and stops the program. The CPU is counted from when the
// first message is there: what a start costs is no message's.
func (b *bus) finish(ctx context.Context, p *process, stream string, before uint64, count int) (sample, error) {
	defer p.stop()
	first, err := b.reach(ctx, stream, before+1)
	if err != nil {
		return sample{}, errors.Join(err, p.complaint())
	}
	started, err := p.usage()
	if err != nil {
		return sample{}, err
	}
	last, err := b.reach(ctx, stream, before+uint64(count))
	if err != nil {
		return sample{}, errors.Join(err, p.complaint())
	}
	ended, err := p.usage()
	if err != nil {
		return sample{}, err
	}
	took, err := b.between(ctx, stream, before+1, before+uint64(count))
	if err != nil {
		return sample{}, err
	}
	each := 1 / float64(max(last-first, 1))
	return sample{
		rate: float64(count-1) / took.Seconds(), cpu: float64((ended.cpu - started.cpu).Microseconds()) * each,
		allocated: (ended.allocated - started.allocated) * each, peak: ended.peak,
	}, nil
}
