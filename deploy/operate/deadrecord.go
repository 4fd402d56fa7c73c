package operate

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	natsjs "github.com/nats-io/nats.go/jetstream"
)

// DeadRecord is one dead letter as a line of an export. A body that is no text, and a
// header's value that is none, are base64.
type DeadRecord struct {
	Sequence uint64              `json:"sequence"` // in DEADLETTERS
	Stored   time.Time           `json:"stored"`
	Subject  string              `json:"subject"`
	Headers  map[string][]string `json:"headers"`
	Body     string              `json:"body,omitempty"`
	Base64   []byte              `json:"body_base64,omitempty"` // in place of body
}

// base64Value opens a header's value that is written as base64.
const base64Value = "base64:"

// deadRecord makes a line of a stored dead letter.
func deadRecord(m *natsjs.RawStreamMsg) DeadRecord {
	d := DeadRecord{Sequence: m.Sequence, Stored: m.Time.UTC(), Subject: m.Subject, Headers: map[string][]string{}}
	for name, values := range storedHeader(m) {
		values = slices.Clone(values)
		for i, v := range values {
			if !utf8.ValidString(v) || strings.HasPrefix(v, base64Value) {
				values[i] = base64Value + base64.StdEncoding.EncodeToString([]byte(v))
			}
		}
		d.Headers[name] = values
	}
	if utf8.Valid(m.Data) {
		d.Body = string(m.Data)
	} else {
		d.Base64 = m.Data
	}
	return d
}

// deadWriter takes dead letters one by one. close says what the digest of a file is,
// and is called once, also after an error.
type deadWriter interface {
	write(*natsjs.RawStreamMsg) error
	close() (digest string, err error)
}

// deadFile is one file of lines.
type deadFile struct {
	file *os.File
	w    *bufio.Writer
	sum  hash.Hash
}

func newDeadFile(path string) (*deadFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &deadFile{file: file, w: bufio.NewWriter(file), sum: sha256.New()}, nil
}

// resumeDeadFile goes on with a file of lines: had is called with each, and a last one
// that is cut is written again.
func resumeDeadFile(path string, had func(d DeadRecord, size int64)) (*deadFile, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	f, end := &deadFile{file: file, sum: sha256.New()}, int64(0)
	for lines := bufio.NewReaderSize(file, 1<<20); err == nil; {
		var line []byte
		var d DeadRecord
		if line, err = lines.ReadBytes('\n'); err != nil {
			continue
		}
		if wrong := json.Unmarshal(line, &d); wrong != nil || d.Sequence == 0 {
			err = fmt.Errorf("at byte %d is no dead letter", end)
			continue
		}
		f.sum.Write(line)
		end += int64(len(line))
		had(d, int64(len(d.Body)+len(d.Base64)))
	}
	if errors.Is(err, io.EOF) {
		_, err = file.Seek(end, io.SeekStart)
		err = errors.Join(err, file.Truncate(end))
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f.w = bufio.NewWriter(file)
	return f, nil
}

func (f *deadFile) write(m *natsjs.RawStreamMsg) error {
	line, err := json.Marshal(deadRecord(m))
	if err != nil {
		return err
	}
	line = append(line, '\n')
	f.sum.Write(line)
	_, err = f.w.Write(line)
	return err
}

func (f *deadFile) close() (string, error) {
	return "sha256-" + hex.EncodeToString(f.sum.Sum(nil)), errors.Join(f.w.Flush(), f.file.Sync(), f.file.Close())
}

// deadFolder is a folder with two files for each.
type deadFolder string

func (dir deadFolder) write(m *natsjs.RawStreamMsg) error {
	d := deadRecord(m)
	d.Body, d.Base64 = "", nil
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	name := dir.file(m.Sequence)
	// One whose .json is there has its body.
	if err := os.WriteFile(name+".body", m.Data, 0o600); err != nil {
		return err
	}
	return os.WriteFile(name+".json", append(text, '\n'), 0o600)
}

// file is the name of a dead letter's files, without what is behind the dot.
func (dir deadFolder) file(sequence uint64) string {
	return filepath.Join(string(dir), strconv.FormatUint(sequence, 10))
}

// resume goes on with a folder: had is called with each that is there, but for the last
// one, which may be cut, and is written again.
func (dir deadFolder) resume(had func(d DeadRecord, size int64)) error {
	entries, err := os.ReadDir(string(dir))
	if err != nil {
		return err
	}
	var there []uint64
	for _, entry := range entries {
		name, isJSON := strings.CutSuffix(entry.Name(), ".json")
		sequence, err := strconv.ParseUint(strings.TrimSuffix(name, ".body"), 10, 64)
		if err != nil {
			return fmt.Errorf("%s is of no export", entry.Name())
		}
		if isJSON {
			there = append(there, sequence)
		}
	}
	slices.Sort(there)
	for _, sequence := range there[:max(len(there)-1, 0)] {
		text, err := os.ReadFile(dir.file(sequence) + ".json")
		if err != nil {
			return err
		}
		var d DeadRecord
		if err := json.Unmarshal(text, &d); err != nil || d.Sequence != sequence {
			return fmt.Errorf("%d.json is no dead letter", sequence)
		}
		body, err := os.Stat(dir.file(sequence) + ".body")
		if err != nil {
			return err
		}
		had(d, body.Size())
	}
	return nil
}

func (deadFolder) close() (string, error) { return "", nil }
