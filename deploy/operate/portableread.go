package operate

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-json-experiment/json"
	natsjs "github.com/nats-io/nats.go/jetstream"
)

// Portable is a portable file of deliveries, open for reading.
type Portable struct {
	Header PortableHeader
	file   *os.File
}

// OpenPortable opens a portable file and reads it whole once: a file that is cut, changed
// or not complete is refused before anything is done with it. That it is whole does not
// say that it is authentic: the deliveries' seals and signatures do.
func OpenPortable(ctx context.Context, path string) (*Portable, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &Portable{file: f}
	if err := p.check(ctx); err != nil {
		return nil, errors.Join(advise(fmt.Errorf("%s: %w", path, err), "export it again, or fetch it again from where it was made"), f.Close())
	}
	return p, nil
}

// Close closes the file.
func (p *Portable) Close() error { return p.file.Close() }

// Total is how many deliveries the file holds.
func (p *Portable) Total(context.Context) (int, error) { return p.Header.Deliveries, nil }

// check reads the file whole.
func (p *Portable) check(ctx context.Context) error {
	var err error
	if p.Header, err = readPortableHeader(p.file); err != nil {
		return err
	}
	if p.Header.Digest == "" {
		return errors.New("the export that wrote it did not come to its end")
	}
	digest, count := sha256.New(), 0
	err = p.lines(ctx, func(line []byte, _ portable) error {
		digest.Write(line)
		count++
		return nil
	})
	switch {
	case err != nil:
		return err
	case count != p.Header.Deliveries:
		return fmt.Errorf("it holds %d deliveries, and says %d", count, p.Header.Deliveries)
	case "sha256-"+hex.EncodeToString(digest.Sum(nil)) != p.Header.Digest:
		return errors.New("it was changed: its digest is another one")
	}
	return nil
}

// readPortableHeader reads the first line.
func readPortableHeader(f *os.File) (h PortableHeader, err error) {
	head := make([]byte, portableHead)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, portableHead), head); err != nil {
		return h, errors.New("it is no export of deliveries")
	}
	if err := json.Unmarshal(head, &h); err != nil || h.Format != portableFormat {
		return h, errors.New("it is no export of deliveries")
	}
	if h.Version != portableVersion {
		return h, fmt.Errorf("it is of version %d, and this program reads version %d", h.Version, portableVersion)
	}
	return h, nil
}

// lines visits every line but the first; the line is only good during the call.
func (p *Portable) lines(ctx context.Context, visit func(line []byte, of portable) error) error {
	in := bufio.NewScanner(io.NewSectionReader(p.file, portableHead, 1<<62))
	in.Buffer(nil, portableLine)
	in.Split(wholeLines)
	for number := 2; in.Scan(); number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		var of portable
		if err := json.Unmarshal(in.Bytes(), &of, json.RejectUnknownMembers(true)); err != nil {
			return fmt.Errorf("line %d is no delivery", number)
		}
		if err := visit(in.Bytes(), of); err != nil {
			return err
		}
	}
	return in.Err()
}

// errCut is a last line that has no end.
var errCut = errors.New("its last line is cut")

// wholeLines splits into lines with their ends.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, errCut
	}
	return 0, nil, nil
}

// Each visits the deliveries in the order of the file. One whose body was withheld is
// no delivery.
func (p *Portable) Each(ctx context.Context, visit func(done int, m *natsjs.RawStreamMsg) error) error {
	done := 0
	return p.lines(ctx, func(_ []byte, of portable) error {
		done++
		m, err := of.message()
		if err != nil {
			return fmt.Errorf("delivery %d: %w", of.Sequence, err)
		}
		return visit(done, m)
	})
}
