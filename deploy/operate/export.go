package operate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/schemas/delivery"
)

// Export writes stored deliveries to a portable file. It reads only, by direct get.
//
// The file is made beside its name, as FILE.partial, and gets its name when it is
// complete. An export that ends half-way is continued by running it again: what is
// written stays, and its end is the one that was fixed at the beginning.
type Export struct {
	File     string
	Select   Selection
	Redact   Redactions // nil: whole, personal fields included
	Fixture  Capture    // nil: a portable file; else the one delivery that is meant, as a fixture
	Rate     int        // most deliveries a second; 0: no limit
	Now      time.Time
	Progress func(done, total int) // may be nil
}

// Capture writes a delivery as a fixture of its pack; doc says where it is from.
type Capture func(d *delivery.Delivery, doc string) ([]byte, error)

// Exported sums up an export.
type Exported struct {
	File       string         `json:"file"`
	Deliveries int            `json:"deliveries"`
	Bytes      int64          `json:"bytes"` // of the bodies
	Sources    map[string]int `json:"sources"`
	Before     int            `json:"before"`              // of the deliveries, those that an interrupted export had written
	Redacted   bool           `json:"redacted"`            // personal fields are hidden
	Withheld   int            `json:"withheld"`            // redacted: deliveries without their body, because nobody knows what in it is personal
	Unlisted   map[string]int `json:"unlisted,omitempty"`  // redacted: deliveries by provider whose pack lists nothing personal
	Digest     string         `json:"digest,omitempty"`    // of the file
	Selection  Selection      `json:"selection,omitempty"` // with the end that was fixed
}

// Count says what an export would write, and writes nothing.
func (e Export) Count(ctx context.Context, js natsjs.JetStream) (Exported, error) {
	w := e.begin()
	if err := w.absent(); err != nil {
		return w.sum, err
	}
	if w.Fixture != nil {
		_, err := w.capture(ctx, js)
		return w.sum, err
	}
	err := w.each(ctx, js, w.Select, func(portable) error { return nil })
	return w.sum, cmp.Or(err, w.nothing())
}

// Run writes the file. After an error, run it again: it goes on.
func (e Export) Run(ctx context.Context, js natsjs.JetStream) (Exported, error) {
	w := e.begin()
	if err := w.absent(); err != nil {
		return w.sum, err
	}
	if w.Fixture != nil {
		text, err := w.capture(ctx, js)
		if err != nil {
			return w.sum, err
		}
		return w.sum, writeWhole(w.File, text)
	}
	if err := w.open(ctx, js); err != nil {
		return w.sum, err
	}
	rest := w.header.Selection
	rest.From = max(rest.From, w.last+1)
	err := error(nil)
	if rest.To == 0 || rest.From <= rest.To {
		err = w.each(ctx, js, rest, w.write)
	}
	if err == nil {
		err = w.nothing()
		if err == nil {
			err = w.finish()
		} else {
			err = errors.Join(err, os.Remove(w.lock.file.Name()))
		}
	}
	return w.sum, errors.Join(err, w.lock.Release())
}

// exporting is one run.
type exporting struct {
	Export
	lock   *Lock // on the partial file
	header PortableHeader
	digest hash.Hash
	last   uint64 // sequence of the last delivery that is written
	sum    Exported
}

func (e Export) begin() *exporting {
	return &exporting{Export: e, digest: sha256.New(), sum: Exported{
		File: e.File, Sources: map[string]int{}, Redacted: e.Redact != nil, Unlisted: map[string]int{}, Selection: e.Select,
	}}
}

// nothing is an error where a selection was made and nothing is of it.
func (w *exporting) nothing() error {
	if w.sum.Deliveries == 0 && w.Select != (Selection{}) {
		return NothingMatches("export")
	}
	return nil
}

// absent refuses to write over a file.
func (w *exporting) absent() error {
	if _, err := os.Lstat(w.File); !errors.Is(err, fs.ErrNotExist) {
		return advise(fmt.Errorf("%s is already there", w.File), "name another file, or remove it")
	}
	return nil
}

// each makes lines of the chosen deliveries.
func (w *exporting) each(ctx context.Context, js natsjs.JetStream, s Selection, visit func(portable) error) error {
	from := Stored{js, s}
	total, err := from.Total(ctx)
	if err != nil {
		return err
	}
	pace := newPace(w.Rate)
	defer pace.stop()
	return from.Each(ctx, func(done int, m *natsjs.RawStreamMsg) error {
		if err := pace.wait(ctx); err != nil {
			return err
		}
		p := w.line(m)
		w.sum.Deliveries++
		w.sum.Bytes += p.size()
		w.sum.Sources[sourceToken(m.Subject)]++
		if w.Progress != nil {
			w.Progress(done, total)
		}
		return visit(p)
	})
}

// line is what of a delivery goes into the file.
func (w *exporting) line(m *natsjs.RawStreamMsg) portable {
	if w.Redact == nil {
		return portableOf(m)
	}
	p, unlisted := w.Redact.redact(m)
	if p.Withheld != "" {
		w.sum.Withheld++
	}
	if unlisted != "" {
		w.sum.Unlisted[unlisted]++
	}
	return p
}

// open makes the partial file, or goes on with one that is there.
func (w *exporting) open(ctx context.Context, js natsjs.JetStream) error {
	partial := w.File + ".partial"
	lock, err := takeLock(partial, syscall.LOCK_EX)
	if errors.Is(err, errLocked) {
		return advise(fmt.Errorf("%s: another export writes it", partial), "wait for it, or name another file")
	}
	if err != nil {
		return err
	}
	w.lock = lock
	if err = w.resume(); errors.Is(err, io.EOF) {
		err = w.create(ctx, js)
	}
	if err != nil {
		return errors.Join(err, lock.Release())
	}
	return nil
}

// create fixes the end of the selection and writes the first line, to be completed.
func (w *exporting) create(ctx context.Context, js natsjs.JetStream) error {
	stored := w.Select
	var err error
	if _, stored.To, err = (Stored{js, w.Select}).span(ctx); err != nil {
		return err
	}
	w.header = PortableHeader{Format: portableFormat, Version: portableVersion, Made: w.Now.UTC(), Redacted: w.Redact != nil, Selection: stored}
	line, err := w.header.line()
	if err != nil {
		return err
	}
	_, err = w.lock.file.WriteAt(line, 0)
	w.sum.Selection = stored
	return errors.Join(err, w.seekEnd())
}

// resume reads what an interrupted export has written; io.EOF where there is nothing.
func (w *exporting) resume() error {
	f := w.lock.file
	if size, err := f.Seek(0, io.SeekEnd); err != nil || size < portableHead {
		return errors.Join(err, io.EOF)
	}
	var err error
	if w.header, err = readPortableHeader(f); err != nil {
		return advise(fmt.Errorf("%s: %w", f.Name(), err), "remove it, or name another file")
	}
	asked, had := w.Select, w.header.Selection
	if asked.Source != had.Source || asked.ID != had.ID || asked.From != had.From || w.header.Redacted != (w.Redact != nil) {
		return advise(fmt.Errorf("%s: an interrupted export of something else", f.Name()), "remove it to begin anew, or name another file")
	}
	end := int64(portableHead)
	p := Portable{file: f}
	err = p.lines(context.Background(), func(line []byte, of portable) error {
		w.digest.Write(line)
		end += int64(len(line))
		w.last = of.Sequence
		w.sum.Deliveries++
		w.sum.Before++
		w.sum.Bytes += of.size()
		w.sum.Sources[sourceToken(of.Subject)]++
		if of.Withheld != "" {
			w.sum.Withheld++
		}
		return nil
	})
	if err != nil && !errors.Is(err, errCut) {
		return advise(fmt.Errorf("%s: %w", f.Name(), err), "remove it to begin anew")
	}
	w.sum.Selection = had
	return errors.Join(f.Truncate(end), w.seekEnd())
}

func (w *exporting) seekEnd() error {
	_, err := w.lock.file.Seek(0, io.SeekEnd)
	return err
}

// write appends one line.
func (w *exporting) write(p portable) error {
	line, err := json.Marshal(p, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return fmt.Errorf("delivery %d: %w", p.Sequence, err)
	}
	line = append(line, '\n')
	w.digest.Write(line)
	_, err = w.lock.file.Write(line)
	return err
}

// finish completes the first line and gives the file its name.
func (w *exporting) finish() error {
	w.header.Deliveries, w.header.Bytes = w.sum.Deliveries, w.sum.Bytes
	w.header.Digest = "sha256-" + hex.EncodeToString(w.digest.Sum(nil))
	w.sum.Digest = w.header.Digest
	line, err := w.header.line()
	if err != nil {
		return err
	}
	if _, err := w.lock.file.WriteAt(line, 0); err != nil {
		return err
	}
	if err := w.lock.file.Sync(); err != nil {
		return err
	}
	return os.Rename(w.File+".partial", w.File)
}
