package jetstream

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
)

// What a single server cannot show: a cluster's copies, and a server too old.
func TestLosses(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	tests := map[string]struct {
		have, want func(*jetstream.StreamConfig)
		state      jetstream.StreamState
		says       string
	}{
		"fewer copies":          {have: func(c *jetstream.StreamConfig) { c.Replicas = 3 }, says: "WEBHOOKS: num_replicas 1 gives up copies of what is stored, there are 3"},
		"more copies":           {want: func(c *jetstream.StreamConfig) { c.Replicas = 3 }},
		"a shorter age, empty":  {want: func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }},
		"a shorter age, fresh":  {want: func(c *jetstream.StreamConfig) { c.MaxAge = 3 * time.Hour }, state: jetstream.StreamState{Msgs: 1, FirstTime: now.Add(-2 * time.Hour)}},
		"a shorter age, older":  {want: func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, state: jetstream.StreamState{Msgs: 1, FirstTime: now.Add(-2 * time.Hour)}, says: "the oldest message is 2h0m0s old"},
		"an age where was none": {have: func(c *jetstream.StreamConfig) { c.MaxAge = 0 }, want: func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, state: jetstream.StreamState{Msgs: 1, FirstTime: now.Add(-2 * time.Hour)}, says: "max_age 1h0m0s"},
		"a longer age":          {want: func(c *jetstream.StreamConfig) { c.MaxAge *= 2 }, state: jetstream.StreamState{Msgs: 1}},
		"fewer bytes, enough":   {want: func(c *jetstream.StreamConfig) { c.MaxBytes = 100 }, state: jetstream.StreamState{Bytes: 100}},
		"fewer bytes, too few":  {want: func(c *jetstream.StreamConfig) { c.MaxBytes = 99 }, state: jetstream.StreamState{Bytes: 100}, says: "max_bytes 99B is less than the 100 bytes stored"},
		"sealed":                {have: func(c *jetstream.StreamConfig) { c.Sealed = true }, says: "sealed is true, must be false, and cannot be changed"},
		"async persistence":     {have: func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode }, says: "persist_mode is"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := Streams(config.Default().Streams)[0]
			have := want
			if test.have != nil {
				test.have(&have)
			}
			if test.want != nil {
				test.want(&want)
			}
			got := strings.Join(losses(want, &jetstream.StreamInfo{Config: have, State: test.state, TimeStamp: now}), "\n")
			if (test.says == "") != (got == "") || !strings.Contains(got, test.says) {
				t.Errorf("%q, want %q", got, test.says)
			}
		})
	}
}

func TestTaken(t *testing.T) {
	told := Streams(config.Default().Streams)[0]
	has := told
	if err := taken(told, has); err != nil {
		t.Error(err)
	}
	has.AllowAtomicPublish = false
	if err := taken(told, has); err == nil || !strings.Contains(err.Error(), "allow_atomic: it must be nats-server 2.12") {
		t.Error(err)
	}
}

// TestSpan says that an age is told as people say it, and never as another one.
func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", time.Minute: "1m", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", time.Hour: "1h",
		48 * time.Hour: "48h", 72 * time.Hour: "3d", 840 * time.Hour: "35d", 840*time.Hour + 90*time.Minute: "35d1h30m", 840*time.Hour + time.Second: "35d1s",
	} {
		if got := span(d); got != want {
			t.Errorf("%v is told as %s, want %s", d, got, want)
		}
	}
}
