package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// defaults fills what the command line leaves open.
func (o options) defaults() options {
	// Connections, pools and pacing find their form first.
	o.settle = 100 * time.Millisecond
	switch {
	case o.length > 0:
	case o.full:
		o.length = time.Second
	default:
		o.length = 300 * time.Millisecond
	}
	return o
}

// measure runs the plan and prints the table.
func measure(ctx context.Context, o options) error {
	rows, err := o.plan()
	if err != nil {
		return err
	}
	if o.list {
		fmt.Print(names(rows))
		return nil
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
	if err := measureAll(ctx, o, programs, groups(rows)); err != nil {
		return err
	}
	about := about(ctx, o, programs)
	if err := markdown(os.Stdout, about, rows); err != nil {
		return err
	}
	if err := write(o.markdown, func(f *os.File) error { return markdown(f, about, rows) }); err != nil {
		return err
	}
	if err := write(o.plot, func(f *os.File) error { return plot(f, rows) }); err != nil {
		return err
	}
	if err := judgeIn(o.readme, about+judgement(rows)); err != nil {
		return err
	}
	return wrong(rows)
}

// measureAll measures group after group. What goes wrong in one stands in its rows,
// and the others are measured.
func measureAll(ctx context.Context, o options, programs binaries, all [][]*row) error {
	var left time.Duration
	for _, group := range all {
		left += o.expected(group)
	}
	for i, group := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%d of %d, about %s left: %s\n", i+1, len(all), left.Round(time.Second), group[0].what)
		left -= o.expected(group)
		if err := measureGroup(ctx, o, programs, group); err != nil {
			for _, r := range group {
				r.rounds, r.wrong = nil, err
			}
		}
	}
	return nil
}

// wrong is what kept rows from being measured.
func wrong(rows []*row) error {
	var all []error
	for _, r := range rows {
		if r.wrong != nil {
			all = append(all, fmt.Errorf("%s: %w", r.name(), r.wrong))
		}
	}
	return errors.Join(all...)
}

// about says what the figures are of.
func about(ctx context.Context, o options, programs binaries) string {
	server, err := exec.CommandContext(ctx, programs.path("nats-server"), "-v").Output()
	if err != nil {
		server = []byte("nats-server: " + err.Error())
	}
	return fmt.Sprintf("Medians of %d interleaved rounds of one run; %d cores for the load, the programs and the server; %s/%s, %s, %s.\n",
		o.rounds, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), strings.TrimSpace(string(server)))
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

// measureGroup measures rows that share a server, on one of their own that is
// empty, and that leaves nothing on the disk.
func measureGroup(ctx context.Context, o options, programs binaries, group []*row) error {
	bus, err := startBus(ctx, programs, group[0].sync)
	if err != nil {
		return err
	}
	defer bus.stop()
	switch group[0].kind {
	case overStreams:
		return bus.measureNormalizer(ctx, o, programs, group)
	case throughout:
		return bus.measureThroughout(ctx, o, programs, group[0])
	default:
		return bus.measureIngress(ctx, o, programs, group[0])
	}
}
