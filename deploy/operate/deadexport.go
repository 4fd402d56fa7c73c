package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// DeadExport writes dead letters out of the bus, bytes and headers exactly: one line of
// JSON each, in one file; or, into a folder, each as SEQUENCE.json and SEQUENCE.body,
// the body alone. Both hold people's data, and only their owner may read them. It gets
// its name when it is complete.
type DeadExport struct {
	To       string // file; or a folder, where it ends with a separator
	Select   DeadSelection
	Act      bool                  // write; without it, say what would be written
	Progress func(done, total int) // may be nil
}

// DeadExported sums up an export.
type DeadExported struct {
	To          string         `json:"to"`
	DeadLetters int            `json:"dead_letters"`
	Bytes       int64          `json:"bytes"` // of the bodies
	Groups      map[string]int `json:"groups"`
	Digest      string         `json:"digest,omitempty"` // "sha256-<hex>" of the file
}

// Run writes them, or says what it would write.
func (x DeadExport) Run(ctx context.Context, js natsjs.JetStream) (DeadExported, error) {
	sum := DeadExported{To: x.To, Groups: map[string]int{}}
	if err := x.Select.check(); err != nil {
		return sum, err
	}
	path := filepath.Clean(x.To)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return sum, advise(fmt.Errorf("export: %s is there already", x.To), "name another; an export never writes over anything")
	}
	if !x.Act {
		return sum, x.each(ctx, js, &sum, func(*natsjs.RawStreamMsg) error { return nil })
	}
	partial := path + ".partial"
	w, err := x.open(partial)
	if err != nil {
		return sum, err
	}
	err = x.each(ctx, js, &sum, w.write)
	digest, closed := w.close()
	sum.Digest = digest
	if err := errors.Join(err, closed); err != nil {
		return sum, advise(fmt.Errorf("export: %w", err), "what is in "+partial+" is not complete: remove it, and run this again")
	}
	return sum, os.Rename(partial, path)
}

// each visits the chosen dead letters, and counts them.
func (x DeadExport) each(ctx context.Context, js natsjs.JetStream, sum *DeadExported, write func(*natsjs.RawStreamMsg) error) error {
	progress := x.Progress
	if progress == nil {
		progress = func(int, int) {}
	}
	r := Range{Subject: DeadFilter(x.Select.Source, string(x.Select.Reason)), Since: x.Select.Since, From: x.Select.Sequence, To: x.Select.Sequence}
	return Walk(ctx, js, jetstream.DeadLetters, r, func(m *natsjs.RawStreamMsg) error {
		switch {
		case !x.Select.means(m):
			return nil
		case x.Select.Limit > 0 && sum.DeadLetters == x.Select.Limit:
			return errStop
		}
		sum.DeadLetters++
		sum.Bytes += int64(len(m.Data))
		sum.Groups[strings.TrimPrefix(m.Subject, "deadletters.")]++
		progress(sum.DeadLetters, sum.DeadLetters+pendingAfter(m))
		return write(m)
	})
}

// open makes what is written to.
func (x DeadExport) open(partial string) (deadWriter, error) {
	var w deadWriter
	var err error
	if strings.HasSuffix(x.To, string(filepath.Separator)) {
		w, err = deadFolder(partial), os.Mkdir(partial, 0o700)
	} else {
		w, err = newDeadFile(partial)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil, advise(fmt.Errorf("export: %s is there already", partial), "another export writes it now, or one was interrupted: then remove it, and run this again")
	}
	return w, err
}
