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

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// DeadExport writes dead letters out of the bus, bytes and headers exactly: one line of
// JSON each, in one file; or, into a folder, each as SEQUENCE.json and SEQUENCE.body,
// the body alone. Both hold people's data, and only their owner may read them.
//
// It is made beside its name, as TO.partial, and gets its name when it is complete. An
// export that ends half-way is continued by running it again: what is written stays, and
// its end is the one that was fixed at the beginning. TO.cursor says what that is, and goes
// with TO.partial.
type DeadExport struct {
	To       string // file; or a folder, where it ends with a separator
	Select   DeadSelection
	Of       []Same                // what it is of, as it was typed: another export does not go on with it
	Act      bool                  // write; without it, say what would be written
	Progress func(done, total int) // may be nil

	last, end uint64 // of DEADLETTERS: written so far, and the last that is meant; 0: no bound
}

// DeadExported sums up an export.
type DeadExported struct {
	To          string         `json:"to"`
	DeadLetters int            `json:"dead_letters"`
	Bytes       int64          `json:"bytes"` // of the bodies
	Groups      map[string]int `json:"groups"`
	Before      int            `json:"before,omitempty"` // of the dead letters, those that an interrupted export had written
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
	return x.run(ctx, js, path, sum)
}

// deadState is what a cursor file keeps of an export; how far it is, it says itself.
type deadState struct {
	Select DeadSelection `json:"select"`
	End    uint64        `json:"end"` // of DEADLETTERS
}

// run writes them, or goes on with what is written.
func (x DeadExport) run(ctx context.Context, js natsjs.JetStream, path string, sum DeadExported) (DeadExported, error) {
	stream, err := js.Stream(ctx, jetstream.DeadLetters)
	if err != nil {
		return sum, streamAdvice(jetstream.DeadLetters, err)
	}
	info := stream.CachedInfo()
	of := append(slices.Clone(x.Of), sameStream(info))
	state := deadState{x.Select, info.State.LastSeq}
	kept, resumed, err := CursorFile{path + ".cursor", of}.hold("deadletters export", &state)
	if err != nil {
		return sum, err
	}
	x.Select, x.end = state.Select, state.End
	partial := path + ".partial"
	_, absent := os.Lstat(partial)
	if !resumed {
		if absent == nil {
			err = advise(fmt.Errorf("export: %s is there already", partial), "nothing says what it is of: remove it, or name another")
		} else {
			err = kept.save(state)
		}
	}
	var w deadWriter
	if err == nil {
		w, err = x.open(partial, absent == nil, &sum)
	}
	if err == nil {
		err = x.each(ctx, js, &sum, w.write)
	}
	if w != nil {
		digest, closed := w.close()
		sum.Digest, err = digest, errors.Join(err, closed)
	}
	if err == nil {
		err = os.Rename(partial, path)
	}
	if err != nil {
		return sum, errors.Join(err, kept.release())
	}
	return sum, kept.done()
}

// each visits the chosen dead letters, and counts them.
func (x DeadExport) each(ctx context.Context, js natsjs.JetStream, sum *DeadExported, write func(*natsjs.RawStreamMsg) error) error {
	progress := x.Progress
	if progress == nil {
		progress = func(int, int) {}
	}
	r := Range{Subject: DeadFilter(x.Select.Source, string(x.Select.Reason)), Since: x.Select.Since, From: x.Select.Sequence, To: x.Select.Sequence}
	if x.end != 0 && (r.To == 0 || r.To > x.end) {
		r.To = x.end
	}
	if r.From = max(r.From, x.last+1); x.last == 0 && x.Select.Sequence == 0 {
		r.From = 0 // from a time on
	}
	if r.To != 0 && r.From > r.To {
		return nil
	}
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

// open makes what is written to, or goes on with what an interrupted export has written.
func (x *DeadExport) open(partial string, resumed bool, sum *DeadExported) (w deadWriter, err error) {
	had := func(d DeadRecord, size int64) {
		sum.DeadLetters++
		sum.Before++
		sum.Bytes += size
		sum.Groups[strings.TrimPrefix(d.Subject, "deadletters.")]++
		x.last = d.Sequence
	}
	folder := strings.HasSuffix(x.To, string(filepath.Separator))
	switch {
	case folder && resumed:
		w, err = deadFolder(partial), deadFolder(partial).resume(had)
	case folder:
		w, err = deadFolder(partial), os.Mkdir(partial, 0o700)
	case resumed:
		w, err = resumeDeadFile(partial, had)
	default:
		w, err = newDeadFile(partial)
	}
	if err != nil {
		return nil, advise(fmt.Errorf("export: %s: %w", partial, err), "remove it to begin anew")
	}
	return w, nil
}
