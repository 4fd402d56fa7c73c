package jetstream_test

import (
	"context"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// Every setting of a stream that somebody can change with the nats command is seen
// by its name, with what it is and what it must be, and Apply brings it back.
func TestCheckSeesEveryChangedSetting(t *testing.T) {
	tests := map[string]struct {
		change func(*natsjs.StreamConfig)
		want   string
	}{
		"subjects":                {func(c *natsjs.StreamConfig) { c.Subjects = []string{"payments.>"} }, "payments.>, must be payments.*.*.*.>"},
		"discard":                 {func(c *natsjs.StreamConfig) { c.Discard = natsjs.DiscardOld }, "DiscardOld, must be DiscardNew"},
		"discard_new_per_subject": {func(c *natsjs.StreamConfig) { c.DiscardNewPerSubject, c.MaxMsgsPerSubject = true, 1 }, "true, must be false"},
		"max_msgs":                {func(c *natsjs.StreamConfig) { c.MaxMsgs = 10 }, "10, must be -1"},
		"max_msgs_per_subject":    {func(c *natsjs.StreamConfig) { c.MaxMsgsPerSubject = 1 }, "1, must be -1"},
		"max_bytes":               {func(c *natsjs.StreamConfig) { c.MaxBytes = -1 }, "must be 64MiB"},
		"max_msg_size":            {func(c *natsjs.StreamConfig) { c.MaxMsgSize = 1 << 10 }, "1KiB, must be 1MiB"},
		"max_age":                 {func(c *natsjs.StreamConfig) { c.MaxAge = 49 * time.Hour }, "49h, must be 90d"},
		"duplicate_window":        {func(c *natsjs.StreamConfig) { c.Duplicates = time.Minute }, "1m, must be 48h"},
		"no_ack":                  {func(c *natsjs.StreamConfig) { c.NoAck, c.AllowAtomicPublish = true, false }, "true, must be false"},
		"compression":             {func(c *natsjs.StreamConfig) { c.Compression = natsjs.S2Compression }, "S2, must be None"},
		"allow_atomic":            {func(c *natsjs.StreamConfig) { c.AllowAtomicPublish = false }, "false, must be true"},
		"allow_direct":            {func(c *natsjs.StreamConfig) { c.AllowDirect = false }, "false, must be true"},
	}
	for field, test := range tests {
		t.Run(field, func(t *testing.T) {
			s := jetstreamtest.Start(t)
			js := s.JetStream(t)
			c := stream(t, js, jetstream.Payments).Config
			test.change(&c)
			if _, err := js.UpdateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			drifts, err := jetstream.Check(t.Context(), js, s.Streams)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, d := range drifts {
				if d.Name == "PAYMENTS" && d.Field == field {
					found = strings.Contains(d.String(), test.want)
				}
			}
			if !found {
				t.Errorf("drifts %v", drifts)
			}
			if _, err := jetstream.Apply(t.Context(), js, s.Streams); err != nil {
				t.Fatal(err)
			}
			if drifts, err = jetstream.Check(t.Context(), js, s.Streams); err != nil || len(drifts) > 0 {
				t.Errorf("after Apply: %v, %v", drifts, err)
			}
		})
	}
}

// What a stream can only be born with.
func TestCheckSeesAStreamThatIsNotOurs(t *testing.T) {
	s := jetstreamtest.Start(t, jetstreamtest.Bare())
	js := s.JetStream(t)
	for _, c := range []natsjs.StreamConfig{
		{Name: "ORIGIN", Subjects: []string{"origin"}},
		{Name: "WEBHOOKS", Sources: []*natsjs.StreamSource{{Name: "ORIGIN"}}, AllowMsgTTL: true, AllowRollup: true, RePublish: &natsjs.RePublish{Source: "origin", Destination: "copy"}},
		{Name: "PAYMENTS", Mirror: &natsjs.StreamSource{Name: "ORIGIN"}, Storage: natsjs.MemoryStorage},
		{
			Name: "DEADLETTERS", Subjects: []string{"deadletters.*.*"}, Retention: natsjs.InterestPolicy, AllowMsgSchedules: true,
			SubjectTransform: &natsjs.SubjectTransformConfig{Source: "deadletters.a.*", Destination: "deadletters.b.{{wildcard(1)}}"},
		},
	} {
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
	}
	drifts, err := jetstream.Check(t.Context(), js, s.Streams)
	if err != nil {
		t.Fatal(err)
	}
	all := text(drifts)
	for _, want := range []string{
		"WEBHOOKS: sources is set, must be unset",
		"WEBHOOKS: allow_msg_ttl is true",
		"WEBHOOKS: allow_rollup_hdrs is true",
		"WEBHOOKS: republish is set",
		"WEBHOOKS: deny_delete is false",
		"WEBHOOKS: deny_purge is false",
		"PAYMENTS: mirror is set",
		"PAYMENTS: storage is Memory",
		"DEADLETTERS: retention is Interest",
		"DEADLETTERS: allow_msg_schedules is true",
		"DEADLETTERS: subject_transform is set",
		"WEBHOOKS/normalizer: exists is false, must be true",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("missing %q in\n%s", want, all)
		}
	}
}

func TestCheckSeesAChangedConsumer(t *testing.T) {
	s := jetstreamtest.Start(t)
	js := s.JetStream(t)
	c := jetstream.Consumers(s.Streams)[0].Config
	if err := js.DeleteConsumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer); err != nil {
		t.Fatal(err)
	}
	c.AckWait, c.MaxDeliver, c.MaxAckPending = 0, 3, 1
	c.BackOff = []time.Duration{time.Minute, time.Hour}
	c.FilterSubjects = []string{"webhooks.pik.*", "webhooks.bidali.*"}
	c.HeadersOnly, c.MemoryStorage, c.InactiveThreshold = true, true, time.Hour
	if _, err := js.CreateConsumer(t.Context(), jetstream.Webhooks, c); err != nil {
		t.Fatal(err)
	}
	drifts, err := jetstream.Check(t.Context(), js, s.Streams, "WEBHOOKS/normalizer")
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, d := range drifts {
		fields = append(fields, d.Field)
	}
	want := "mem_storage ack_wait backoff max_deliver max_ack_pending filter_subjects headers_only inactive_threshold"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("drifts in %s, want %s\n%s", got, want, text(drifts))
	}
}

// A service asks about what it uses, and hears nothing of the rest.
func TestCheckLooksAtWhatItIsAsked(t *testing.T) {
	s := jetstreamtest.Start(t, jetstreamtest.Bare())
	js := s.JetStream(t)
	for _, test := range []struct {
		names []string
		want  string
	}{
		{nil, "WEBHOOKS PAYMENTS DEADLETTERS WEBHOOKS/normalizer"},
		{[]string{"WEBHOOKS"}, "WEBHOOKS"},
		{[]string{"WEBHOOKS/normalizer", "PAYMENTS"}, "PAYMENTS WEBHOOKS/normalizer"},
	} {
		drifts, err := jetstream.Check(t.Context(), js, s.Streams, test.names...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range drifts {
			got = append(got, d.Name)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("Check(%v) is about %v", test.names, got)
		}
	}
}

// An open size still has a least: a stream that is too small is drift, and grows.
func TestCheckHoldsAnOpenSizeToItsLeast(t *testing.T) {
	s := jetstreamtest.Start(t) // 64 MiB
	js := s.JetStream(t)
	s.Streams.Webhooks.MaxBytes, s.Streams.Payments.MaxBytes = 0, 0
	s.Streams.Disk = 10 * config.GiB
	drifts, err := jetstream.Check(t.Context(), js, s.Streams)
	if err != nil {
		t.Fatal(err)
	}
	if got := text(drifts); got != "WEBHOOKS: max_bytes is 64MiB, must be 2GiB" {
		t.Errorf("drifts %s", got)
	}
}

func TestCheckWithoutAServer(t *testing.T) {
	s := jetstreamtest.Start(t)
	js := s.JetStream(t)
	s.Stop(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if drifts, err := jetstream.Check(ctx, js, s.Streams); err == nil {
		t.Errorf("no error, drifts %v", drifts)
	}
}

func text(drifts []jetstream.Drift) string {
	var lines []string
	for _, d := range drifts {
		lines = append(lines, d.String())
	}
	return strings.Join(lines, "\n")
}
