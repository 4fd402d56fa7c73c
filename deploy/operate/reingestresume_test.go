package operate

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"paybridge/config"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestReingestGoesOn says that a reingest which was interrupted goes on where it was, with its
// counts, and one that was killed where it was saved; that the end is the one of the beginning;
// and that each delivery is once in the target.
func TestReingestGoesOn(t *testing.T) {
	r := newRig(t)
	const n = 2*redriveWindow + 100
	r.received(n)
	path := filepath.Join(t.TempDir(), "deliveries.jsonl")
	if _, err := (Export{File: path, Now: time.Now()}).Run(t.Context(), r.js); err != nil {
		t.Fatal(err)
	}
	file, err := OpenPortable(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, from := range map[string]Deliveries{"a stream": Stored{JS: r.js}, "a file": file} {
		target := r.elsewhere(jetstreamtest.With(func(s *config.Streams) { s.Webhooks.DuplicateWindow = 100 * time.Millisecond }))
		w := r.reingest(target)
		w.From = from
		w.Cursor = CursorFile{filepath.Join(t.TempDir(), "cursor"), []Same{{"--since", "1d"}}}
		stop := func(after int) (left []byte, looked int) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stopped := w
			stopped.Progress = func(int, int) {
				if looked++; looked == after {
					var err error
					if left, err = os.ReadFile(w.Cursor.Path); err != nil {
						t.Error(err)
					}
					cancel()
				}
			}
			if _, err := stopped.Run(ctx, target.js); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: it was not interrupted: %v", name, err)
			}
			return left, looked
		}
		stop(10)
		left, _ := stop(redriveWindow + 20) // killed: what was saved last is there, and no more
		if err := os.WriteFile(w.Cursor.Path, left, 0o600); err != nil {
			t.Fatal(err)
		}
		other := w
		other.Cursor.Of = []Same{{"--since", "2d"}}
		_, err := other.Run(t.Context(), target.js)
		checkAdvice(t, err, "--since was 1d, and is 2d", "remove it to begin anew")
		_, err = w.Run(t.Context(), r.elsewhere().js)
		checkAdvice(t, err, "the target's stream was made ", "remove it to begin anew")
		other = w
		other.From = Stored{JS: r.elsewhere().js}
		_, err = other.Run(t.Context(), target.js)
		checkAdvice(t, err, map[string]string{
			"a stream": "the stream WEBHOOKS was made ",
			"a file":   "another version of this program wrote it", // of a stream, not of a file
		}[name], "remove it to begin anew")

		if name == "a stream" {
			r.receive(pikBody("evt_new", "txn_new")) // not of this run
		}
		looked := 0
		w.Progress = func(int, int) { looked++ }
		sum, err := w.Run(t.Context(), target.js)
		if err != nil || sum.Deliveries != n || sum.New+sum.Already != n || sum.Already > redriveWindow || looked > n-redriveWindow {
			t.Errorf("%s: %+v, %v; looked at %d", name, sum, err, looked)
		}
		target.wantStored(jetstream.Webhooks, n)
		if _, err := os.Stat(w.Cursor.Path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: it is through, and the cursor is there: %v", name, err)
		}
	}
}

// TestReingestSavesWhatIsStored says of a cursor file that everything it passes is counted:
// nothing of it is still on its way, also where some were there before and count for none
// of those.
func TestReingestSavesWhatIsStored(t *testing.T) {
	r := newRig(t)
	const n = redriveWindow + 10
	r.received(n)
	target := r.elsewhere()
	one := r.reingest(target)
	one.From = Stored{JS: r.js, Select: Selection{To: 1}}
	r.reingested(one, target)
	w := r.reingest(target)
	w.Cursor = CursorFile{Path: filepath.Join(t.TempDir(), "cursor")}
	saved := 0
	w.Progress = func(int, int) {
		text, err := os.ReadFile(w.Cursor.Path)
		if err != nil || len(text) == 0 {
			return // nothing is saved yet
		}
		var c cursorText
		var s reingestState
		if err := errors.Join(json.Unmarshal(text, &c), json.Unmarshal(c.State, &s)); err != nil {
			t.Error(err)
		}
		if saved++; s.Sum.New+s.Sum.Already != s.Sum.Deliveries || s.Next != uint64(s.Sum.Deliveries)+1 {
			t.Errorf("saved is %+v", s)
		}
	}
	if sum := r.reingested(w, target); sum.New != n-1 || sum.Already != 1 || saved == 0 {
		t.Errorf("%+v, and saved was seen %d times", sum, saved)
	}
}

// TestReingestIntoAFullStream says that what was refused is put in by the same command, once
// there is room.
func TestReingestIntoAFullStream(t *testing.T) {
	r := newRig(t)
	const n = 20
	r.received(n)
	target := r.elsewhere()
	limit := func(messages int64) {
		t.Helper()
		s, err := target.js.Stream(t.Context(), jetstream.Webhooks)
		if err != nil {
			t.Fatal(err)
		}
		config := s.CachedInfo().Config
		config.MaxMsgs = messages
		if _, err := target.js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	limit(n / 2)
	w := r.reingest(target)
	w.Cursor = CursorFile{Path: filepath.Join(t.TempDir(), "cursor")}
	_, err := w.Run(t.Context(), target.js)
	checkAdvice(t, err, "a delivery was not stored", "make room in the target")
	limit(-1)
	// Interrupted once all is taken, there is nothing left to do but to say so.
	ctx, cancel := context.WithCancel(t.Context())
	last := w
	last.Progress = func(done, total int) {
		if done == total {
			cancel()
		}
	}
	if sum, err := last.Run(ctx, target.js); err == nil || sum.Deliveries != n {
		t.Errorf("interrupted: %+v, %v", sum, err)
	}
	if sum := r.reingested(w, target); sum.Deliveries != n || sum.New+sum.Already != n {
		t.Errorf("in the end: %+v", sum)
	}
	target.wantStored(jetstream.Webhooks, n)
}
