package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// interruptedBackup begins a backup, and interrupts it while it copies PAYMENTS.
func (r *rig) interruptedBackup() Backup {
	r.t.Helper()
	b := Backup{Dir: filepath.Join(r.t.TempDir(), "backup"), Now: time.Now()}
	r.interruptBackup(b)
	return b
}

func (r *rig) interruptBackup(b Backup) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	b.Progress = func(what string) func(done, total int) {
		return func(int, int) {
			if strings.Contains(what, jetstream.Payments) {
				cancel()
			}
		}
	}
	_, err := b.Run(ctx, r.js)
	if !errors.Is(err, context.Canceled) {
		r.t.Errorf("interrupted: %v", err)
	}
	checkAdvice(r.t, err, "backup: interrupted", "is no backup yet: run this again to go on")
}

func (r *rig) backedUp(b Backup) Manifest {
	r.t.Helper()
	m, err := b.Run(r.t.Context(), r.js)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

// TestBackupGoesOn says that what was whole of an interrupted backup is kept, and named as of its
// own moment; that the streams stay in the order of the flow; and that what comes of it is
// a backup like any other.
func TestBackupGoesOn(t *testing.T) {
	r := newRig(t)
	r.fill()
	b := r.interruptedBackup()
	_, err := restore(t.Context(), r.bare(), Restore{Dir: b.Dir})
	checkAdvice(t, err, "holds no finished backup", "run that again to go on")
	other := b
	other.Streams = []string{jetstream.Webhooks}
	_, err = other.Run(t.Context(), r.js)
	checkAdvice(t, err, "--stream was WEBHOOKS,PAYMENTS,DEADLETTERS, and is WEBHOOKS", "remove it to begin anew")
	_, err = b.Run(t.Context(), newRig(t).js)
	checkAdvice(t, err, "the stream WEBHOOKS was made ", "remove it to begin anew")

	archive := filepath.Join(b.Dir, jetstream.Webhooks, "stream.arc.s2")
	before, err := os.Stat(archive)
	if err != nil {
		t.Fatal(err)
	}
	r.normalize(all) // what was left to do, and one more
	r.receive(pikBody("evt_more", "txn_more"))
	r.normalize(all)
	m := r.backedUp(b)
	after, err := os.Stat(archive)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("WEBHOOKS was copied again: %v", err)
	}
	w, p, d := m.Streams[0], m.Streams[1], m.Streams[2]
	if !w.Earlier || p.Earlier || d.Earlier || w.Last != 5 || p.Last != 5 || !w.Taken.Before(p.Taken) || p.Taken.After(d.Taken) {
		t.Errorf("got %+v", m.Streams)
	}
	if opened, err := OpenBackup(t.Context(), b.Dir, func(int, int) {}); err != nil || len(opened.Streams) != 3 || !opened.Streams[0].Earlier {
		t.Errorf("got %+v, %v", opened, err)
	}
	if _, err := os.Stat(filepath.Join(b.Dir, backupCursor)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the cursor is there: %v", err)
	}
	_, err = b.Run(t.Context(), r.js)
	checkAdvice(t, err, "is not empty", "never writes over another")

	// Restored, nothing is missing: the delivery that was not done in WEBHOOKS is done again,
	// under the message id that PAYMENTS has. The server knows that one once it was started again.
	server := jetstreamtest.Start(t, jetstreamtest.Bare())
	steps, err := restore(t.Context(), server.JetStream(t), Restore{Dir: b.Dir})
	if err != nil || len(steps) != 3 || !steps[0].Verified || !steps[1].Verified || !steps[2].Verified || steps[2].Consumers[0].Pending != 1 {
		t.Fatalf("got %+v, %v", steps, err)
	}
	server.Restart(t)
	r.js = server.JetStream(t)
	r.normalize(all)
	r.wantStored(jetstream.Payments, 5)
	if sum := r.audited(true); len(sum.Lost) != 0 || sum.Deliveries != 5 {
		t.Errorf("audit: %+v", sum)
	}
}

// editBackup changes what the cursor file of an interrupted backup says.
func editBackup(dir string, edit func(*backupState)) error {
	path := filepath.Join(dir, backupCursor)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var c cursorText
	var state backupState
	if err := errors.Join(json.Unmarshal(text, &c), json.Unmarshal(c.State, &state)); err != nil {
		return err
	}
	edit(&state)
	if c.State, err = json.Marshal(state); err != nil {
		return err
	}
	if text, err = json.Marshal(c); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// TestBackupBeginsAnew says when a stream of an interrupted backup is not kept: and then none
// behind it is.
func TestBackupBeginsAnew(t *testing.T) {
	r := newRig(t)
	r.fill()
	for name, test := range map[string]struct {
		change func(dir string) error
		kept   int
	}{
		"nothing": {func(string) error { return nil }, 2},
		"a byte": {func(dir string) error {
			return os.Truncate(filepath.Join(dir, jetstream.Webhooks, "stream.arc.s2"), 100)
		}, 0},
		"a file": {func(dir string) error { return os.Remove(filepath.Join(dir, jetstream.Payments, "backup.json")) }, 1},
		"a day": {func(dir string) error {
			return editBackup(dir, func(s *backupState) { s.Streams[1].Taken = s.Streams[1].Taken.Add(-backupAge) })
		}, 1},
		"the end of a stream": {func(dir string) error {
			return editBackup(dir, func(s *backupState) { s.Streams[1].Last += 100 })
		}, 1},
		"its sums, half written": {func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, sumsFile), []byte("0123"), 0o600), os.WriteFile(filepath.Join(dir, manifestFile), nil, 0o600))
		}, 2},
	} {
		b := Backup{Dir: filepath.Join(t.TempDir(), "backup"), Now: time.Now()}
		// All but the last stream is whole.
		ctx, cancel := context.WithCancel(t.Context())
		stop := b
		stop.Progress = func(what string) func(done, total int) {
			if strings.Contains(what, jetstream.DeadLetters) {
				cancel()
			}
			return func(int, int) {}
		}
		if _, err := stop.Run(ctx, r.js); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: %v", name, err)
		}
		if err := test.change(b.Dir); err != nil {
			t.Fatal(err)
		}
		m := r.backedUp(b)
		kept := 0
		for _, s := range m.Streams {
			if s.Earlier {
				kept++
			}
		}
		if kept != test.kept || len(m.Streams) != 3 {
			t.Errorf("%s: %d are kept: %+v", name, kept, m.Streams)
		}
		if steps, err := restore(t.Context(), r.bare(), Restore{Dir: b.Dir}); err != nil || !steps[2].Verified {
			t.Errorf("%s: %+v, %v", name, steps, err)
		}
	}
	// A folder of somebody else's stays as it is.
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Backup{Dir: dir, Now: time.Now()}.Run(t.Context(), r.js)
	checkAdvice(t, err, "is not empty", "never writes over another")
	if text, err := os.ReadFile(filepath.Join(dir, "mine")); err != nil || !bytes.Equal(text, []byte("x")) {
		t.Errorf("%q, %v", text, err)
	}
}
