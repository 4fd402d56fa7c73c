package jetstream

import (
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
)

// TestEarlierLives says which results count of a stream that was restored: those of
// what the backup holds and those since, and none of what was lost in between.
func TestEarlierLives(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	made := &natsjs.StreamInfo{Created: day(10), State: natsjs.StreamState{FirstTime: day(11)}}
	restored := &natsjs.StreamInfo{Created: day(10), State: natsjs.StreamState{FirstTime: day(3)}}
	restored.Config.Metadata = map[string]string{"owner": "ana"}
	Restored{Until: day(5), At: day(10)}.Note(restored.Config.Metadata)
	for _, test := range []struct {
		name string
		info *natsjs.StreamInfo
		at   time.Time
		want bool
	}{
		{"before it was made", made, day(9), true},
		{"since", made, day(11), false},
		{"before the backup's first message", restored, day(2), true},
		{"of the backup", restored, day(4), false},
		{"when the backup was taken", restored, day(5), false},
		{"after the backup, lost", restored, day(8), true},
		{"since it was restored", restored, day(11), false},
	} {
		if got := earlier(test.at, test.info); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	if restored.Config.Metadata["owner"] != "ana" {
		t.Error("what the operator wrote is gone")
	}
}
