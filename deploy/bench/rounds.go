package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// measure runs the plan and prints the table.
func measure(ctx context.Context, o options) error {
	if o.length == 0 {
		o.length = 400 * time.Millisecond
		if o.full {
			o.length = time.Second
		}
	}
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
	for _, group := range groups(rows) {
		if err := measureGroup(ctx, o, programs, group); err != nil {
			return fmt.Errorf("%s: %w", group[0].what, err)
		}
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

// measureGroup measures rows that share a server, on one of their own that is
// empty, and that leaves nothing on the disk.
func measureGroup(ctx context.Context, o options, programs binaries, group []*row) error {
	bus, err := startBus(ctx, programs, group[0].sync)
	if err != nil {
		return err
	}
	defer bus.stop()
	if group[0].kind == overStreams {
		return bus.measureNormalizer(ctx, o, programs, group)
	}
	return bus.measureIngress(ctx, o, programs, group[0])
}

func progress(what string, n, of int) {
	fmt.Fprintf(os.Stderr, "%-44s round %d of %d\n", what, n, of)
}
