package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
)

// measureIngress loads the ingress and a hand-written bridge in turn.
func (b *bus) measureIngress(ctx context.Context, o options, programs binaries, r *row) error {
	ours, err := b.startIngress(ctx, programs)
	if err != nil {
		return err
	}
	defer ours.stop()
	theirs, err := b.startBridge(ctx, programs, r.theirs)
	if err != nil {
		return err
	}
	defer theirs.stop()
	var idle, served [2]usage
	doors := [2]*door{ours, theirs}
	for i, d := range doors {
		if idle[i], err = d.usage(); err != nil {
			return err
		}
		if _, err := d.load(ctx, o, programs, r, "warm"); err != nil {
			return err
		}
	}
	for n := range o.rounds {
		var one round
		turns := []turn{{ours, &one.ours}, {theirs, &one.theirs}}
		if n%2 == 1 { // who goes first alternates
			turns[0], turns[1] = turns[1], turns[0]
		}
		for _, t := range turns {
			if *t.into, err = t.to.load(ctx, o, programs, r, fmt.Sprintf("%d", n)); err != nil {
				return err
			}
		}
		r.rounds = append(r.rounds, one)
	}
	for i, d := range doors {
		if served[i], err = d.usage(); err != nil {
			return err
		}
	}
	// These are of the whole life of a program: garbage is collected too seldom for
	// the length of a round.
	for i := range r.rounds {
		for j, s := range []*sample{&r.rounds[i].ours, &r.rounds[i].theirs} {
			s.idle = idle[j].now
			s.allocated = (served[j].allocated - idle[j].allocated) / float64(doors[j].served)
		}
	}
	return nil
}

// turn is one program's part of a round.
type turn struct {
	to   *door
	into *sample
}

// load loads a program from a process of its own.
func (d *door) load(ctx context.Context, o options, programs binaries, r *row, run string) (sample, error) {
	written(ctx)
	before, err := d.usage()
	if err != nil {
		return sample{}, err
	}
	warm, counted := o.pace(r)
	out, err := exec.CommandContext(ctx, programs.self, "load", "-address", d.address, "-secret", benchSecret,
		"-conns", fmt.Sprint(r.conns), "-size", fmt.Sprint(r.size), "-sources", fmt.Sprint(max(r.sources, 1)), "-warm", warm.String(), "-length", counted.String(), "-run", run).Output()
	if err != nil {
		return sample{}, fmt.Errorf("load on %s: %w: %s: %w", d.name, err, stderrOf(err), d.complaint())
	}
	var l loaded
	if err := json.Unmarshal(out, &l); err != nil {
		return sample{}, err
	}
	if l.Refused > 0 || l.Counted == 0 {
		return sample{}, fmt.Errorf("%s refused %d and accepted %d requests: %w", d.name, l.Refused, l.Requests, d.complaint())
	}
	d.served += l.Requests
	after, err := d.usage()
	if err != nil {
		return sample{}, err
	}
	return sample{
		rate: float64(l.Counted) / l.Seconds, p50: l.P50, p99: l.P99, p999: l.P999,
		cpu:  float64((after.cpu - before.cpu).Microseconds()) / float64(l.Requests),
		peak: after.peak,
	}, nil
}
