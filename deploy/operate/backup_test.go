package operate

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/delivery"
)

// fill stores deliveries, events and a dead letter, and leaves one delivery to do.
func (r *rig) fill() {
	r.t.Helper()
	for i := range 3 {
		r.receive(pikBody(fmt.Sprintf("evt_%d", i), fmt.Sprintf("txn_%d", i)))
	}
	r.receive(`{"event":`)
	r.receive(pikBody("evt_late", "txn_late"))
	for range 4 {
		r.normalize(all)
	}
}

// backup makes a backup of everything in a new folder.
func (r *rig) backup() string {
	r.t.Helper()
	dir := filepath.Join(r.t.TempDir(), "backup")
	m, err := Backup{Dir: dir, Now: time.Now()}.Run(r.t.Context(), r.js)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(m.Streams) != 3 || m.Server == "" {
		r.t.Errorf("got %+v", m)
	}
	return dir
}

// bare is another bus, without the streams.
func (r *rig) bare() natsjs.JetStream {
	return jetstreamtest.Start(r.t, jetstreamtest.Bare()).JetStream(r.t)
}

// restore does what the command does.
func restore(ctx context.Context, js natsjs.JetStream, r Restore) ([]RestoreStep, error) {
	if r.Now.IsZero() {
		r.Now = time.Now()
	}
	if key, err := delivery.NewKey("k1", "a-value-from-the-environment"); err == nil && r.Seals == nil {
		r.Seals = delivery.Keys{key} // of every rig
	}
	steps, err := r.Plan(ctx, js)
	if err != nil {
		return steps, err
	}
	return steps, r.Run(ctx, js, steps)
}

// everything is every message of every stream, with all that must survive.
func everything(t *testing.T, js natsjs.JetStream) []string {
	t.Helper()
	var messages []string
	for _, name := range StreamNames() {
		err := Walk(t.Context(), js, name, Range{}, func(m *natsjs.RawStreamMsg) error {
			messages = append(messages, fmt.Sprint(name, m.Sequence, m.Subject, m.Time.UnixNano(), storedHeader(m), string(m.Data)))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return messages
}

// TestRestore says that on another bus everything is there again, exactly, and that
// the normalizer goes on with what was not done.
func TestRestore(t *testing.T) {
	r := newRig(t)
	r.fill()
	want := everything(t, r.js)
	dir := r.backup()
	js := r.bare()
	steps, err := restore(t.Context(), js, Restore{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 3 || steps[0].Name != jetstream.DeadLetters || steps[2].Name != jetstream.Webhooks || !steps[2].Verified {
		t.Errorf("got %+v", steps)
	}
	if got := everything(t, js); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if n := steps[2].Consumers; len(n) != 1 || n[0].Name != jetstream.Normalizer || n[0].AckFloor != 4 || n[0].Pending != 1 {
		t.Errorf("the consumer is %+v", n)
	}
	if drifts, err := jetstream.Check(t.Context(), js, r.streams); err != nil || len(drifts) != 0 {
		t.Errorf("the topology: %v, %v", drifts, err)
	}
	// It takes new messages after the last, and knows those of the duplicate window.
	r.js = js
	r.normalize(all)
	r.wantStored(jetstream.Payments, 4)
	if seq := r.receive(pikBody("evt_new", "txn_new")); seq != 6 {
		t.Errorf("the next delivery is %d", seq)
	}
	// A consumer that is lost after the restore is made where it stopped, too.
	if err := js.DeleteConsumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer); err != nil {
		t.Fatal(err)
	}
	changes, err := jetstream.Apply(t.Context(), js, r.streams)
	if err != nil || changes[3].Start < 4 || changes[3].Start > 6 {
		t.Errorf("made again: %+v, %v", changes, err)
	}
}

// TestRestoreOverWhatIsThere says what becomes of streams that exist: empty ones are
// replaced, full ones only when told, after a backup of their own.
func TestRestoreOverWhatIsThere(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := r.backup()
	want := everything(t, r.js)

	empty := newRig(t)
	if _, err := restore(t.Context(), empty.js, Restore{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	r.receive(pikBody("evt_more", "txn_more"))
	before := everything(t, r.js)
	_, err := restore(t.Context(), r.js, Restore{Dir: dir})
	checkAdvice(t, err, "DEADLETTERS holds 1 messages, PAYMENTS holds 3 messages, WEBHOOKS holds 6 messages", "--replace")
	if got := everything(t, r.js); strings.Join(got, "\n") != strings.Join(before, "\n") {
		t.Error("a restore that was refused has changed something")
	}

	steps, err := restore(t.Context(), r.js, Restore{Dir: dir, Replace: true, Streams: []string{jetstream.Webhooks}})
	if err != nil || len(steps) != 1 || steps[0].Kept == "" || *steps[0].There != 6 {
		t.Fatalf("got %+v, %v", steps, err)
	}
	if got := everything(t, r.js); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %v", got)
	}
	// What was replaced can be brought back the same way.
	if _, err := restore(t.Context(), r.js, Restore{Dir: steps[0].Kept, Replace: true, Now: time.Now().Add(time.Second)}); err != nil {
		t.Fatal(err)
	}
	if got := everything(t, r.js); strings.Join(got, "\n") != strings.Join(before, "\n") {
		t.Errorf("got %v", got)
	}
}

// TestRestoreIsAnotherStream says that a restore which does not bring back what was
// backed up fails, and says where it differs.
func TestRestoreIsAnotherStream(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := r.backup()
	// A manifest whose sums are right, of a stream with another message.
	manifest := filepath.Join(dir, manifestFile)
	m, err := OpenBackup(t.Context(), dir, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	m.Streams[0].Parts[0].Digest = strings.Repeat("0", 64)
	if err := os.Remove(filepath.Join(dir, sumsFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(manifest); err != nil {
		t.Fatal(err)
	}
	if err := writeManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	steps, err := restore(t.Context(), r.bare(), Restore{Dir: dir})
	checkAdvice(t, err, "stream WEBHOOKS: messages 1 to 5 are not those that were backed up", "another backup")
	if steps[2].Verified || steps[2].Differs == "" || !steps[1].Verified {
		t.Errorf("got %+v", steps)
	}
}

// TestDamagedBackup says that every byte of a backup counts: one that flips anywhere
// is noticed before anything is touched.
func TestDamagedBackup(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := r.backup()
	js := r.bare()
	files, err := backupFiles(dir)
	if err != nil || len(files) != 7 {
		t.Fatalf("got %v, %v", files, err)
	}
	for _, name := range append(files, sumsFile) {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, len(whole) / 2, len(whole) - 2} {
			damaged := append([]byte(nil), whole...)
			damaged[at] ^= 1
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := restore(t.Context(), js, Restore{Dir: dir}); err == nil {
				t.Errorf("%s: byte %d has changed, and nobody noticed", name, at)
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Sums that are right, of a file that is none of it, and of all but the manifest.
	sums, err := os.ReadFile(filepath.Join(dir, sumsFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "..", "outside"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		string(sums) + fmt.Sprintf("%x  ../outside\n", sha256.Sum256(nil)):                          "is no sum of a file",
		regexp.MustCompile(`(?m)^.*  `+manifestFile+`\n`).ReplaceAllLiteralString(string(sums), ""): "manifest.json has no sum",
		string(sums): "",
	} {
		if err := os.WriteFile(filepath.Join(dir, sumsFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenBackup(t.Context(), dir, func(int, int) {}); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, sumsFile), sums, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, jetstream.Webhooks, "stream.arc.s2"), 100); err != nil {
		t.Fatal(err)
	}
	_, err = restore(t.Context(), js, Restore{Dir: dir})
	checkAdvice(t, err, "WEBHOOKS/stream.arc.s2 has changed", "take another")
	if _, err := js.Stream(t.Context(), jetstream.Payments); err == nil {
		t.Error("a damaged backup was restored in part")
	}
	if err := os.Remove(filepath.Join(dir, sumsFile)); err != nil {
		t.Fatal(err)
	}
	_, err = restore(t.Context(), js, Restore{Dir: dir})
	checkAdvice(t, err, "holds no finished backup", "streams backup")
	_, err = Backup{Dir: dir, Now: time.Now()}.Run(t.Context(), r.js)
	checkAdvice(t, err, "is not empty", "new folder")
}

// TestRestoreOfOldMessages says that what is older than the stream would keep is
// there after a restore, and not deleted by it.
func TestRestoreOfOldMessages(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := r.backup()
	js := r.bare()
	steps, err := restore(t.Context(), js, Restore{Dir: dir, Now: time.Now().Add(100 * 24 * time.Hour)})
	if err != nil || !steps[2].Expired || !steps[2].Verified {
		t.Fatalf("got %+v, %v", steps, err)
	}
	s, err := js.Stream(t.Context(), jetstream.Webhooks)
	if err != nil || s.CachedInfo().Config.MaxAge != 0 {
		t.Errorf("got %v, %v", s.CachedInfo().Config.MaxAge, err)
	}
}

// TestRestoreUnderAReader says that WEBHOOKS is not taken from under a normalizer.
func TestRestoreUnderAReader(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := r.backup()
	r.normalize(all)
	consumer, err := r.js.Consumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer)
	if err != nil {
		t.Fatal(err)
	}
	reading, err := consumer.Consume(func(natsjs.Msg) {})
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Stop()
	waitFor(t, func() bool {
		info, err := consumer.Info(t.Context())
		return err == nil && info.NumWaiting > 0
	})
	_, err = restore(t.Context(), r.js, Restore{Dir: dir, Replace: true})
	checkAdvice(t, err, "a normalizer reads from WEBHOOKS", "stop the normalizers")
}

// TestContentsDiffer says what is told of two streams that are not the same.
func TestContentsDiffer(t *testing.T) {
	c := Contents{Messages: 25_000, First: 11, Last: 25_010, Parts: []Part{{10_010, "a"}, {20_010, "b"}, {25_010, "c"}}}
	for _, test := range []struct {
		name   string
		change func(*Contents)
		want   string
	}{
		{"the same", func(*Contents) {}, ""},
		{"one part", func(c *Contents) { c.Parts = []Part{{10_010, "a"}, {20_010, "x"}, {25_010, "y"}} }, "messages 10011 to 20010 are not"},
		{"a part less", func(c *Contents) { c.Parts, c.Messages = c.Parts[:2], 20_000 }, "messages 20011 to 25010 are not"},
		{"nothing", func(c *Contents) { *c = Contents{} }, "0 messages with digest none"},
		{"more", func(c *Contents) { c.Messages++ }, "it holds 25001 messages"},
	} {
		got := c
		test.change(&got)
		if text := c.Differs(got); !strings.Contains(text, test.want) || (text == "") != (test.want == "") {
			t.Errorf("%s: %q", test.name, text)
		}
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		if so() {
			return
		}
	}
	t.Fatal("it never became so")
}
