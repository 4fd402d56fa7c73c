package operate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

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
// A folder is a backup only once it has its sums, which are written last.
type Backup struct {
	Dir      string
	Streams  []string // of the topology; nil: all
	Now      time.Time
	Progress func(what string) func(done, total int) // called for each long step; may be nil
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
	File      string    `json:"file"`       // of the snapshot, in the folder
	Bytes     int64     `json:"bytes"`      // of the file
	Taken     time.Time `json:"taken"`      // by the server's clock, just before the snapshot began
	FirstThen uint64    `json:"first_then"` // first sequence when the snapshot began; what had expired before it was read is in it, and not in Contents
	Contents
	Consumers []Lag           `json:"consumers"` // about where they were; exactly, in the snapshot
	Config    json.RawMessage `json:"config"`
	State     json.RawMessage `json:"state"`
}

// StreamNames are the streams of the topology, in the order of the flow.
func StreamNames() []string {
	return []string{jetstream.Webhooks, jetstream.Payments, jetstream.DeadLetters}
}

// Run makes the backup.
func (b Backup) Run(ctx context.Context, js natsjs.JetStream) (Manifest, error) {
	m := Manifest{Made: b.Now.UTC(), Server: js.Conn().ConnectedServerVersion()}
	if err := newFolder(b.Dir); err != nil {
		return m, err
	}
	for _, name := range StreamNames() {
		if b.Streams != nil && !slices.Contains(b.Streams, name) {
			continue
		}
		s, err := b.stream(ctx, js, name)
		if err != nil {
			return m, b.unfinished(err)
		}
		m.Streams = append(m.Streams, s)
	}
	if err := writeManifest(b.Dir, m); err != nil {
		return m, b.unfinished(err)
	}
	return m, nil
}

// unfinished says how to go on after a backup that has failed or was interrupted: from
// the beginning, because a snapshot cannot be continued.
func (b Backup) unfinished(err error) error {
	if errors.Is(err, context.Canceled) {
		err = fmt.Errorf("interrupted: %w", err)
	}
	return advise(fmt.Errorf("backup: %w", err), "what is in "+b.Dir+" is no backup: remove that folder, and run this again, or name another")
}

// newFolder makes a folder that only its owner may open: it will hold people's data.
func newFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		do := "name a new folder: a backup never writes over another"
		if _, err := os.Stat(filepath.Join(dir, sumsFile)); errors.Is(err, fs.ErrNotExist) {
			do += "; without " + sumsFile + " this one is no finished backup: remove it if one was interrupted there"
		}
		return advise(fmt.Errorf("backup: %s is not empty", dir), do)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return os.MkdirAll(dir, 0o700)
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
