package operate

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/event"
)

// publishMany stores deliveries of random bytes, which do not get smaller.
func publishMany(t *testing.T, js natsjs.JetStream, n, size int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		body := make([]byte, size)
		for j := range body {
			body[j] = byte(random.Uint32())
		}
		if _, err := js.PublishAsync("webhooks.pik.default", body, natsjs.WithMsgID(fmt.Sprint(i)), natsjs.WithStallWait(walkTimeout)); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
}

// TestRestoreOfMany says the same of a stream of many chunks and parts, told of on the
// way, and that messages which come during a backup are not in the way.
func TestRestoreOfMany(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	const many = 2*partSize + 100
	publishMany(t, js, many, 100)
	told := map[string][2]int{}
	progress := func(what string) func(done, total int) {
		return func(done, total int) { told[what] = [2]int{done, total} }
	}
	dir := filepath.Join(t.TempDir(), "backup")
	m, err := Backup{Dir: dir, Streams: []string{jetstream.Webhooks}, Now: time.Now(), Progress: progress}.Run(t.Context(), js)
	if err != nil || m.Streams[0].Messages != many || len(m.Streams[0].Parts) != 3 || m.Streams[0].Bytes < 10*restoreChunk {
		t.Fatalf("got %+v, %v", m, err)
	}
	r := Restore{Dir: dir, Progress: progress}
	steps, err := restore(t.Context(), jetstreamtest.Start(t, jetstreamtest.Bare()).JetStream(t), r)
	if err != nil || !steps[0].Verified {
		t.Fatalf("got %+v, %v", steps, err)
	}
	for _, what := range []string{"messages of WEBHOOKS", "messages of WEBHOOKS compared", "KiB of WEBHOOKS", "KiB of the backup checked"} {
		if p := told[what]; p[0] == 0 || p[0] != p[1] {
			t.Errorf("%s: told of %v", what, p)
		}
	}
}

// TestRestoreOfWhatHasExpired says that what was in the snapshot, and had expired when
// the stream was read, is no difference; and that what was never in it is one.
func TestRestoreOfWhatHasExpired(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := r.backup()
	m, err := OpenBackup(t.Context(), dir, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	if m.Streams[0].Contents, err = ReadContents(t.Context(), r.js, jetstream.Webhooks, 3, 5, nil); err != nil {
		t.Fatal(err)
	}
	for first, want := range map[uint64]string{1: "", 2: "it begins with 1, want 3"} {
		m.Streams[0].FirstThen = first
		again := Restore{Dir: dir, Now: time.Now(), manifest: m}
		js := r.bare()
		steps := []RestoreStep{{Name: jetstream.Webhooks}}
		err := again.Run(t.Context(), js, steps)
		if (err == nil) != (want == "") || !strings.Contains(fmt.Sprint(err), want) && want != "" {
			t.Errorf("%d: got %+v, %v", first, steps, err)
		}
	}
}

// TestRestoreMeanwhile says that what comes between a look and the deed is not lost: the
// stream that it came to stays, and goes on.
func TestRestoreMeanwhile(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := r.backup()
	empty := newRig(t)
	if err := (Team{Name: "ledger", Filter: "payments.pik.>"}).Add(t.Context(), empty.js); err != nil {
		t.Fatal(err)
	}
	again := Restore{Dir: dir, Now: time.Now(), Seals: r.seals}
	steps, err := again.Plan(t.Context(), empty.js)
	if err != nil {
		t.Fatal(err)
	}
	if lost := steps[1].Lost; len(lost) != 1 || lost[0] != "ledger" || len(steps[2].Lost) != 0 {
		t.Errorf("what goes is %+v", steps)
	}
	publish(t, empty.js, aPayment("pik", "meanwhile"), event.Structured)
	err = again.Run(t.Context(), empty.js, steps)
	checkAdvice(t, err, "PAYMENTS holds 1 messages by now", "look again")
	publish(t, empty.js, aPayment("pik", "later"), event.Structured)
	empty.wantStored(jetstream.Payments, 2)
	if drifts, err := jetstream.Check(t.Context(), empty.js, empty.streams, jetstream.Payments, jetstream.Webhooks); err != nil || len(drifts) != 0 {
		t.Errorf("the streams: %v, %v", drifts, err)
	}
	// Told to, it takes it away: a team's consumer is what the backup has.
	steps, err = restore(t.Context(), empty.js, Restore{Dir: dir, Streams: []string{jetstream.Payments}, Replace: true})
	if err != nil || !steps[0].Verified || len(steps[0].Consumers) != 0 {
		t.Errorf("got %+v, %v", steps, err)
	}
}
