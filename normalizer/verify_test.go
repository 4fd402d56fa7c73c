package normalizer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// The settings that are not to be ignored, one after the other.
func TestUnsafeSettingsAreProblems(t *testing.T) {
	stream := jetstream.StreamConfig{
		Name: "PAYMENTS", Subjects: []string{"payments.*.*.*.>"}, Storage: jetstream.FileStorage,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, DenyDelete: true, AllowAtomicPublish: true,
		Duplicates: 48 * time.Hour, MaxAge: 90 * 24 * time.Hour,
	}
	raw := jetstream.StreamConfig{Name: "WEBHOOKS", MaxAge: 90 * 24 * time.Hour}
	n := &Normalizer{Options: Options{}.withDefaults()}
	consumer := jetstream.ConsumerConfig{Name: "normalizer", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 30 * time.Second, MaxDeliver: -1}
	for _, test := range []struct {
		want     string
		stream   func(*jetstream.StreamConfig)
		consumer func(*jetstream.ConsumerConfig)
	}{
		{"", nil, nil},
		{"file storage", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, nil},
		{"limits retention", func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }, nil},
		{"discard new", func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, nil},
		{"must have acks", func(c *jetstream.StreamConfig) { c.NoAck = true }, nil},
		{"persist before", func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode }, nil},
		{"one subject", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }, nil},
		{"subjects below payments.", func(c *jetstream.StreamConfig) { c.Subjects = []string{"other.>"} }, nil},
		{"no deletion", func(c *jetstream.StreamConfig) { c.DenyDelete = false }, nil},
		{"no rollups", func(c *jetstream.StreamConfig) { c.AllowRollup = true }, nil},
		{"atomic batches", func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }, nil},
		{"no seal", func(c *jetstream.StreamConfig) { c.Sealed = true }, nil},
		{"expire by themselves", func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true }, nil},
		{"from other streams", func(c *jetstream.StreamConfig) { c.Mirror = &jetstream.StreamSource{Name: "OTHER"} }, nil},
		{"from other streams", func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{Name: "OTHER"}} }, nil},
		{"a duplicate window of at least 48h0m0s", func(c *jetstream.StreamConfig) { c.Duplicates = 48*time.Hour - 1 }, nil},
		{"a max age of at least that of WEBHOOKS, 2160h0m0s", func(c *jetstream.StreamConfig) { c.MaxAge-- }, nil},
		{"explicit acks", nil, func(c *jetstream.ConsumerConfig) { c.AckPolicy = jetstream.AckAllPolicy }},
		{"limit of deliveries", nil, func(c *jetstream.ConsumerConfig) { c.MaxDeliver = 5 }},
		{"no backoff", nil, func(c *jetstream.ConsumerConfig) { c.BackOff = []time.Duration{time.Second} }},
		{"at most 30s", nil, func(c *jetstream.ConsumerConfig) { c.AckWait = 31 * time.Second }},
		{"no filter", nil, func(c *jetstream.ConsumerConfig) { c.FilterSubject = "webhooks.pik.>" }},
		{"whole messages", nil, func(c *jetstream.ConsumerConfig) { c.HeadersOnly = true }},
	} {
		t.Run(test.want, func(t *testing.T) {
			s, c := stream, consumer
			if test.stream != nil {
				test.stream(&s)
			}
			if test.consumer != nil {
				test.consumer(&c)
			}
			problems := append(append(streamProblems(s), n.outProblems(s, raw)...), consumerProblems("WEBHOOKS", c)...)
			if test.want == "" && len(problems) > 0 || test.want != "" && (len(problems) != 1 || !strings.Contains(problems[0], test.want)) {
				t.Errorf("%q", problems)
			}
		})
	}
}

func TestRunRefusesABusWithoutTheTopology(t *testing.T) {
	r := newRig(t, jetstreamtest.Bare())
	n := r.newNormalizer(r.options(words{}))
	var topology *TopologyError
	if err := n.Run(t.Context()); !errors.As(err, &topology) {
		t.Fatalf("%v", err)
	}
	text := topology.Error()
	for _, want := range []string{"stream PAYMENTS does not exist", "stream DEADLETTERS does not exist", "stream WEBHOOKS does not exist", "run `paybridge streams apply`"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
	if n.Ready() == nil {
		t.Error("it is ready")
	}
}

// A stream that keeps for ever is long enough beside any, and nothing else is beside it.
func TestForEverIsLongest(t *testing.T) {
	n := &Normalizer{Options: Options{}.withDefaults()}
	for _, test := range []struct {
		out, raw time.Duration
		good     bool
	}{{0, 0, true}, {0, time.Hour, true}, {time.Hour, 0, false}, {time.Hour, time.Hour, true}} {
		problems := n.outProblems(jetstream.StreamConfig{MaxAge: test.out, Duplicates: 48 * time.Hour}, jetstream.StreamConfig{MaxAge: test.raw})
		if (len(problems) == 0) != test.good {
			t.Errorf("%v beside %v: %q", test.out, test.raw, problems)
		}
	}
}

// Streams that somebody has changed, all at once.
func TestRunRefusesDriftedStreams(t *testing.T) {
	r := newRig(t)
	for name, change := range map[string]func(*jetstream.StreamConfig){
		"WEBHOOKS":    func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
		"PAYMENTS":    func(c *jetstream.StreamConfig) { c.Duplicates, c.MaxAge = time.Hour, time.Hour },
		"DEADLETTERS": func(c *jetstream.StreamConfig) { c.Duplicates = time.Hour },
	} {
		s, err := r.js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		c := s.CachedInfo().Config
		change(&c)
		if _, err := r.js.UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	var topology *TopologyError
	if err := r.newNormalizer(r.options(words{})).Run(t.Context()); !errors.As(err, &topology) || len(topology.Problems) != 4 {
		t.Fatalf("%v", err)
	}
}

func TestRunRefusesADriftedConsumer(t *testing.T) {
	r := newRig(t)
	c := r.consumer().Config
	c.MaxDeliver = 3
	if _, err := r.js.UpdateConsumer(t.Context(), "WEBHOOKS", c); err != nil {
		t.Fatal(err)
	}
	var topology *TopologyError
	if err := r.newNormalizer(r.options(words{})).Run(t.Context()); !errors.As(err, &topology) || len(topology.Problems) != 1 {
		t.Fatalf("%v", err)
	}
}

// A server that is not there yet is waited for, and the wait ends with the context.
func TestRunWaitsForTheServer(t *testing.T) {
	r := newRig(t)
	n := r.newNormalizer(r.options(words{}))
	r.server.Stop(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	r.eventually("it says so", func() bool { return r.logs.FilterMessage("waiting for JetStream").Len() == 1 })
	if err := n.Ready(); err == nil || err.Error() != "starting" {
		t.Errorf("ready: %v", err)
	}
	r.server.Restart(t)
	r.eventually("ready", func() bool { return n.Ready() == nil })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}

	again := r.newNormalizer(r.options(words{}))
	r.server.Stop(t)
	ctx, cancel = context.WithCancel(t.Context())
	go func() { done <- again.Run(ctx) }()
	r.eventually("it says so again", func() bool { return r.logs.FilterMessage("waiting for JetStream").Len() == 2 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	_, err := New(Options{Mode: "other"})
	for _, want := range []string{"no connection", "no seal key", "no source", `mode "other"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	r := newRig(t, jetstreamtest.Bare())
	o := r.options(words{})
	r.newNormalizer(o)
	if _, err := New(o); err == nil || !strings.Contains(fmt.Sprint(err), "metrics") {
		t.Errorf("the same registry twice: %v", err)
	}
}
