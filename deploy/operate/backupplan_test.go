package operate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"paybridge/config"
	"paybridge/deploy/jetstream"
)

// TestBackupPlan says that a plan tells what is to be copied and what an interrupted backup
// has copied, writes nothing, and refuses a disk that cannot hold it.
func TestBackupPlan(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := filepath.Join(t.TempDir(), "backup")
	b := Backup{Dir: dir, Now: time.Now(), freeDisk: func(at string) (config.Size, error) {
		if at != dir {
			t.Errorf("asked of %s", at)
		}
		return 1 << 30, nil
	}}
	plan, err := b.Plan(t.Context(), r.js)
	if err != nil || len(plan.Streams) != 3 || plan.Streams[0].Name != jetstream.Webhooks || plan.Streams[0].Messages != 5 || plan.Free != 1<<30 {
		t.Fatalf("%+v, %v", plan, err)
	}
	if all := plan.Streams[0].Bytes + plan.Streams[1].Bytes + plan.Streams[2].Bytes; plan.Stored != all || all == 0 {
		t.Errorf("%d bytes of %d", plan.Stored, all)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a plan has written: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	half := b
	half.Progress = func(what string) func(done, total int) {
		if what == "messages of "+jetstream.Payments {
			cancel()
		}
		return func(int, int) {}
	}
	if _, err := half.Run(ctx, r.js); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	again, err := b.Plan(t.Context(), r.js)
	if err != nil || !again.Streams[0].Kept || again.Streams[1].Kept || again.Stored != plan.Stored-plan.Streams[0].Bytes {
		t.Errorf("%+v, %v", again, err)
	}
	if m, err := b.Run(t.Context(), r.js); err != nil || !m.Streams[0].Earlier {
		t.Errorf("it does not go on after a plan: %+v, %v", m, err)
	}

	b.Dir, b.freeDisk = filepath.Join(t.TempDir(), "small"), func(string) (config.Size, error) { return 1, nil }
	_, err = b.Plan(t.Context(), r.js)
	checkAdvice(t, err, "backup: 1 B free for "+b.Dir+" cannot hold a copy of ", "another disk")
	b.Dir = filepath.Join(dir, "manifest.json")
	_, err = b.Plan(t.Context(), r.js)
	checkAdvice(t, err, "not a directory", "name a folder")
}
