package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	topology "paybridge/deploy/jetstream"
)

// shelf is a bus on which much or little is stored already.
type shelf struct {
	stored  int
	sources int
	ids     bool // what is stored has message ids, and they fill the duplicate window
}

func (s shelf) name() string {
	name := fmt.Sprintf("%s stored", thousands(s.stored))
	if s.sources != fewSources {
		name += fmt.Sprintf(", %d sources", s.sources)
	}
	if !s.ids {
		name += ", no ids"
	}
	return name
}

// folder is the shelf's place among others.
func (s shelf) folder() string {
	return strings.NewReplacer(" ", "-", ",", "").Replace(s.name())
}

// What the shelves differ in, besides what is stored.
const (
	fewSources  = 10
	littleThere = 10_000
)

// shelves are what -scale compares; the first is what the others are held against.
func shelves(stored []int) []shelf {
	all := []shelf{{littleThere, fewSources, true}}
	for _, n := range stored {
		all = append(all, shelf{n, fewSources, true})
	}
	if len(stored) > 0 {
		all = append(all, shelf{stored[0], fewSources, false})
	}
	return append(all, shelf{littleThere, 1, true}, shelf{littleThere, 100, true})
}

// scaleName is the name of a judged row.
func scaleName(program, sync string) string {
	return scaleRow(program, shelf{5_000_000, fewSources, true}, sync).name()
}

func scaleRow(program string, s shelf, sync string) *row {
	against := shelf{littleThere, fewSources, true}
	return &row{
		what: fmt.Sprintf("%s, %s, fsync %s", program, s.name(), sync), ours: program, theirs: against.name(),
		kind: scaled, sync: sync, size: 2 * KB, conns: 64,
	}
}

// thousands is a round number as people say it.
func thousands(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%d M", n/1_000_000)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%d k", n/1000)
	default:
		return fmt.Sprint(n)
	}
}

// startName is what -only is matched against for starting on a shelf.
func startName(s shelf) string { return "start-up, " + s.name() }

// choose is the shelves whose names, in one part of -scale, -only asks for.
func choose(all []shelf, pattern *regexp.Regexp, names ...func(shelf) string) []shelf {
	return slices.DeleteFunc(slices.Clone(all), func(s shelf) bool {
		return !slices.ContainsFunc(names, func(name func(shelf) string) bool { return pattern.MatchString(name(s)) })
	})
}

// measureScale fills the shelves that are not full yet, and measures each.
func measureScale(ctx context.Context, o options) error {
	pattern, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	dir := o.data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "paybridge-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "building")
	programs, err := build(ctx, filepath.Clean(dir))
	if err != nil {
		return err
	}
	all := shelves(o.stored)
	starting := choose(all, pattern, startName)
	if o.fill {
		for _, s := range starting {
			if err := fillShelf(ctx, programs, s); err != nil {
				return fmt.Errorf("%s: %w", s.name(), err)
			}
		}
		return nil
	}
	var b strings.Builder
	b.WriteString(about(ctx, o, programs))
	if err := startTable(ctx, programs, starting, &b); err != nil {
		return err
	}
	var rows []*row
	for _, sync := range []string{syncInterval, syncAlways} {
		measured := func(program string) func(shelf) string {
			return func(s shelf) string { return scaleRow(program, s, sync).name() }
		}
		more, err := measureShelves(ctx, o, programs, all[0], choose(all[1:], pattern, measured("ingress"), measured("normalizer"), measured(handWritten)), sync)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	if err := markdown(&b, "", rows); err != nil {
		return err
	}
	fmt.Print(b.String())
	return write(o.markdown, func(f *os.File) error { _, err := f.WriteString(b.String()); return err })
}

// measureShelves takes turns among running shelves: the ingress takes webhooks for a
// while, and the normalizer makes events of what it took.
func measureShelves(ctx context.Context, o options, programs binaries, little shelf, much []shelf, sync string) ([]*row, error) {
	if len(much) == 0 {
		return nil, nil
	}
	all := append([]shelf{little}, much...)
	var rows []*row
	for _, s := range much {
		for _, program := range scaledPrograms {
			rows = append(rows, scaleRow(program, s, sync))
		}
	}
	buses := make([]*bus, len(all))
	for i, s := range all {
		if err := fillShelf(ctx, programs, s); err != nil {
			return nil, err
		}
		b, err := openShelf(ctx, programs, s, sync)
		if err != nil {
			return nil, err
		}
		defer b.stop()
		buses[i] = b
	}
	o.length, o.settle = time.Second, 500*time.Millisecond
	for n := range o.rounds {
		fmt.Fprintf(os.Stderr, "fsync %s: round %d of %d\n", sync, n+1, o.rounds)
		taken := make([][]sample, len(all))
		for i := range all {
			who := (i + n) % len(all)
			var err error
			if taken[who], err = buses[who].turn(ctx, o, programs, all[who], fmt.Sprintf("%s%d-%d", sync[:1], n, time.Now().UnixNano())); err != nil {
				return nil, fmt.Errorf("%s: %w", all[who].name(), err)
			}
		}
		for i := range much {
			for j, r := range rows[len(scaledPrograms)*i:][:len(scaledPrograms)] {
				r.rounds = append(r.rounds, round{ours: taken[i+1][j], theirs: taken[0][j]})
			}
		}
	}
	return rows, nil
}

// scaledPrograms are measured on every shelf. The bridge says what of a difference is
// the server's.
var scaledPrograms = []string{"ingress", handWritten, "normalizer"}

// turn is one round of every program on one shelf.
func (b *bus) turn(ctx context.Context, o options, programs binaries, s shelf, run string) ([]sample, error) {
	first, err := b.last(ctx, topology.Webhooks)
	if err != nil {
		return nil, err
	}
	r := &row{size: 2 * KB, conns: 64, sources: s.sources}
	results := make([]sample, len(scaledPrograms))
	plain := func(ctx context.Context, programs binaries) (*door, error) {
		return b.startBridge(ctx, programs, handWritten)
	}
	for i, start := range []func(context.Context, binaries) (*door, error){b.startIngress, plain} {
		d, err := start(ctx, programs)
		if err != nil {
			return nil, err
		}
		results[i], err = d.load(ctx, o, programs, r, run)
		d.stop()
		if err != nil {
			return nil, err
		}
	}
	last, err := b.last(ctx, topology.Webhooks)
	if err != nil {
		return nil, err
	}
	results[2], err = b.runNormalizer(ctx, programs, int(last-first))
	return results, err
}
