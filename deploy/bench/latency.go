package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"

	topology "paybridge/deploy/jetstream"
)

// handWrittenBoth is what the way from webhook to event is held against.
const handWrittenBoth = "hand-written bridge and mapper"

func throughoutName(rate float64) string {
	return fmt.Sprintf("webhook to event, fsync always, 2.0 KB, %.0f a second", rate)
}

// measureThroughout sends webhooks at a pace of their own and times the arrival of
// their events, through paybridge's programs and through the hand-written ones.
func (b *bus) measureThroughout(ctx context.Context, o options, programs binaries, r *row) error {
	ours, theirs, stop, err := b.startBoth(ctx, programs)
	if err != nil {
		return err
	}
	defer stop()
	for n := range o.rounds {
		var one round
		turns := []struct {
			to     *door
			stream string
			into   *sample
		}{{ours, topology.Payments, &one.ours}, {theirs, copyStream, &one.theirs}}
		if n%2 == 1 {
			turns[0], turns[1] = turns[1], turns[0]
		}
		for _, t := range turns {
			if t.to == theirs && o.programs() == 1 {
				continue
			}
			if *t.into, err = b.follow(ctx, o, programs, r, t.to, t.stream, n); err != nil {
				return err
			}
		}
		r.rounds = append(r.rounds, one)
	}
	return nil
}

// startBoth starts the four programs of two ways from webhook to event.
func (b *bus) startBoth(ctx context.Context, programs binaries) (ours, theirs *door, stop func(), err error) {
	var started []*process
	stop = func() {
		for _, p := range started {
			p.stop()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	if ours, err = b.startIngress(ctx, programs); err != nil {
		return nil, nil, nil, err
	}
	started = append(started, ours.process)
	if theirs, err = b.startBridge(ctx, programs, handWritten); err != nil {
		return nil, nil, nil, err
	}
	started = append(started, theirs.process)
	normalizer, err := b.startNormalizer(programs)
	if err != nil {
		return nil, nil, nil, err
	}
	started = append(started, normalizer)
	if err := normalizer.listening(ctx, b.admins[1]); err != nil {
		return nil, nil, nil, err
	}
	mapper, err := b.startCopy(programs, structMapper, bridgeStream, 1)
	if err != nil {
		return nil, nil, nil, err
	}
	started = append(started, mapper)
	return ours, theirs, stop, nil
}

// follow has a process of its own send and wait.
func (b *bus) follow(ctx context.Context, o options, programs binaries, r *row, to *door, stream string, n int) (sample, error) {
	length := o.throughout(r)
	out, err := exec.CommandContext(ctx, programs.self, "follow", "-nats", b.url, "-stream", stream, "-address", to.address, "-secret", benchSecret,
		"-rate", fmt.Sprint(r.rate), "-size", fmt.Sprint(r.size), "-warm", "300ms", "-length", length.String(), "-run", fmt.Sprint(n)).Output()
	if err != nil {
		return sample{}, fmt.Errorf("through %s: %w: %s: %w", to.name, err, stderrOf(err), to.complaint())
	}
	var l loaded
	if err := json.Unmarshal(out, &l); err != nil {
		return sample{}, err
	}
	return sample{rate: float64(l.Counted) / length.Seconds(), p50: l.P50, p99: l.P99, p999: l.P999}, nil
}

// throughout is how long one round of a row of latencies is counted: long enough
// for a 99.9th percentile in the full form.
func (o options) throughout(r *row) time.Duration {
	if !o.full {
		return max(o.length, 800*time.Millisecond)
	}
	return time.Duration(max(5, min(1000/r.rate, 10)) * float64(time.Second))
}
