package jetstream

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Restored says that a stream was made from a backup: what it holds was stored up to
// Until, or from At on. Whatever the stream held in between is no more, and its
// sequences are used again.
type Restored struct {
	Until time.Time // when the backup was taken
	At    time.Time // when the backup was restored
}

// The keys of a stream's metadata.
const (
	restoredUntil = "paybridge.restored-until"
	restoredAt    = "paybridge.restored-at"
)

// Note adds r to a stream's metadata.
func (r Restored) Note(metadata map[string]string) {
	metadata[restoredUntil] = r.Until.UTC().Format(time.RFC3339Nano)
	metadata[restoredAt] = r.At.UTC().Format(time.RFC3339Nano)
}

// restoredFrom reads what Note wrote; ok is false where the stream was not restored.
func restoredFrom(metadata map[string]string) (r Restored, ok bool) {
	var errUntil, errAt error
	r.Until, errUntil = time.Parse(time.RFC3339Nano, metadata[restoredUntil])
	r.At, errAt = time.Parse(time.RFC3339Nano, metadata[restoredAt])
	return r, errUntil == nil && errAt == nil
}

// Life is what tells a stream from every other one of its name: when it was made and,
// because one that is made of a backup keeps that, when it was restored.
func Life(info *jetstream.StreamInfo) string {
	life := "made " + info.Created.UTC().Format(time.RFC3339Nano)
	if at := info.Config.Metadata[restoredAt]; at != "" {
		life += ", restored " + at
	}
	return life
}

// RestoredFrom says that a stream was made of a backup which was taken at that moment.
func RestoredFrom(info *jetstream.StreamInfo, taken time.Time) bool {
	r, ok := restoredFrom(info.Config.Metadata)
	return ok && r.Until.Equal(taken)
}

// earlier says that a result which was stored at a moment is of a life of WEBHOOKS
// that is no more: it names other deliveries.
func earlier(at time.Time, raw *jetstream.StreamInfo) bool {
	if r, ok := restoredFrom(raw.Config.Metadata); ok {
		return at.Before(raw.State.FirstTime) || at.After(r.Until) && at.Before(r.At)
	}
	return at.Before(raw.Created)
}
