package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// BackupPlan is what a backup would copy, and how much room there is for it.
type BackupPlan struct {
	Streams []PlannedCopy `json:"streams"`
	Stored  uint64        `json:"stored"` // bytes that are to be copied: compressed, they take at most about that
	Free    uint64        `json:"free"`   // bytes, where the folder is or will be; 0: nobody knows
}

// PlannedCopy is one stream of it.
type PlannedCopy struct {
	Name     string `json:"name"`
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`          // stored
	Kept     bool   `json:"kept,omitempty"` // whole in the folder, from before it was interrupted
}

// smallest is how small a copy may be at best: a share of what is stored. Bodies with
// their signatures and ids are compressed to a third, or where they are much alike to a
// tenth.
const smallest = 20

// Plan says what Run would do, and writes nothing. A disk that clearly cannot hold it is an error
// here, and not after an hour.
func (b Backup) Plan(ctx context.Context, js natsjs.JetStream) (BackupPlan, error) {
	p := BackupPlan{Streams: []PlannedCopy{}}
	if err := b.mayUse(); err != nil {
		return p, err
	}
	kept, err := b.copied(ctx, js)
	if err != nil {
		return p, err
	}
	for _, name := range b.names() {
		s, err := js.Stream(ctx, name)
		if err != nil {
			return p, streamAdvice(name, err)
		}
		state := s.CachedInfo().State
		c := PlannedCopy{Name: name, Messages: state.Msgs, Bytes: state.Bytes, Kept: slices.Contains(kept, name)}
		if p.Streams = append(p.Streams, c); !c.Kept {
			p.Stored += c.Bytes
		}
	}
	freeDisk := b.freeDisk
	if freeDisk == nil {
		freeDisk = jetstream.FreeDisk
	}
	free, err := freeDisk(b.Dir)
	if err != nil {
		return p, fmt.Errorf("backup: %w", err)
	}
	if p.Free = uint64(free); p.Free > 0 && p.Free < p.Stored/smallest {
		return p, advise(fmt.Errorf("backup: %s free for %s cannot hold a copy of %s", Bytes(int64(p.Free)), b.Dir, Bytes(int64(p.Stored))),
			"make room, or name a folder on another disk")
	}
	return p, nil
}

// copied are the streams that an interrupted backup has copied.
func (b Backup) copied(ctx context.Context, js natsjs.JetStream) ([]string, error) {
	path := filepath.Join(b.Dir, backupCursor)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	of, err := b.of(ctx, js)
	if err != nil {
		return nil, err
	}
	var state backupState
	held, _, err := CursorFile{path, of}.hold("streams backup", &state)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range state.Streams {
		names = append(names, s.Name)
	}
	return names, held.release()
}
