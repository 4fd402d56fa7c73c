package operate

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/schemas/delivery"
)

// The portable file is JSON, one value a line. The first line is a PortableHeader,
// padded with spaces so that it can be written last; each other line is one delivery as
// WEBHOOKS holds it: subject, headers with the seal, body, and when it was stored. With the
// seal's key and the source's secret it verifies wherever it is read.
const (
	portableFormat  = "paybridge deliveries"
	portableVersion = 1
	portableHead    = 1536     // bytes of the first line, with its line end
	portableLine    = 64 << 20 // the most of any other: a body of 32 MiB as base64, and its headers
)

// PortableHeader is the first line of a portable file.
type PortableHeader struct {
	Format     string    `json:"format"`
	Version    int       `json:"version"`
	Made       time.Time `json:"made"`
	Redacted   bool      `json:"redacted"` // personal fields are hidden, so that no seal and no signature is right any more
	Deliveries int       `json:"deliveries"`
	Bytes      int64     `json:"bytes"`     // of the bodies
	Digest     string    `json:"digest"`    // "sha256-<hex>" of all other lines; "" in a file that is not complete
	Selection  Selection `json:"selection"` // what was asked for
}

// line is the header as the file's first line.
func (h PortableHeader) line() ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(text) >= portableHead {
		return nil, fmt.Errorf("export: the selection is too long to be written down")
	}
	line := append(text, bytes.Repeat([]byte(" "), portableHead-1-len(text))...)
	return append(line, '\n'), nil
}

// portable is one delivery as a line of the file.
type portable struct {
	Sequence uint64              `json:"sequence"`
	Stored   time.Time           `json:"stored"`
	Subject  string              `json:"subject"`
	Headers  map[string][]string `json:"headers"`
	Body     string              `json:"body,omitzero"`
	Base64   []byte              `json:"body_base64,omitempty"` // in place of body, where that is no text
	Withheld string              `json:"withheld,omitzero"`     // why there is no body: nobody knows what in it is personal
}

// size is how long the body is.
func (p portable) size() int64 { return int64(len(p.Body) + len(p.Base64)) }

// inBase64 opens a header's value that is no text; one that opens with it by itself is
// written so too.
const inBase64 = "base64:"

// portableOf makes a line's value of a stored message.
func portableOf(m *natsjs.RawStreamMsg) portable {
	p := portable{Sequence: m.Sequence, Stored: m.Time.UTC(), Subject: m.Subject, Headers: map[string][]string{}}
	for name, values := range m.Header {
		if strings.HasPrefix(name, "Nats-") && name != delivery.MessageIDHeader {
			continue // what the server says of the read
		}
		for _, v := range values {
			if !utf8.ValidString(v) || strings.HasPrefix(v, inBase64) {
				v = inBase64 + base64.StdEncoding.EncodeToString([]byte(v))
			}
			p.Headers[name] = append(p.Headers[name], v)
		}
	}
	if readable(m.Data) {
		p.Body = string(m.Data)
	} else {
		p.Base64 = m.Data
	}
	return p
}

// readable says that JSON carries a body as text, byte for byte and not much longer.
func readable(body []byte) bool {
	escaped := 0
	for _, c := range body {
		if c < ' ' && c != '\n' && c != '\t' {
			escaped++
		}
	}
	return utf8.Valid(body) && escaped <= len(body)/8
}

// message is the stored message that a line was made of.
func (p portable) message() (*natsjs.RawStreamMsg, error) {
	m := &natsjs.RawStreamMsg{Sequence: p.Sequence, Time: p.Stored, Subject: p.Subject, Header: map[string][]string{}, Data: p.Base64}
	for name, values := range p.Headers {
		for _, v := range values {
			if encoded, ok := strings.CutPrefix(v, inBase64); ok {
				text, err := base64.StdEncoding.DecodeString(encoded)
				if err != nil {
					return nil, fmt.Errorf("header %s is not base64", name)
				}
				v = string(text)
			}
			m.Header[name] = append(m.Header[name], v)
		}
	}
	if len(p.Base64) == 0 {
		m.Data = []byte(p.Body)
	}
	return m, nil
}
