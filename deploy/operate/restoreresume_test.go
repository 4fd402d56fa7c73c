package operate

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestRestoreGoesOn says that a restore which was interrupted goes on, when it is run again
// as it was, with the stream that it was at: what it had restored is compared and left.
func TestRestoreGoesOn(t *testing.T) {
	r := newRig(t)
	r.fill()
	for name, replace := range map[string]bool{"onto nothing": false, "over what was there": true} {
		dir, js := r.backup(), r.bare()
		if replace {
			js = newRig(t).js
			if _, err := js.Publish(t.Context(), "payments.pik.payin.confirmed.x", []byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		steps, err := restore(ctx, js, Restore{Dir: dir, Replace: replace, Progress: func(what string) func(done, total int) {
			if what == "KiB of WEBHOOKS" {
				cancel()
			}
			return func(int, int) {}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) || !steps[0].Verified || !steps[1].Verified || steps[2].Verified {
			t.Fatalf("%s: got %+v, %v", name, steps, err)
		}
		made := createdAt(t, js, jetstream.Payments)
		// The dry run says what is done, and what is to be.
		again := Restore{Dir: dir, Replace: replace, Now: time.Now().Add(time.Minute), Seals: r.seals}
		steps, err = again.Plan(t.Context(), js)
		if err != nil || !steps[1].Already || !steps[1].Verified || steps[2].Already {
			t.Fatalf("%s: planned %+v, %v", name, steps, err)
		}
		if err := again.Run(t.Context(), js, steps); err != nil || !steps[2].Verified {
			t.Errorf("%s: %+v, %v", name, steps, err)
		}
		if now := createdAt(t, js, jetstream.Payments); now != made {
			t.Errorf("%s: PAYMENTS was restored again: %s, %s", name, made, now)
		}
		if steps, err = restore(t.Context(), js, Restore{Dir: dir}); err != nil || !steps[1].Already || !steps[2].Already || steps[2].Consumers[0].Pending != 1 {
			t.Errorf("%s: when all is done: %+v, %v", name, steps, err)
		}
		// What has come to it since is left.
		if _, err := js.Publish(t.Context(), "payments.pik.payin.confirmed.x", []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if steps, err := restore(t.Context(), js, Restore{Dir: dir, Streams: []string{jetstream.Payments}}); err != nil || !steps[0].Already {
			t.Errorf("%s: more has come: %+v, %v", name, steps, err)
		}
		// But it is in the way of what it was.
		if steps, err := restore(t.Context(), js, Restore{Dir: dir, Streams: []string{jetstream.Payments}, Replace: true, Now: time.Now().Add(time.Hour)}); err != nil || steps[0].Already || !steps[0].Verified {
			t.Errorf("%s: replaced: %+v, %v", name, steps, err)
		}
	}
}

// TestRestoreIsNotDone says that a stream which was made of a backup, and does not hold what
// is in it, is in the way of it like any other.
func TestRestoreIsNotDone(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := r.backup()
	js := r.bare()
	if _, err := restore(t.Context(), js, Restore{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	m, err := OpenBackup(t.Context(), dir, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	m.Streams[1].Parts[0].Digest = strings.Repeat("0", 64)
	if err := writeManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	_, err = restore(t.Context(), js, Restore{Dir: dir})
	checkAdvice(t, err, "restore: PAYMENTS holds 3 messages", "--replace")
}

// TestRestoreOfConsumersThatWentOn says that a stream is made again, where it is to be
// replaced, although it holds what is in the backup: its consumer has gone on since.
func TestRestoreOfConsumersThatWentOn(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := r.backup()
	js := r.bare()
	if _, err := restore(t.Context(), js, Restore{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	there := *r
	there.js = js
	there.normalize(none)
	for pending, replace := range []bool{false, true} {
		steps, err := restore(t.Context(), js, Restore{Dir: dir, Streams: []string{jetstream.Webhooks}, Replace: replace})
		if err != nil || steps[0].Already == replace || !steps[0].Verified || steps[0].Consumers[0].Pending != uint64(pending) {
			t.Errorf("replace %v: %+v, %v", replace, steps, err)
		}
	}
}

// createdAt is what tells one restored stream from the next.
func createdAt(t *testing.T, js natsjs.JetStream, name string) string {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return jetstream.Life(s.CachedInfo())
}

// TestRestoreAfterOneThatWasKilled kills a restore in the middle of a stream: its connection
// is gone, and it has said nothing. Run again at once it restores, although the server waits
// for more of that one still.
func TestRestoreAfterOneThatWasKilled(t *testing.T) {
	t.Parallel()
	from := jetstreamtest.Start(t).JetStream(t)
	publishMany(t, from, 3000, 400)
	dir := filepath.Join(t.TempDir(), "backup")
	m, err := Backup{Dir: dir, Streams: []string{jetstream.Webhooks}, Now: time.Now()}.Run(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	server := jetstreamtest.Start(t, jetstreamtest.Bare())
	s := m.Streams[0]
	request, err := json.Marshal(snapshotState{Config: s.Config, State: s.State})
	if err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile(filepath.Join(dir, s.File))
	if err != nil {
		t.Fatal(err)
	}
	killed := server.Conn(t)
	a, err := ask(t.Context(), killed, restoreRequest+s.Name, snapshotPatience, request)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := ask(t.Context(), killed, a.DeliverSubject, snapshotPatience, archive[:restoreChunk]); err != nil {
			t.Fatal(err)
		}
		archive = archive[restoreChunk:]
	}
	killed.Close()

	steps, err := restore(t.Context(), server.JetStream(t), Restore{Dir: dir})
	if err != nil || len(steps) != 1 || !steps[0].Verified {
		t.Errorf("got %+v, %v", steps, err)
	}
}

// TestRestoreGivesAgain has the server drop what receives a snapshot, as it does while it
// ends an earlier one: the snapshot is given again, from the beginning.
func TestRestoreGivesAgain(t *testing.T) {
	from := jetstreamtest.Start(t).JetStream(t)
	publishMany(t, from, 3000, 400)
	dir := filepath.Join(t.TempDir(), "backup")
	if _, err := (Backup{Dir: dir, Streams: []string{jetstream.Webhooks}, Now: time.Now()}).Run(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	server := jetstreamtest.Start(t, jetstreamtest.Bare())
	spy := server.Conn(t)
	chunks, err := spy.SubscribeSync("$JS.SNAPSHOT.RESTORE.WEBHOOKS.*")
	if err != nil {
		t.Fatal(err)
	}
	if err := spy.Flush(); err != nil {
		t.Fatal(err)
	}
	tries, dropped := 0, false
	steps, err := restore(t.Context(), server.JetStream(t), Restore{Dir: dir, Progress: func(what string) func(done, total int) {
		if what == "KiB of WEBHOOKS" {
			tries++
		}
		return func(done, _ int) {
			if what != "KiB of WEBHOOKS" || done == 0 || dropped {
				return
			}
			// A chunk that wants no answer is an error, and ends the receiver.
			dropped = true
			chunk, err := chunks.NextMsg(20 * time.Second)
			if err == nil {
				err = errors.Join(chunks.Unsubscribe(), spy.Publish(chunk.Subject, []byte("x")), spy.Flush())
			}
			if err != nil {
				t.Error(err)
			}
		}
	}})
	if err != nil || !steps[0].Verified || tries < 2 {
		t.Errorf("after %d tries: %+v, %v", tries, steps, err)
	}
}
