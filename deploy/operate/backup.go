package operate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/jetstream"
)

// Backup copies streams, with their consumers, into a new folder: each as the server's
// own snapshot, so that sequences, times, headers and bytes are kept exactly, and
// beside it what the stream held when it was read message by message. A restore is
// compared with that.
//
// The streams are copied in the order of the flow. Whatever the normalizer's consumer
// has done by then is in PAYMENTS or DEADLETTERS when these are copied: restored
// together, nothing is missing, and what was done between the copies is done again
// under the same message ids.
//
// A folder is a backup only once it has its sums, which are written last. A backup that
// was interrupted is continued by running it again: a snapshot has no middle to go on
// from, but the streams that were whole are kept, as long as that leaves them in the
// order of the flow. They are then of an earlier moment than the others, as the
// manifest says of each: what came after it is not in the backup, as with any other.
type Backup struct {
	Dir      string
	Streams  []string // of the topology; nil: all
	Now      time.Time
	Progress func(what string) func(done, total int) // called for each long step; may be nil

	freeDisk func(dir string) (config.Size, error) // jetstream.FreeDisk where nil
}

// Manifest is what a backup's folder holds.
type Manifest struct {
	Made    time.Time        `json:"made"`
	Server  string           `json:"server"` // version; an older one may not read the snapshots
	Streams []BackedUpStream `json:"streams"`
}

// BackedUpStream is one stream of a backup.
type BackedUpStream struct {
	Name      string    `json:"name"`
	File      string    `json:"file"`              // of the snapshot, in the folder
	Bytes     int64     `json:"bytes"`             // of the file
	Earlier   bool      `json:"earlier,omitempty"` // it was taken before the backup was interrupted
	Taken     time.Time `json:"taken"`             // by the server's clock, just before the snapshot began
	FirstThen uint64    `json:"first_then"`        // first sequence when the snapshot began; what had expired before it was read is in it, and not in Contents
	Contents
	Consumers []Lag           `json:"consumers"` // about where they were; exactly, in the snapshot
	Config    json.RawMessage `json:"config"`
	State     json.RawMessage `json:"state"`
}

// StreamNames are the streams of the topology, in the order of the flow.
func StreamNames() []string {
	return []string{jetstream.Webhooks, jetstream.Payments, jetstream.DeadLetters}
}

// Run makes the backup, or goes on with one that was interrupted.
func (b Backup) Run(ctx context.Context, js natsjs.JetStream) (Manifest, error) {
	m := Manifest{Made: b.Now.UTC(), Server: js.Conn().ConnectedServerVersion()}
	if err := b.folder(); err != nil {
		return m, err
	}
	of, err := b.of(ctx, js)
	if err != nil {
		return m, b.unfinished(err)
	}
	var state backupState
	kept, _, err := CursorFile{filepath.Join(b.Dir, backupCursor), of}.hold("streams backup", &state)
	if err != nil {
		return m, err
	}
	if err = b.run(ctx, js, kept, state, &m); err != nil {
		return m, errors.Join(b.unfinished(err), kept.release())
	}
	return m, kept.done()
}

// run copies what is not copied yet.
func (b Backup) run(ctx context.Context, js natsjs.JetStream, kept *keptCursor, state backupState, m *Manifest) error {
	whole, err := b.whole(ctx, js, state)
	if err != nil {
		return err
	}
	state.Streams = whole
	if err := kept.save(state); err != nil {
		return err
	}
	for _, w := range whole {
		w.Earlier = true
		m.Streams = append(m.Streams, w.BackedUpStream)
	}
	for _, name := range b.names()[len(whole):] {
		s, err := b.stream(ctx, js, name)
		if err != nil {
			return err
		}
		m.Streams = append(m.Streams, s)
		sum, err := fileSum(ctx, filepath.Join(b.Dir, s.File), func(int) {})
		if err != nil {
			return err
		}
		state.Streams = append(state.Streams, wholeStream{s, sum})
		if err := kept.save(state); err != nil {
			return err
		}
	}
	return writeManifest(b.Dir, *m)
}

// names are the streams that are meant, in the order of the flow.
func (b Backup) names() []string {
	return slices.DeleteFunc(StreamNames(), func(name string) bool { return b.Streams != nil && !slices.Contains(b.Streams, name) })
}

// unfinished says how to go on after a backup that has failed or was interrupted.
func (b Backup) unfinished(err error) error {
	if errors.Is(err, context.Canceled) {
		err = fmt.Errorf("interrupted: %w", err)
	}
	return advise(fmt.Errorf("backup: %w", err), "what is in "+b.Dir+" is no backup yet: run this again to go on, and the streams that are whole are kept")
}

// stream copies one stream, and reads it.
func (b Backup) stream(ctx context.Context, js natsjs.JetStream, name string) (BackedUpStream, error) {
	s := BackedUpStream{Name: name, File: filepath.ToSlash(filepath.Join(name, "stream.arc.s2"))}
	live, err := js.Stream(ctx, name)
	if err != nil {
		return s, streamAdvice(name, err)
	}
	s.Taken = live.CachedInfo().TimeStamp
	state, size, err := b.archive(ctx, js, s)
	if err != nil {
		return s, fmt.Errorf("stream %s: %w", name, err)
	}
	s.Bytes, s.Config, s.State = size, state.Config, state.State
	first, last, _, err := state.sequences()
	if err != nil {
		return s, fmt.Errorf("stream %s: %w", name, err)
	}
	s.FirstThen = first
	if s.Contents, err = readThrough(ctx, js, name, first, last, b.progress("messages of "+name)); err != nil {
		return s, err
	}
	lister := live.ListConsumers(ctx)
	s.Consumers = []Lag{}
	for info := range lister.Info() {
		s.Consumers = append(s.Consumers, lagOf(info))
	}
	if err := lister.Err(); err != nil {
		return s, err
	}
	// The name and form that the nats command knows: `nats stream restore FOLDER/STREAM`.
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return s, err
	}
	return s, os.WriteFile(filepath.Join(b.Dir, name, "backup.json"), text, 0o600)
}

// archive writes the server's snapshot into its file, and onto the disk.
func (b Backup) archive(ctx context.Context, js natsjs.JetStream, s BackedUpStream) (snapshotState, int64, error) {
	// What is there of it is not whole.
	if err := os.RemoveAll(filepath.Join(b.Dir, s.Name)); err != nil {
		return snapshotState{}, 0, err
	}
	if err := os.Mkdir(filepath.Join(b.Dir, s.Name), 0o700); err != nil {
		return snapshotState{}, 0, err
	}
	file, err := os.OpenFile(filepath.Join(b.Dir, s.File), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return snapshotState{}, 0, err
	}
	defer file.Close() //nolint:errcheck // it is closed below where that matters
	w := bufio.NewWriterSize(file, 1<<20)
	state, err := takeSnapshot(ctx, js.Conn(), s.Name, w, inKiB(b.progress("KiB of "+s.Name+" at most")))
	if err = errors.Join(err, w.Flush()); err != nil {
		return state, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return state, 0, err
	}
	return state, info.Size(), errors.Join(file.Sync(), file.Close())
}

// progress begins a step.
func (b Backup) progress(what string) func(done, total int) {
	if b.Progress == nil {
		return func(int, int) {}
	}
	return b.Progress(what)
}

// inKiB tells of bytes in KiB.
func inKiB(progress func(done, total int)) func(done, total int) {
	return func(done, total int) { progress(done>>10, total>>10) }
}

// catchUp bounds how long readThrough waits for a replica that is behind.
const catchUp = 10 * time.Second

// readThrough reads the contents up to last. A direct get is answered by any replica,
// also by one that does not have the latest messages yet: it is asked again. What has
// expired from the beginning is gone, and not waited for.
func readThrough(ctx context.Context, js natsjs.JetStream, stream string, first, last uint64, progress func(done, total int)) (Contents, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, catchUp+walkTimeout, errBehind)
	defer cancel()
	for pause := followFirst; ; pause = min(2*pause, followLook) {
		c, err := ReadContents(ctx, js, stream, first, last, progress)
		if err != nil {
			return c, err
		}
		s, err := js.Stream(ctx, stream)
		if err != nil {
			return c, streamAdvice(stream, err)
		}
		if now := s.CachedInfo().State; c.Last == last || now.Msgs == 0 || now.FirstSeq > last || last == 0 || last < first {
			return c, nil
		}
		if _, err := rest(ctx, nil, pause); err != nil {
			return c, fmt.Errorf("stream %s: %w", stream, context.Cause(ctx))
		}
	}
}

var errBehind = errors.New("a replica does not have the latest messages")
