package jetstream_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// The contract's numbers, written out a second time on purpose: whoever changes a
// value meets them here.
func TestStreamsAreTheContract(t *testing.T) {
	want := []struct {
		name    string
		subject string
		window  time.Duration
		age     time.Duration
	}{
		{"WEBHOOKS", "webhooks.*.*", 2 * time.Hour, 35 * 24 * time.Hour},
		{"PAYMENTS", "payments.*.*.*.>", 48 * time.Hour, 90 * 24 * time.Hour},
		{"DEADLETTERS", "deadletters.*.*", 48 * time.Hour, 180 * 24 * time.Hour},
	}
	streams := jetstream.Streams(config.Default().Streams)
	if len(streams) != len(want) {
		t.Fatalf("%d streams", len(streams))
	}
	for i, w := range want {
		s := streams[i]
		if s.Name != w.name || !slices.Equal(s.Subjects, []string{w.subject}) {
			t.Errorf("stream %d is %s on %v, want %s on %s", i, s.Name, s.Subjects, w.name, w.subject)
		}
		if s.Duplicates != w.window || s.MaxAge != w.age {
			t.Errorf("%s: window %v, age %v; want %v, %v", s.Name, s.Duplicates, s.MaxAge, w.window, w.age)
		}
		if s.Storage != natsjs.FileStorage || s.Retention != natsjs.LimitsPolicy || s.Discard != natsjs.DiscardNew {
			t.Errorf("%s: %v, %v, %v", s.Name, s.Storage, s.Retention, s.Discard)
		}
		if !s.DenyDelete || !s.DenyPurge || !s.AllowAtomicPublish || !s.AllowDirect {
			t.Errorf("%s: rights %+v", s.Name, s)
		}
		if s.PersistMode != natsjs.DefaultPersistMode || s.Compression != natsjs.NoCompression || s.NoAck || s.AllowRollup {
			t.Errorf("%s: durability %+v", s.Name, s)
		}
		if s.Replicas != 1 || s.MaxMsgs != -1 {
			t.Errorf("%s: replicas %d, max_msgs %d", s.Name, s.Replicas, s.MaxMsgs)
		}
		if s.MaxAge < streams[0].MaxAge {
			t.Errorf("%s keeps less long than WEBHOOKS", s.Name)
		}
	}
}

func TestConsumerIsTheContract(t *testing.T) {
	consumers := jetstream.Consumers(config.Default().Streams)
	if len(consumers) != 1 || consumers[0].Stream != "WEBHOOKS" {
		t.Fatalf("consumers %+v", consumers)
	}
	c := consumers[0].Config
	if c.Durable != "normalizer" || c.AckPolicy != natsjs.AckExplicitPolicy || c.DeliverSubject != "" {
		t.Errorf("not a durable pull consumer with explicit acks: %+v", c)
	}
	if c.AckWait > 30*time.Second || len(c.BackOff) > 0 || c.MaxDeliver != -1 {
		t.Errorf("ack wait %v, backoff %v, max deliver %d", c.AckWait, c.BackOff, c.MaxDeliver)
	}
}

// Sizes that nobody chose follow the disk, within the contract's bounds.
func TestSizesFollowTheDisk(t *testing.T) {
	for name, disk := range map[string]config.Size{
		"unknown": 0, "full": 1, "small": 8 * config.GiB, "middle": 24 * config.GiB, "large": 10 * config.TiB,
	} {
		t.Run(name, func(t *testing.T) {
			s := config.Default().Streams
			s.Disk = disk
			var sum config.Size
			for _, stream := range jetstream.Streams(s) {
				if stream.MaxBytes <= 0 {
					t.Errorf("%s has no limit", stream.Name)
				}
				if stream.Name == "WEBHOOKS" && config.Size(stream.MaxBytes) < 2*config.GiB {
					t.Errorf("WEBHOOKS has %d bytes", stream.MaxBytes)
				}
				sum += config.Size(stream.MaxBytes)
			}
			if sum > 20*config.GiB || sum != jetstream.Reserved(s) {
				t.Errorf("together %v, Reserved says %v", sum, jetstream.Reserved(s))
			}
			if disk > 10*config.GiB && sum > disk/2 {
				t.Errorf("%v of a disk with %v free", sum, disk)
			}
		})
	}
}

// Sizes and everything else that the operator chose are taken as they are.
func TestStreamsTakeTheConfiguration(t *testing.T) {
	s := config.Default().Streams
	s.Replicas = 3
	s.MaxMessage = 8 * config.MiB
	s.Payments = config.Stream{MaxAge: time.Hour, MaxBytes: config.GiB, DuplicateWindow: time.Minute}
	p := jetstream.Streams(s)[1]
	if p.Replicas != 3 || p.MaxMsgSize != 8<<20 || p.MaxAge != time.Hour || p.MaxBytes != 1<<30 || p.Duplicates != time.Minute {
		t.Errorf("%+v", p)
	}
}

// A dead letter holds its delivery and some headers more, and must always fit.
func TestDeadLettersHaveRoom(t *testing.T) {
	streams := jetstream.Streams(config.Default().Streams)
	if room := streams[2].MaxMsgSize - streams[0].MaxMsgSize; room < 8<<10 {
		t.Errorf("%d bytes of room", room)
	}
	if largest := config.Size(streams[0].MaxMsgSize); largest < config.Default().Ingress.MaxBody+32*config.KiB {
		t.Errorf("WEBHOOKS takes %v, the ingress bodies of %v", largest, config.Default().Ingress.MaxBody)
	}
}

// The server keeps the promises that the values make.
func TestServerRefusesWhatTheContractForbids(t *testing.T) {
	s := jetstreamtest.Start(t, jetstreamtest.With(func(s *config.Streams) { s.Webhooks.MaxBytes = 4 * config.KiB }))
	js := s.JetStream(t)
	if _, err := js.Publish(t.Context(), "webhooks.pik.default", make([]byte, 3<<10)); err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), jetstream.Webhooks)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("full refuses the new, keeps the old", func(t *testing.T) {
		if _, err := js.Publish(t.Context(), "webhooks.pik.default", make([]byte, 3<<10)); err == nil {
			t.Error("a full stream took a message")
		}
		if _, err := stream.GetMsg(t.Context(), 1); err != nil {
			t.Errorf("the first message: %v", err)
		}
	})
	t.Run("no deletes", func(t *testing.T) {
		if err := stream.DeleteMsg(t.Context(), 1); err == nil {
			t.Error("deleted a message")
		}
		if err := stream.Purge(t.Context(), natsjs.WithPurgeSubject("webhooks.pik.default")); err == nil {
			t.Error("purged a subject")
		}
	})
	t.Run("no stray subjects", func(t *testing.T) {
		for _, subject := range []string{"webhooks.pik", "webhooks.pik.a.b", "payments.pik.payin.confirmed"} {
			if _, err := js.Publish(t.Context(), subject, nil, natsjs.WithRetryAttempts(0)); !errors.Is(err, natsjs.ErrNoStreamResponse) {
				t.Errorf("%s: %v", subject, err)
			}
		}
	})
	t.Run("a repeated id is one message", func(t *testing.T) {
		for i, duplicate := range []bool{false, true} {
			ack, err := js.Publish(t.Context(), "payments.pik.payin.confirmed.x", nil, natsjs.WithMsgID("pik/1"))
			if err != nil || ack.Duplicate != duplicate {
				t.Errorf("publish %d: %+v, %v", i, ack, err)
			}
		}
	})
}
