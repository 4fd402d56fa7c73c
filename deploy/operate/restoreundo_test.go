package operate

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestRestoreInterrupted says that a restore which is interrupted, early, at its last
// chunk or while it compares, leaves no half stream, and can be run again at once.
func TestRestoreInterrupted(t *testing.T) {
	from := jetstreamtest.Start(t).JetStream(t)
	publishMany(t, from, 4000, 400)
	dir := filepath.Join(t.TempDir(), "backup")
	if _, err := (Backup{Dir: dir, Streams: []string{jetstream.Webhooks}, Now: time.Now()}).Run(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	js := jetstreamtest.Start(t, jetstreamtest.Bare()).JetStream(t)
	for name, when := range map[string]func(what string, done, total int) bool{
		"early":       func(what string, done, _ int) bool { return what == "KiB of WEBHOOKS" && done > 200 },
		"at the last": func(what string, done, total int) bool { return what == "KiB of WEBHOOKS" && done == total },
		"comparing":   func(what string, done, _ int) bool { return what == "messages of WEBHOOKS compared" && done > 100 },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		steps, err := restore(ctx, js, Restore{Dir: dir, Progress: func(what string) func(done, total int) {
			return func(done, total int) {
				if when(what, done, total) {
					cancel()
				}
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) || steps[0].Verified {
			t.Errorf("%s: got %+v, %v", name, steps, err)
		}
		checkAdvice(t, err, "stream WEBHOOKS: ", "nothing is left half made: run this again")
		if _, err := js.Stream(t.Context(), jetstream.Webhooks); !errors.Is(err, natsjs.ErrStreamNotFound) {
			t.Fatalf("%s: there is a stream: %v", name, err)
		}
	}
	if steps, err := restore(t.Context(), js, Restore{Dir: dir, Replace: true}); err != nil || !steps[0].Verified {
		t.Errorf("at once again: %+v, %v", steps, err)
	}
}

// TestRestoreLeavesOthers says that a stream which somebody else has made meanwhile is
// not taken away by a restore that fails on it.
func TestRestoreLeavesOthers(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := r.backup()
	before := strings.Join(everything(t, r.js), "\n")
	again := Restore{Dir: dir, Now: time.Now(), Seals: r.seals}
	if _, err := again.Plan(t.Context(), r.bare()); err != nil {
		t.Fatal(err)
	}
	err := again.Run(t.Context(), r.js, []RestoreStep{{Name: jetstream.Webhooks}})
	checkAdvice(t, err, "stream WEBHOOKS: ", "somebody has made it meanwhile")
	if got := strings.Join(everything(t, r.js), "\n"); got != before {
		t.Error("it was taken away")
	}
}
