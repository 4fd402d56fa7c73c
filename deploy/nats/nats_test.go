package nats_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/deploy/nats"
)

// bus is a server that runs the very file that Init wrote.
type bus struct {
	*jetstreamtest.Server
	written nats.Written
}

// start starts one, with further lines in the file.
func start(t *testing.T, more ...string) *bus {
	t.Helper()
	written, err := nats.Init(nats.Options{Dir: filepath.Join(t.TempDir(), "bus"), Store: t.TempDir(), Teams: []string{"ledger"}})
	if err != nil {
		t.Fatal(err)
	}
	if more != nil {
		text, err := os.ReadFile(written.Config)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(written.Config, append(text, strings.Join(more, "\n")...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := &bus{jetstreamtest.Start(t, jetstreamtest.Configured(t, written.Config)), written}
	js := b.role(t, nats.Provisioner).js
	if _, err := jetstream.Apply(t.Context(), js, b.Streams); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateConsumer(t.Context(), jetstream.Payments, natsjs.ConsumerConfig{Durable: "ledger", AckPolicy: natsjs.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	return b
}

// client is one role's connection.
type client struct {
	nc     *natsgo.Conn
	js     natsjs.JetStream
	denied chan error
}

func (b *bus) role(t *testing.T, name string) *client {
	t.Helper()
	key, err := natsgo.NkeyOptionFromSeed(b.written.Seeds[name])
	if err != nil {
		t.Fatal(err)
	}
	c := &client{denied: make(chan error, 64)}
	c.nc = b.Conn(t, key, natsgo.CustomInboxPrefix("_INBOX_"+name), natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) {
		if errors.Is(err, natsgo.ErrPermissionViolation) {
			c.denied <- err
		}
	}))
	if c.js, err = natsjs.New(c.nc); err != nil {
		t.Fatal(err)
	}
	return c
}

// refused demands that the server answers what do sends with a permission violation.
func (c *client) refused(t *testing.T, what string, do func() error) {
	t.Helper()
	if err := do(); err != nil && !errors.Is(err, natsgo.ErrPermissionViolation) {
		t.Fatalf("%s: %v", what, err)
	}
	if err := c.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.denied:
	case <-time.After(10 * time.Second):
		t.Errorf("%s was allowed", what)
	}
}

func (c *client) cannotPublish(t *testing.T, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		c.refused(t, "publish "+subject, func() error { return c.nc.Publish(subject, []byte("x")) })
	}
}

func (c *client) cannotSubscribe(t *testing.T, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		c.refused(t, "subscribe "+subject, func() error {
			_, err := c.nc.SubscribeSync(subject)
			return err
		})
	}
}

func (b *bus) count(t *testing.T, stream string) uint64 {
	t.Helper()
	s, err := b.role(t, nats.Provisioner).js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// P-01: the ingress publishes deliveries, and nothing else.
func TestIngressPublishesOnly(t *testing.T) {
	b := start(t)
	c := b.role(t, nats.Ingress)
	ack, err := c.js.Publish(t.Context(), "webhooks.pik.default", []byte("{}"))
	if err != nil || ack.Stream != jetstream.Webhooks {
		t.Fatalf("publish a delivery: %v, %v", ack, err)
	}
	if _, err := c.js.Stream(t.Context(), jetstream.Webhooks); err != nil {
		t.Fatalf("state of its own stream: %v", err)
	}
	c.cannotPublish(t, "payments.pik.payin.confirmed.x", "deadletters.pik.ignored", "webhooks.a.b.c",
		"$JS.API.STREAM.DELETE.WEBHOOKS", "$JS.API.STREAM.INFO.PAYMENTS", "$JS.API.CONSUMER.CREATE.WEBHOOKS.x", "$JS.ACK.WEBHOOKS.normalizer.1.1.1.1.1")
	c.cannotSubscribe(t, "webhooks.>", "payments.>", ">", "_INBOX.>", "_INBOX_normalizer.>")
}

// P-02: the normalizer consumes, acks, publishes events; it neither forges
// deliveries nor touches topology. It acks on reply subjects of either form.
func TestNormalizerConsumesAndPublishes(t *testing.T) {
	for _, form := range []struct{ flag, prefix string }{
		{"true", "$JS.ACK._."},
		{"false", "$JS.ACK.WEBHOOKS.normalizer."},
	} {
		t.Run("js_ack_fc_v2 "+form.flag, func(t *testing.T) {
			consumeAndPublish(t, start(t, "feature_flags { js_ack_fc_v2: "+form.flag+" }"), form.prefix)
		})
	}
}

func consumeAndPublish(t *testing.T, b *bus, acks string) {
	t.Helper()
	if _, err := b.role(t, nats.Ingress).js.Publish(t.Context(), "webhooks.pik.default", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	c := b.role(t, nats.Normalizer)
	consumer, err := c.js.Consumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := consumer.Next()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(msg.Reply(), acks) {
		t.Errorf("acked on %s", msg.Reply())
	}
	ack, err := c.js.Publish(t.Context(), "payments.pik.payin.confirmed.x", []byte("{}"), natsjs.WithMsgID("pik/1"))
	if err != nil {
		t.Fatal(err)
	}
	payments, err := c.js.Stream(t.Context(), jetstream.Payments)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := payments.GetMsg(t.Context(), ack.Sequence); err != nil {
		t.Fatalf("read a stored event back: %v", err)
	}
	if _, err := c.js.Publish(t.Context(), "deadletters.pik.ignored", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := msg.DoubleAck(t.Context()); err != nil {
		t.Fatalf("ack: %v", err)
	}
	c.cannotPublish(t, "webhooks.pik.default", "$JS.API.CONSUMER.CREATE.WEBHOOKS.mine", "$JS.API.CONSUMER.DELETE.WEBHOOKS.normalizer",
		"$JS.API.STREAM.MSG.GET.DEADLETTERS", "$JS.API.STREAM.PURGE.PAYMENTS", "$JS.API.STREAM.UPDATE.PAYMENTS")
	c.cannotSubscribe(t, "payments.>", "webhooks.>", "_INBOX_ingress.>")
}

// P-03: an operator looks and pauses; the replay role touches no consumer but its
// own; the backup role copies, and writes nothing by its own hand.
func TestOperatorCannotDestroy(t *testing.T) {
	b := start(t)
	c := b.role(t, nats.Operator)
	if _, err := c.js.Consumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer); err != nil {
		t.Fatal(err)
	}
	webhooks, err := c.js.Stream(t.Context(), jetstream.Webhooks)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := webhooks.PauseConsumer(t.Context(), jetstream.Normalizer, time.Now().Add(time.Minute)); err != nil {
		t.Fatalf("pause: %v", err)
	}
	if _, err := webhooks.ResumeConsumer(t.Context(), jetstream.Normalizer); err != nil {
		t.Fatalf("resume: %v", err)
	}
	c.cannotPublish(t, "webhooks.pik.default", "payments.x.y.z.w", "deadletters.x.y",
		"$JS.API.STREAM.PURGE.WEBHOOKS", "$JS.API.STREAM.DELETE.WEBHOOKS", "$JS.API.STREAM.UPDATE.WEBHOOKS", "$JS.API.STREAM.RESTORE.WEBHOOKS",
		"$JS.API.STREAM.SNAPSHOT.WEBHOOKS", // a snapshot goes to any subject that the asker names
		"$JS.API.CONSUMER.CREATE.WEBHOOKS.x", "$JS.API.CONSUMER.MSG.NEXT.WEBHOOKS.normalizer", "$JS.ACK.WEBHOOKS.normalizer.1.1.1.1.1")
	r := b.role(t, nats.Replay)
	if _, err := r.js.CreateConsumer(t.Context(), jetstream.Webhooks, natsjs.ConsumerConfig{Name: "replay", AckPolicy: natsjs.AckNonePolicy}); err != nil {
		t.Fatalf("replay's own consumer: %v", err)
	}
	payments, err := r.js.Stream(t.Context(), jetstream.Payments)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := payments.ResetConsumerToSequence(t.Context(), "ledger", 1); err != nil {
		t.Fatalf("set a team's consumer back: %v", err)
	}
	if _, err := payments.PauseConsumer(t.Context(), "ledger", time.Now().Add(time.Minute)); err != nil {
		t.Fatalf("pause a team's consumer: %v", err)
	}
	if _, err := payments.ResumeConsumer(t.Context(), "ledger"); err != nil {
		t.Fatal(err)
	}
	r.cannotPublish(t, "$JS.API.CONSUMER.PAUSE.WEBHOOKS.normalizer", "$JS.API.CONSUMER.PAUSE.PAYMENTS.other", "$JS.API.CONSUMER.RESET.WEBHOOKS.normalizer", "$JS.API.CONSUMER.RESET.PAYMENTS.other", "$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.ledger",
		"$JS.API.CONSUMER.DELETE.PAYMENTS.ledger", "$JS.ACK.PAYMENTS.ledger.1.1.1.1.1")
	i := b.role(t, nats.Reingest)
	if _, err := i.js.Publish(t.Context(), "webhooks.pik.default", []byte("{}")); err != nil {
		t.Fatalf("put a delivery in: %v", err)
	}
	i.cannotPublish(t, "payments.a.b.c.d", "deadletters.a.b", "$JS.API.DIRECT.GET.PAYMENTS", "$JS.API.CONSUMER.CREATE.WEBHOOKS.x", "$JS.API.STREAM.PURGE.WEBHOOKS")
	i.cannotSubscribe(t, "webhooks.>", "payments.>")
	r.cannotPublish(t, "webhooks.pik.default", "$JS.API.CONSUMER.CREATE.WEBHOOKS.normalizer", "$JS.API.CONSUMER.DELETE.WEBHOOKS.normalizer",
		"$JS.API.CONSUMER.MSG.NEXT.WEBHOOKS.normalizer", "$JS.ACK.WEBHOOKS.normalizer.1.1.1.1.1", "$JS.API.STREAM.PURGE.WEBHOOKS")
	k := b.role(t, nats.Backup)
	k.cannotPublish(t, "webhooks.pik.default", "payments.x.y.z.w", "deadletters.x.y", "$JS.API.STREAM.RESTORE.WEBHOOKS",
		"$JS.SNAPSHOT.RESTORE.WEBHOOKS.x", "$JS.API.STREAM.DELETE.WEBHOOKS", "$JS.API.STREAM.UPDATE.WEBHOOKS", "$JS.API.CONSUMER.CREATE.WEBHOOKS.x",
		"$JS.API.CONSUMER.MSG.NEXT.WEBHOOKS.normalizer", "$JS.API.CONSUMER.PAUSE.WEBHOOKS.normalizer")
	k.cannotSubscribe(t, "webhooks.>", "payments.>", "$JS.SNAPSHOT.>")
}

// P-04: nobody sees what is delivered to another.
func TestInboxesArePrivate(t *testing.T) {
	b := start(t)
	for _, name := range append(nats.Roles(), "ledger") {
		c := b.role(t, name)
		for _, other := range append(nats.Roles(), "ledger") {
			if other != name {
				c.cannotSubscribe(t, "_INBOX_"+other+".>")
			}
		}
		c.cannotSubscribe(t, "_INBOX.>")
	}
}

// P-05: nobody who may not publish deliveries can make the server do it for them.
func TestConfusedDeputy(t *testing.T) {
	b := start(t)
	if _, err := b.role(t, nats.Normalizer).js.Publish(t.Context(), "payments.pik.payin.confirmed.x", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	before := b.count(t, jetstream.Webhooks)
	push, err := json.Marshal(map[string]any{"stream_name": "PAYMENTS", "config": map[string]any{"deliver_subject": "webhooks.pik.default", "ack_policy": "none", "name": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{nats.Operator, "ledger"} {
		c := b.role(t, name)
		c.refused(t, name+" creates a push consumer", func() error { return c.nc.Publish("$JS.API.CONSUMER.CREATE.PAYMENTS.x", push) })
	}
	// A pull whose reply subject is a delivery's lands in the team's own account.
	ledger := b.role(t, "ledger")
	if err := ledger.nc.PublishRequest("paybridge.API.CONSUMER.MSG.NEXT.PAYMENTS.ledger", "webhooks.pik.default", []byte(`{"batch":1,"no_wait":true}`)); err != nil {
		t.Fatal(err)
	}
	if err := ledger.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	// A second pull, served after the first, shows that the first has been dealt with.
	team := ledger.team(t)
	_, _ = team.Fetch(1, natsjs.FetchMaxWait(time.Second))
	if after := b.count(t, jetstream.Webhooks); after != before {
		t.Errorf("WEBHOOKS grew from %d to %d", before, after)
	}
}

// team is the durable consumer of the team's name, through its account's imports.
func (c *client) team(t *testing.T) natsjs.Consumer {
	t.Helper()
	js, err := natsjs.NewWithAPIPrefix(c.nc, "paybridge.API")
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.Consumer(t.Context(), jetstream.Payments, "ledger")
	if err != nil {
		t.Fatalf("the team's consumer: %v", err)
	}
	return consumer
}

// P-07: a team consumes and acks across accounts, and sees nothing else.
func TestTeamConsumesFromItsOwnAccount(t *testing.T) {
	b := start(t)
	if _, err := b.role(t, nats.Normalizer).js.Publish(t.Context(), "payments.pik.payin.confirmed.x", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	ledger := b.role(t, "ledger")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	msg, err := ledger.team(t).Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := msg.DoubleAck(ctx); err != nil {
		t.Fatalf("ack across accounts: %v", err)
	}
	ledger.cannotPublish(t, "payments.pik.payin.confirmed.x", "webhooks.pik.default", "$JS.API.STREAM.INFO.PAYMENTS", "$JS.API.CONSUMER.CREATE.PAYMENTS.y")
	ledger.cannotSubscribe(t, "payments.>", ">")
}

// P-08: nobody connects without a key.
func TestStrangersStayOutside(t *testing.T) {
	b := start(t)
	if nc, err := natsgo.Connect(b.URL); err == nil {
		nc.Close()
		t.Fatal("a connection without a key was accepted")
	}
}

func TestInitKeepsWhatIsThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bus")
	if _, err := nats.Init(nats.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "ingress.nk"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nats.Init(nats.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "already there") {
		t.Errorf("a second run: %v", err)
	}
	after, err := os.ReadFile(filepath.Join(dir, "ingress.nk"))
	if err != nil || string(after) != string(before) {
		t.Error("a second run changed a seed")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
}

func TestInitRefusesNames(t *testing.T) {
	for _, teams := range [][]string{{"ingress"}, {"Ledger"}, {"a", "a"}, {"a.b"}, {"*"}, {""}, {"x } }"}} {
		if _, err := nats.Init(nats.Options{Dir: filepath.Join(t.TempDir(), "x"), Teams: teams}); err == nil {
			t.Errorf("teams %q were accepted", teams)
		}
	}
}
