package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/operate"
)

// openLook looks at the status, and tells open dead letters from redriven ones with the
// packs that are in force at the time.
type openLook struct {
	program  *Program
	place    place
	bridge   *bridge
	mark     string // of the files that the bridge was read from
	patience time.Duration
	dead     operate.OpenDead
}

// newOpenLook begins with the packs of a bridge. Those that cannot be read make no
// events, so that their dead letters are open.
func newOpenLook(p *Program, pl place, b *bridge, patience time.Duration) *openLook {
	programs, _ := b.programs() // what is wrong with them is for doctor and provider check
	return &openLook{program: p, place: pl, bridge: b, mark: b.mark(), patience: patience, dead: operate.OpenDead{Programs: programs}}
}

// read is one look.
func (o *openLook) read(ctx context.Context, js natsjs.JetStream, window time.Duration) (operate.Status, error) {
	now := o.program.Now
	status, err := operate.ReadStatus(ctx, js, now(), window)
	if err != nil {
		return status, err
	}
	until := now().Add(o.patience)
	told, err := o.dead.Look(ctx, js, func() bool { return o.patience > 0 && !now().Before(until) })
	status.AddOpen(told)
	return status, err
}

// again is read, with packs that have changed since: an operator mends one and watches. A
// configuration that cannot be read changes nothing.
func (o *openLook) again(ctx context.Context, js natsjs.JetStream, window time.Duration) (operate.Status, error) {
	if o.bridge.mark() != o.mark {
		if b, err := o.program.findBus(o.place); err == nil {
			programs, _ := b.programs()
			o.bridge, o.mark = b, b.mark()
			o.dead.Anew(programs)
		}
	}
	return o.read(ctx, js, window)
}

// mark changes whenever a file changes that packs are read from.
func (b *bridge) mark() string {
	var all strings.Builder
	add := func(path string, info os.FileInfo) {
		fmt.Fprintf(&all, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
	}
	if info, err := os.Stat(b.File); err == nil {
		add(b.File, info)
	}
	if b.Config.ProvidersDir == "" {
		return all.String()
	}
	_ = filepath.Walk(b.Config.ProvidersDir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			add(path, info)
		}
		return nil // what cannot be read is no mark, and no pack
	})
	return all.String()
}
