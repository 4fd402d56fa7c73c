package operate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// Contents is what a range of a stream holds, as one digest: two streams with the
// same contents have the same messages at the same sequences, with the same times,
// subjects, headers and bytes.
type Contents struct {
	Messages  uint64    `json:"messages"`
	First     uint64    `json:"first"` // sequence of the first message; 0 where there is none
	Last      uint64    `json:"last"`
	FirstTime time.Time `json:"first_time,omitzero"` // when it was stored
	LastTime  time.Time `json:"last_time,omitzero"`
	Parts     []Part    `json:"parts"`           // the last one's digest is that of all
	Seals     []Sealed  `json:"seals,omitempty"` // of WEBHOOKS: the keys that its deliveries name
}

// Part is the digest of everything up to a sequence.
type Part struct {
	Through uint64 `json:"through"`
	Digest  string `json:"sha256"` // hex
}

// partSize is how many messages one part adds: where two streams differ is said to
// that many messages.
const partSize = 10_000

// Digest is the digest of all messages, "" of none.
func (c Contents) Digest() string {
	if len(c.Parts) == 0 {
		return ""
	}
	return c.Parts[len(c.Parts)-1].Digest
}

// Differs says in one sentence how got differs from c; "" where it does not.
func (c Contents) Differs(got Contents) string {
	for i, part := range c.Parts {
		from := c.First
		if i > 0 {
			from = c.Parts[i-1].Through + 1
		}
		if i >= len(got.Parts) || got.Parts[i] != part {
			return fmt.Sprintf("messages %d to %d are not those that were backed up: %d messages with digest %s, want %d with %s",
				from, part.Through, got.Messages, orNone(got.Digest()), c.Messages, c.Digest())
		}
	}
	if c.Messages != got.Messages || c.First != got.First || c.Last != got.Last {
		return fmt.Sprintf("it holds %d messages from %d to %d, want %d from %d to %d", got.Messages, got.First, got.Last, c.Messages, c.First, c.Last)
	}
	return ""
}

func orNone(digest string) string {
	if digest == "" {
		return "none"
	}
	return digest
}

// ReadContents reads a range of a stream by direct get; progress is called with how
// many messages of it were read, and may be nil.
func ReadContents(ctx context.Context, js natsjs.JetStream, stream string, from, to uint64, progress func(done, total int)) (Contents, error) {
	c := Contents{Parts: []Part{}}
	sum := sha256.New()
	err := Walk(ctx, js, stream, Range{From: from, To: to}, func(m *natsjs.RawStreamMsg) error {
		if c.Messages == 0 {
			c.First, c.FirstTime = m.Sequence, m.Time
		}
		c.Messages++
		c.Last, c.LastTime = m.Sequence, m.Time
		addMessage(sum, m)
		if stream == jetstream.Webhooks {
			c.noteSeal(m)
		}
		if c.Messages%partSize == 0 {
			c.Parts = append(c.Parts, Part{Through: c.Last, Digest: hex.EncodeToString(sum.Sum(nil))})
		}
		if progress != nil {
			progress(int(m.Sequence-c.First+1), int(to-c.First+1))
		}
		return nil
	})
	if c.Messages%partSize != 0 {
		c.Parts = append(c.Parts, Part{Through: c.Last, Digest: hex.EncodeToString(sum.Sum(nil))})
	}
	return c, err
}

// addMessage adds a message to a digest. Every part is preceded by its length, so
// that no two messages have the same text; header names are sorted, because a map
// has no order.
func addMessage(sum hash.Hash, m *natsjs.RawStreamMsg) {
	addNumber(sum, m.Sequence)
	addNumber(sum, uint64(m.Time.UnixNano()))
	addText(sum, m.Subject)
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		if addedByRead(name) {
			continue
		}
		for _, value := range m.Header[name] {
			addText(sum, name)
			addText(sum, value)
		}
	}
	addNumber(sum, 0)
	addText(sum, m.Data)
}

func addNumber(sum hash.Hash, n uint64) {
	var text [8]byte
	binary.BigEndian.PutUint64(text[:], n)
	sum.Write(text[:])
}

// addText adds the length and the bytes of a text.
func addText[T string | []byte](sum hash.Hash, text T) {
	addNumber(sum, uint64(len(text)))
	sum.Write([]byte(text))
}

// addedByRead says that the server put a header on the answer to a direct get: it is
// not stored, and some of them differ from read to read.
func addedByRead(name string) bool {
	switch name {
	case natsjs.StreamHeader, natsjs.SequenceHeader, natsjs.TimeStampHeaer, natsjs.SubjectHeader, natsjs.LastSequenceHeader,
		"Nats-Num-Pending", "Nats-UpTo-Sequence":
		return true
	}
	return false
}

// storedHeader is a message's header as it is stored.
func storedHeader(m *natsjs.RawStreamMsg) nats.Header {
	header := nats.Header{}
	for name, values := range m.Header {
		if !addedByRead(name) {
			header[name] = values
		}
	}
	return header
}
