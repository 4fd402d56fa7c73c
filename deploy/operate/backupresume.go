package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
)

// backupCursor is the file in a backup's folder that says which of its streams are whole. It
// goes when the backup is.
const backupCursor = "backup.cursor"

// backupState is what it keeps: the first streams of the flow.
type backupState struct {
	Streams []wholeStream `json:"streams"`
}

// wholeStream is a stream that was copied and read.
type wholeStream struct {
	BackedUpStream
	Sum string `json:"sum"` // SHA-256 of File, in hex
}

// backupAge is how old a stream may be that a backup goes on with: a backup is of about
// one moment.
const backupAge = 24 * time.Hour

// folder makes the folder, which only its owner may open: it will hold people's data.
func (b Backup) folder() error {
	if err := b.mayUse(); err != nil {
		return err
	}
	return os.MkdirAll(b.Dir, 0o700)
}

// mayUse says that the folder is not there, or empty: one that holds something is only gone
// on with where an interrupted backup left it.
func (b Backup) mayUse() error {
	entries, err := os.ReadDir(b.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return advise(fmt.Errorf("backup: %w", err), "name a folder, new or empty")
	}
	if len(entries) == 0 || slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == backupCursor }) {
		return nil
	}
	return advise(fmt.Errorf("backup: %s is not empty", b.Dir), "name a new folder: a backup never writes over another, and this one is none that was interrupted")
}

// of is what an interrupted backup has to have been of.
func (b Backup) of(ctx context.Context, js natsjs.JetStream) ([]Same, error) {
	of := []Same{{"--stream", strings.Join(b.names(), ",")}}
	for _, name := range b.names() {
		s, err := js.Stream(ctx, name)
		if err != nil {
			return nil, streamAdvice(name, err)
		}
		of = append(of, sameStream(s.CachedInfo()))
	}
	return of, nil
}

// whole are the streams that are kept of an interrupted backup: those of which the files are
// as they were written, up to the first that is not, or that is too old. Of those behind
// that none is kept: each has to be of a later moment than the one before.
func (b Backup) whole(ctx context.Context, js natsjs.JetStream, state backupState) ([]wholeStream, error) {
	for i, w := range state.Streams {
		live, err := js.Stream(ctx, w.Name)
		if err != nil {
			return nil, streamAdvice(w.Name, err)
		}
		now := live.CachedInfo()
		sum, err := fileSum(ctx, filepath.Join(b.Dir, w.File), func(int) {})
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil, sum != w.Sum, !backupJSON(b.Dir, w.Name), now.State.LastSeq < w.Last, now.TimeStamp.Sub(w.Taken) > backupAge:
			return state.Streams[:i], nil
		}
	}
	return state.Streams, nil
}

// backupJSON says that the file for the nats command is there: it is written last.
func backupJSON(dir, stream string) bool {
	info, err := os.Stat(filepath.Join(dir, stream, "backup.json"))
	return err == nil && info.Size() > 0
}
