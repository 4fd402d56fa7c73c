package ingress

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestDrift changes one setting of the shipped stream at a time.
func TestDrift(t *testing.T) {
	ns := jetstreamtest.Start(t)
	shipped, err := streamConfig(t.Context(), ns.JetStream(t))
	if err != nil {
		t.Fatal(err)
	}
	if found := drift(shipped, DefaultMaxBody); found != nil {
		t.Fatalf("the shipped stream is refused: %v", found)
	}
	for _, c := range []struct {
		says   string
		change func(*jetstream.StreamConfig)
	}{
		{"subjects", func(c *jetstream.StreamConfig) { c.Subjects = []string{"webhooks.pik.*"} }},
		{"files", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }},
		{"retention", func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }},
		{"retention", func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }},
		{"discard", func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }},
		{"one subject", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }},
		{"acknowledge", func(c *jetstream.StreamConfig) { c.NoAck = true }},
		{"persist", func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode }},
		{"sealed", func(c *jetstream.StreamConfig) { c.Sealed = true }},
		{"rollups", func(c *jetstream.StreamConfig) { c.AllowRollup = true }},
		{"atomic batches", func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }},
		{"deletion", func(c *jetstream.StreamConfig) { c.DenyDelete = false }},
		{"window", func(c *jetstream.StreamConfig) { c.Duplicates = time.Second }},
		{"smaller messages", func(c *jetstream.StreamConfig) { c.MaxMsgSize = DefaultMaxBody }},
	} {
		changed := shipped
		c.change(&changed)
		if found := drift(changed, DefaultMaxBody); len(found) != 1 || !strings.Contains(found[0], c.says) {
			t.Errorf("%s: %v", c.says, found)
		}
	}
	for _, fine := range []func(*jetstream.StreamConfig){
		func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "other.*") },
		func(c *jetstream.StreamConfig) { c.MaxBytes, c.MaxAge = 1, time.Hour },
		func(c *jetstream.StreamConfig) { c.Replicas, c.Duplicates = 3, 100*time.Hour },
		func(c *jetstream.StreamConfig) { c.MaxMsgSize = -1 },
	} {
		changed := shipped
		fine(&changed)
		if found := drift(changed, DefaultMaxBody); found != nil {
			t.Errorf("%v", found)
		}
	}
}

// TestRefusesToStart runs against servers that a 200 could not be trusted with.
func TestRefusesToStart(t *testing.T) {
	for _, c := range []struct {
		name  string
		start []jetstreamtest.Option
		unfit int // problems of configuration; 0 where the server may be better in a while
		says  []string
	}{
		{"no stream", []jetstreamtest.Option{jetstreamtest.Bare()}, 1, []string{"stream WEBHOOKS does not exist", "paybridge streams apply"}},
		{"no JetStream", []jetstreamtest.Option{jetstreamtest.Bare(), jetstreamtest.Options(func(o *server.Options) { o.JetStream = false })}, 0, []string{"enable JetStream", "$JS.API.STREAM.INFO.WEBHOOKS"}},
		{"a max_payload without room for headers", []jetstreamtest.Option{jetstreamtest.Options(func(o *server.Options) { o.MaxPayload = DefaultMaxBody + headerRoom - 1 })}, 1, []string{"max_payload of"}},
		{"a small max_payload, no stream either", []jetstreamtest.Option{jetstreamtest.Bare(), jetstreamtest.Options(func(o *server.Options) { o.MaxPayload = 512 << 10 })}, 2, []string{"max_payload of 524288 bytes", "does not exist"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := prepare(t, jetstreamtest.Start(t, c.start...), func(o *Options) {
				o.Started = func(Addresses) { t.Error("started") }
			})
			err := s.Run(t.Context())
			var unfit Unfit
			if errors.As(err, &unfit); err == nil || len(unfit) != c.unfit {
				t.Fatalf("%v", err)
			}
			for _, says := range c.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%v does not say %q", err, says)
				}
			}
		})
	}
}

// TestCannotListen has an address that is taken: an error at once, nothing left open.
func TestCannotListen(t *testing.T) {
	d := open(t)
	for _, change := range []func(*Options){
		func(o *Options) { o.Listen = d.addresses.Public },
		func(o *Options) { o.Admin = d.addresses.Admin },
		func(o *Options) { o.Listen = "nonsense" },
	} {
		s, _ := prepare(t, d.nats, change)
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "listener") {
			t.Errorf("%v", err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	ns := jetstreamtest.Start(t)
	whole := func() Options {
		return Options{Conn: ns.Conn(t), Seal: sealKeys(t), Sources: sources(), Log: (&logBuffer{}).logger()}
	}
	for _, c := range []struct {
		says   string
		change func(*Options)
	}{
		{"connection", func(o *Options) { o.Conn = nil }},
		{"logger", func(o *Options) { o.Log = nil }},
		{"seal key", func(o *Options) { o.Seal = nil }},
		{"source", func(o *Options) { o.Sources = []Source{{Name: "x"}} }},
	} {
		o := whole()
		c.change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.says, err)
		}
	}
	if _, err := New(whole()); err != nil {
		t.Error(err)
	}
}
