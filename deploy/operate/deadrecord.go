package operate

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
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
	name := filepath.Join(string(dir), strconv.FormatUint(m.Sequence, 10))
	return errors.Join(os.WriteFile(name+".json", append(text, '\n'), 0o600), os.WriteFile(name+".body", m.Data, 0o600))
}

func (deadFolder) close() (string, error) { return "", nil }
