package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// options are the command line.
type options struct {
	rounds         int
	length         time.Duration
	messages       int
	full           bool
	markdown, plot string
}

// ingressCase is one way to load the door.
type ingressCase struct {
	conns, size int
	rate        float64 // 0: as fast as answers come
}

func (c ingressCase) name(sync string) string {
	return fmt.Sprintf("ingress, fsync %s, %.1f KB, c=%d", sync, float64(c.size)/1024, c.conns)
}

// cases are what the short and the full form load the ingress with.
func (o options) cases(sync string) []ingressCase {
	if o.full {
		var all []ingressCase
		for _, size := range []int{512, 2048, 16 << 10} {
			for _, conns := range []int{1, 4, 16, 64, 256} {
				all = append(all, ingressCase{conns: conns, size: size})
			}
		}
		return all
	}
	if sync == syncInterval {
		return []ingressCase{{conns: 64, size: 2048}}
	}
	return []ingressCase{{conns: 4, size: 2048}, {conns: 64, size: 2048}, {conns: 256, size: 2048}}
}

// measure runs everything and prints the table.
func measure(ctx context.Context, o options) error {
	if o.length == 0 {
		o.length = time.Second
		if o.full {
			o.length = 2 * time.Second
		}
	}
	dir, err := os.MkdirTemp("", "paybridge-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintln(os.Stderr, "building")
	programs, err := build(ctx, dir)
	if err != nil {
		return err
	}
	var rows []row
	for _, sync := range []string{syncInterval, syncAlways} {
		more, err := measureWith(ctx, o, programs, sync)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	if err := markdown(os.Stdout, rows); err != nil {
		return err
	}
	if err := write(o.markdown, func(f *os.File) error { return markdown(f, rows) }); err != nil {
		return err
	}
	return write(o.plot, func(f *os.File) error { return plot(f, rows) })
}

func write(name string, content func(*os.File) error) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := content(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// measureWith measures both programs over a nats-server with one sync setting.
func measureWith(ctx context.Context, o options, programs binaries, sync string) ([]row, error) {
	bus, err := startBus(ctx, programs, sync)
	if err != nil {
		return nil, err
	}
	defer bus.stop()
	rows, err := measureIngress(ctx, o, programs, bus, sync)
	if err != nil {
		return nil, err
	}
	more, err := measureNormalizer(ctx, o, programs, bus, sync)
	return append(rows, more...), err
}

// measureIngress loads the ingress and the hand-written bridge in turn.
func measureIngress(ctx context.Context, o options, programs binaries, bus *bus, sync string) ([]row, error) {
	ours, err := bus.startIngress(ctx, programs)
	if err != nil {
		return nil, err
	}
	defer ours.stop()
	theirs, err := bus.startBridge(ctx, programs)
	if err != nil {
		return nil, err
	}
	defer theirs.stop()
	var rows []row
	for _, c := range o.cases(sync) {
		r := row{what: c.name(sync), ours: "ingress", theirs: "hand-written bridge"}
		for n := range o.rounds + 1 {
			progress(r.what, n, o.rounds)
			one, err := loadBoth(ctx, o, programs, ours, theirs, c, fmt.Sprintf("%s%d%d%d", sync, c.size, c.conns, n))
			if err != nil {
				return nil, err
			}
			if n > 0 { // the first is a warm-up
				r.rounds = append(r.rounds, one)
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// loadBoth is one round; who goes first alternates with the round's name.
func loadBoth(ctx context.Context, o options, programs binaries, ours, theirs *door, c ingressCase, run string) (round, error) {
	var one round
	turns := []struct {
		to   *door
		into *sample
	}{{ours, &one.ours}, {theirs, &one.theirs}}
	if run[len(run)-1]%2 == 1 {
		turns[0], turns[1] = turns[1], turns[0]
	}
	for _, turn := range turns {
		s, err := load(ctx, o, programs, turn.to, c, run)
		if err != nil {
			return one, err
		}
		*turn.into = s
	}
	return one, nil
}

func load(ctx context.Context, o options, programs binaries, to *door, c ingressCase, run string) (sample, error) {
	before, err := to.usage()
	if err != nil {
		return sample{}, err
	}
	out, err := exec.CommandContext(ctx, programs.self, "load", "-address", to.address, "-secret", benchSecret,
		"-conns", fmt.Sprint(c.conns), "-size", fmt.Sprint(c.size), "-length", o.length.String(),
		"-rate", fmt.Sprint(c.rate), "-run", run).Output()
	if err != nil {
		return sample{}, fmt.Errorf("load on %s: %w: %w", to.name, err, to.complaint())
	}
	var l loaded
	if err := json.Unmarshal(out, &l); err != nil {
		return sample{}, err
	}
	if l.Refused > 0 || l.Requests == 0 {
		return sample{}, fmt.Errorf("%s refused %d and accepted %d requests: %w", to.name, l.Refused, l.Requests, to.complaint())
	}
	after, err := to.usage()
	if err != nil {
		return sample{}, err
	}
	return sample{
		rate: float64(l.Requests) / l.Seconds, p50: l.P50, p99: l.P99, p999: l.P999,
		cpu: float64((after.cpu - before.cpu).Microseconds()) / float64(l.Requests), rss: after.rss,
	}, nil
}

func progress(what string, n, of int) {
	fmt.Fprintf(os.Stderr, "%-44s round %d of %d\n", what, n, of)
}
