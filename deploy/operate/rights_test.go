package operate

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/deploy/nats"
	"paybridge/schemas/event"
)

// guarded is a bus with the permissions of deploy/nats, and a connection to it in
// each role.
func guarded(t *testing.T) (server *jetstreamtest.Server, as func(role string) natsjs.JetStream) {
	t.Helper()
	written, err := nats.Init(nats.Options{Dir: filepath.Join(t.TempDir(), "bus"), Store: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	server = jetstreamtest.Start(t, jetstreamtest.Configured(t, written.Config))
	return server, func(role string) natsjs.JetStream {
		t.Helper()
		key, err := natsgo.NkeyOptionFromSeed(written.Seeds[role])
		if err != nil {
			t.Fatal(err)
		}
		js, err := natsjs.New(server.Conn(t, key, natsgo.CustomInboxPrefix("_INBOX_"+role)))
		if err != nil {
			t.Fatal(err)
		}
		return js
	}
}

// TestBackupsRightsAreEnough says which roles may copy streams, and which may make
// them again.
func TestBackupsRightsAreEnough(t *testing.T) {
	server, as := guarded(t)
	provisioner := as(nats.Provisioner)
	if _, err := jetstream.Apply(t.Context(), provisioner, server.Streams); err != nil {
		t.Fatal(err)
	}
	publish(t, as(nats.Normalizer), aPayment("pik", "one"), event.Structured)
	dir := filepath.Join(t.TempDir(), "backup")
	if _, err := (Backup{Dir: dir, Now: time.Now()}).Run(t.Context(), as(nats.Backup)); err != nil {
		t.Fatal(err)
	}
	steps, err := restore(t.Context(), provisioner, Restore{Dir: dir, Replace: true})
	if err != nil || len(steps) != 3 || !steps[1].Verified || steps[1].Kept == "" {
		t.Errorf("got %+v, %v", steps, err)
	}
}

// TestOperatorsRightsAreEnough runs everything that only looks as the operator of
// deploy/nats, who may neither publish nor create a consumer.
func TestOperatorsRightsAreEnough(t *testing.T) {
	server, as := guarded(t)
	provisioner, operator := as(nats.Provisioner), as(nats.Operator)
	if _, err := jetstream.Apply(t.Context(), provisioner, server.Streams); err != nil {
		t.Fatal(err)
	}
	if err := (Team{Name: "ledger", Filter: "payments.>"}).Add(t.Context(), provisioner); err != nil {
		t.Fatal(err)
	}
	normalizer := as(nats.Normalizer)
	publish(t, normalizer, aPayment("pik", "one"), event.Structured)

	var out bytes.Buffer
	tail := Tail{Stream: jetstream.Payments, Filter: "payments.pik.>", Count: 2, Since: time.Now().Add(-time.Hour)}
	err := tail.Run(t.Context(), operator, &out, func() { publish(t, normalizer, aPayment("pik", "two"), event.Structured) })
	if err != nil || strings.Count(out.String(), "payment.paid") != 2 {
		t.Errorf("tail: %s, %v", out.String(), err)
	}
	if status, err := ReadStatus(t.Context(), operator, time.Now(), RateWindow); err != nil || status.Normalizer == nil || len(status.Sources) != 1 {
		t.Errorf("status: %+v, %v", status, err)
	}
	if steps, err := Timeline(t.Context(), operator, "one", Range{}); err != nil || len(steps) != 1 {
		t.Errorf("payment: %+v, %v", steps, err)
	}
	if steps, err := (History{ID: "one"}).Read(t.Context(), operator); err != nil || len(steps) != 1 {
		t.Errorf("history: %+v, %v", steps, err)
	}
	if sum, err := (DeadExport{To: filepath.Join(t.TempDir(), "dead"), Act: true}).Run(t.Context(), operator); err != nil || sum.DeadLetters != 0 {
		t.Errorf("export: %+v, %v", sum, err)
	}
	if groups, err := DeadLetters(t.Context(), operator, Range{}, nil); err != nil || len(groups) != 0 {
		t.Errorf("dead letters: %+v, %v", groups, err)
	}
	if teams, err := Teams(t.Context(), operator); err != nil || len(teams) != 1 {
		t.Errorf("consumers: %+v, %v", teams, err)
	}
	r := &rig{t: t, js: operator, config: parsed(t, rigConfig), library: newLibrary(t), streams: server.Streams}
	if sum := r.audited(true); sum.Deliveries != 0 {
		t.Errorf("audit: %+v", sum)
	}
	if sum, _ := r.verified(r.verify()); sum.Deliveries != 0 {
		t.Errorf("verify: %+v", sum)
	}
	for _, f := range r.doctor().Bus(t.Context(), operator) {
		if f.Verdict != Good {
			t.Errorf("doctor: %+v", f)
		}
	}
	if err := (Team{Name: "other", Filter: "payments.>"}).Add(t.Context(), operator); err == nil {
		t.Error("an operator has created a consumer")
	}
}

// TestReplaysRightsAreEnough redelivers as the role of deploy/nats that does it, in both
// ways, and has the team read in its own account; and puts deliveries in as the role for that.
func TestReplaysRightsAreEnough(t *testing.T) {
	written, err := nats.Init(nats.Options{Dir: filepath.Join(t.TempDir(), "bus"), Store: t.TempDir(), Teams: []string{"ledger"}})
	if err != nil {
		t.Fatal(err)
	}
	server := jetstreamtest.Start(t, jetstreamtest.Configured(t, written.Config))
	conn := func(role string) *natsgo.Conn {
		key, err := natsgo.NkeyOptionFromSeed(written.Seeds[role])
		if err != nil {
			t.Fatal(err)
		}
		return server.Conn(t, key, natsgo.CustomInboxPrefix("_INBOX_"+role))
	}
	as := func(role string) natsjs.JetStream {
		js, err := natsjs.New(conn(role))
		if err != nil {
			t.Fatal(err)
		}
		return js
	}
	if _, err := jetstream.Apply(t.Context(), as(nats.Provisioner), server.Streams); err != nil {
		t.Fatal(err)
	}
	m := &team{t, server, as(nats.Normalizer)}
	if err := (Team{Name: "ledger", Filter: "payments.>"}).Add(t.Context(), as(nats.Provisioner)); err != nil {
		t.Fatal(err)
	}
	m.publish("pik", "a", "b", "c")
	inItsAccount, err := natsjs.NewWithAPIPrefix(conn("ledger"), "paybridge.API")
	if err != nil {
		t.Fatal(err)
	}
	m.js = inItsAccount
	m.take("ledger", 3)

	m.js = as(nats.Replay)
	p := m.redeliver(Redeliver{Consumer: "ledger", Select: RedeliverySelection{ID: "b"}})
	m.redeliver(Redeliver{Consumer: "ledger", Select: RedeliverySelection{From: 3}})
	m.js = inItsAccount
	if got := m.take(p.Name(), 1); got[0] != 2 {
		t.Errorf("beside came %v", got)
	}
	if got := m.take("ledger", 1); got[0] != 3 {
		t.Errorf("set back, it got %v", got)
	}
	paced := Redeliver{Consumer: "ledger", Select: RedeliverySelection{From: 3}, Rate: 1000}
	m.js = as(nats.Replay)
	p = m.redeliver(paced)
	m.js = inItsAccount
	got := m.readAll("ledger")
	if sum, err := paced.Pace(p).Run(t.Context(), as(nats.Replay)); err != nil || sum.Given != 1 {
		t.Errorf("paced: %+v, %v", sum, err)
	}
	waitFor(t, func() bool { return len(got()) == 1 })

	r := newRig(t)
	r.received(2)
	if sum, err := r.reingest(r).Run(t.Context(), as(nats.Reingest)); err != nil || sum.New != 2 {
		t.Errorf("put in: %+v, %v", sum, err)
	}
	if marked, err := MarkedProduction(t.Context(), as(nats.Reingest)); err != nil || marked {
		t.Errorf("marked production: %v, %v", marked, err)
	}
}
