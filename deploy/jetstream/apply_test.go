package jetstream_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// actions is a report in short: "WEBHOOKS created, …".
func actions(report []jetstream.Change) string {
	var all []string
	for _, c := range report {
		all = append(all, c.Name+" "+string(c.Action))
	}
	return strings.Join(all, ", ")
}

func TestApplyCreatesThenLeavesAlone(t *testing.T) {
	s := jetstreamtest.Start(t, jetstreamtest.Bare())
	js := s.JetStream(t)
	for _, want := range []string{
		"WEBHOOKS created, PAYMENTS created, DEADLETTERS created, WEBHOOKS/normalizer created",
		"WEBHOOKS unchanged, PAYMENTS unchanged, DEADLETTERS unchanged, WEBHOOKS/normalizer unchanged",
	} {
		report, err := jetstream.Apply(t.Context(), js, s.Streams)
		if err != nil || actions(report) != want {
			t.Errorf("%s, %v; want %s", actions(report), err, want)
		}
	}
}

// An update says what it changed, and leaves alone what belongs to the operator.
func TestApplyUpdates(t *testing.T) {
	s := jetstreamtest.Start(t)
	js := s.JetStream(t)
	info := stream(t, js, jetstream.Payments)
	c := info.Config
	c.Description = "ours"
	c.Metadata = map[string]string{"team": "payments"}
	c.Discard = natsjs.DiscardOld
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s.Streams.Payments.MaxAge += time.Hour

	report, err := jetstream.Apply(t.Context(), js, s.Streams)
	if err != nil {
		t.Fatal(err)
	}
	want := "PAYMENTS updated\n  discard: DiscardOld → DiscardNew\n  max_age: 90d → 90d1h"
	if got := report[1].String(); got != want {
		t.Errorf("report\n%s\nwant\n%s", got, want)
	}
	now := stream(t, js, jetstream.Payments).Config
	if now.Discard != natsjs.DiscardNew || now.MaxAge != s.Streams.Payments.MaxAge {
		t.Errorf("not updated: %+v", now)
	}
	if now.Description != "ours" || now.Metadata["team"] != "payments" {
		t.Errorf("the operator's own: %q, %v", now.Description, now.Metadata)
	}
}

func TestApplyUpdatesTheConsumerInPlace(t *testing.T) {
	s := jetstreamtest.Start(t)
	js := s.JetStream(t)
	publish(t, js, "webhooks.pik.default", nil)
	consumer, err := js.Consumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer)
	if err != nil {
		t.Fatal(err)
	}
	m, err := consumer.Next()
	if err != nil || m.DoubleAck(t.Context()) != nil {
		t.Fatal("ack:", err)
	}
	c := consumer.CachedInfo().Config
	c.MaxDeliver, c.AckWait, c.FilterSubject = 5, time.Minute, "webhooks.pik.*"
	if _, err := js.UpdateConsumer(t.Context(), jetstream.Webhooks, c); err != nil {
		t.Fatal(err)
	}

	report, err := jetstream.Apply(t.Context(), js, s.Streams)
	if err != nil || report[3].Action != jetstream.Updated || len(report[3].Changed) != 3 {
		t.Fatalf("%+v, %v", report, err)
	}
	info, err := consumer.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.Config.MaxDeliver != -1 || info.Config.AckWait != 30*time.Second || info.Config.FilterSubject != "" {
		t.Errorf("not updated: %+v", info.Config)
	}
	if info.AckFloor.Stream != 1 {
		t.Errorf("it forgot where it was: %+v", info.AckFloor)
	}
}

// A change that would lose what is stored, or that cannot be made, changes nothing
// at all, and says everything that is wrong with it.
func TestApplyRefuses(t *testing.T) {
	tests := map[string]struct {
		options []jetstreamtest.Option
		spoil   func(*testing.T, natsjs.JetStream, *config.Streams)
		want    []string
	}{
		"fewer bytes than stored": {
			spoil: func(t *testing.T, js natsjs.JetStream, s *config.Streams) {
				publish(t, js, "webhooks.pik.default", make([]byte, 8<<10))
				s.Webhooks.MaxBytes = 4 * config.KiB
			},
			want: []string{"WEBHOOKS: max_bytes 4KiB"},
		},
		"an age that some have": {
			spoil: func(t *testing.T, js natsjs.JetStream, s *config.Streams) {
				publish(t, js, "deadletters.pik.ignored", nil)
				s.DeadLetters.MaxAge = time.Nanosecond
				s.DeadLetters.DuplicateWindow = time.Nanosecond
			},
			want: []string{"DEADLETTERS: max_age 1ns"},
		},
		"work queue retention, in memory": {
			options: []jetstreamtest.Option{jetstreamtest.Bare()},
			spoil: func(t *testing.T, js natsjs.JetStream, _ *config.Streams) {
				_, err := js.CreateStream(t.Context(), natsjs.StreamConfig{
					Name: "WEBHOOKS", Subjects: []string{"webhooks.*.*"},
					Retention: natsjs.WorkQueuePolicy, Storage: natsjs.MemoryStorage,
				})
				if err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"WEBHOOKS: storage is Memory, must be File", "WEBHOOKS: retention is WorkQueue, must be Limits"},
		},
		"a push consumer": {
			spoil: func(t *testing.T, js natsjs.JetStream, _ *config.Streams) {
				if err := js.DeleteConsumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer); err != nil {
					t.Fatal(err)
				}
				_, err := js.CreatePushConsumer(t.Context(), jetstream.Webhooks, natsjs.ConsumerConfig{
					Durable: jetstream.Normalizer, DeliverSubject: "stolen", AckPolicy: natsjs.AckNonePolicy,
				})
				if err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"WEBHOOKS/normalizer: ack_policy is AckNone", "WEBHOOKS/normalizer: deliver_subject is stolen, must be none"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := jetstreamtest.Start(t, test.options...)
			js := s.JetStream(t)
			streams := s.Streams
			test.spoil(t, js, &streams)
			streams.Payments.MaxAge += time.Hour // a harmless change, which must not happen either
			before := paymentsAge(t, js)

			report, err := jetstream.Apply(t.Context(), js, streams)
			var refused *jetstream.Refused
			if !errors.As(err, &refused) || report != nil {
				t.Fatalf("not refused: %v, %v", report, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if after := paymentsAge(t, js); after != before {
				t.Errorf("it changed PAYMENTS all the same: %v to %v", before, after)
			}
		})
	}
}

// A size that somebody chose stays, where the configuration leaves it open.
func TestApplyKeepsAnOpenSize(t *testing.T) {
	s := jetstreamtest.Start(t, jetstreamtest.With(func(s *config.Streams) { s.Webhooks.MaxBytes = 3 * config.GiB }))
	js := s.JetStream(t)
	s.Streams.Webhooks.MaxBytes = 0
	s.Streams.Disk = config.TiB
	report, err := jetstream.Apply(t.Context(), js, s.Streams)
	if err != nil || report[0].Action != jetstream.Unchanged {
		t.Errorf("%v, %v", report, err)
	}
	drifts, err := jetstream.Check(t.Context(), js, s.Streams)
	if err != nil || len(drifts) > 0 {
		t.Errorf("Check: %v, %v", drifts, err)
	}
}

func TestApplySaysWhatToDoAboutAFullServer(t *testing.T) {
	s := jetstreamtest.Start(t, jetstreamtest.Bare(), jetstreamtest.Options(func(o *server.Options) { o.JetStreamMaxStore = 1 << 20 }))
	_, err := jetstream.Apply(t.Context(), s.JetStream(t), s.Streams)
	if err == nil || !strings.Contains(err.Error(), "set smaller streams.*.max_bytes") {
		t.Errorf("%v", err)
	}
}

// stream asks the server for a stream.
func stream(t *testing.T, js natsjs.JetStream, name string) *natsjs.StreamInfo {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo()
}

// paymentsAge is how long PAYMENTS keeps, 0 where it does not exist.
func paymentsAge(t *testing.T, js natsjs.JetStream) time.Duration {
	t.Helper()
	s, err := js.Stream(t.Context(), jetstream.Payments)
	if errors.Is(err, natsjs.ErrStreamNotFound) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config.MaxAge
}

func publish(t *testing.T, js natsjs.JetStream, subject string, body []byte) {
	t.Helper()
	if _, err := js.Publish(t.Context(), subject, body); err != nil {
		t.Fatal(err)
	}
}

// Preview says what Apply then does, and does nothing.
func TestPreview(t *testing.T) {
	server := jetstreamtest.Start(t, jetstreamtest.Bare())
	js := server.JetStream(t)
	for range 2 { // on nothing, and once everything is there
		preview, err := jetstream.Preview(t.Context(), js, server.Streams)
		if err != nil {
			t.Fatal(err)
		}
		again, err := jetstream.Preview(t.Context(), js, server.Streams)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(preview) {
			t.Errorf("a preview has changed something: %v, %v", again, err)
		}
		done, err := jetstream.Apply(t.Context(), js, server.Streams)
		if err != nil || fmt.Sprint(done) != fmt.Sprint(preview) {
			t.Errorf("preview %v, done %v, %v", preview, done, err)
		}
	}
	longer := server.Streams
	longer.Payments.MaxAge *= 2
	preview, err := jetstream.Preview(t.Context(), js, longer)
	if err != nil || preview[1].Action != jetstream.Updated || len(preview[1].Changed) != 1 {
		t.Errorf("got %v, %v", preview, err)
	}
	if err := js.DeleteConsumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer); err != nil {
		t.Fatal(err)
	}
	if preview, err = jetstream.Preview(t.Context(), js, longer); err != nil || preview[3].Action != jetstream.Created || preview[3].Start != 1 {
		t.Errorf("got %v, %v", preview, err)
	}
}
