package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/deploy/operate"
)

// onServer is the configuration of a bridge on a test's server.
func onServer(t *testing.T, server *jetstreamtest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "paybridge.yaml")
	text := fmt.Sprintf("nats: {url: %q}\nseal: {keys: [{id: k1, env: SEAL}]}\nsources: [{name: pik, provider: pik, secrets: [{id: current, env: PIK}]}]\n", server.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestUnfinishedReplay says what the commands print while another replay works: that its
// consumer is half made, and never that nothing is changed after one that has failed.
func TestUnfinishedReplay(t *testing.T) {
	server := jetstreamtest.Start(t)
	js, file := server.JetStream(t), onServer(t, server)
	if err := (operate.Team{Name: "ledger", Filter: "payments.>"}).Add(t.Context(), js); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "payments.pik.payin.confirmed.x", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	team, err := js.Consumer(t.Context(), jetstream.Payments, "ledger")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := team.Next(natsjs.FetchMaxWait(20 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := msg.DoubleAck(t.Context()); err != nil {
		t.Fatal(err)
	}
	another := func(config natsjs.ConsumerConfig) {
		t.Helper()
		config.AckPolicy = natsjs.AckExplicitPolicy
		if _, err := js.CreateConsumer(t.Context(), jetstream.Payments, config); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (code int, out, errs string) {
		p, stdout, stderr := testProgram(append(args, "--config", file)...)
		p.Now = time.Now
		code = p.Run(t.Context())
		return code, stdout.String(), stderr.String()
	}

	another(natsjs.ConsumerConfig{Name: "replay", InactiveThreshold: time.Minute, Metadata: map[string]string{"paybridge-replay-run": "another"}})
	code, out, errs := run("replay", "--consumer", "ledger", "--seq", "1-1", "--apply", "--force")
	if code != exitFailed || !strings.Contains(errs, "another replay begins just now") || strings.Contains(out, "nothing is changed") || strings.Contains(out, "would hold") {
		t.Errorf("%d:\n%s%s", code, out, errs)
	}

	another(natsjs.ConsumerConfig{Durable: "ledger-replay", Metadata: map[string]string{"paybridge-replay-of": "ledger", "paybridge-replay-state": "filling"}})
	if code, out, errs := run("replay", "--consumer", "ledger", "--seq", "1-1", "--force"); code != exitFailed || !strings.Contains(errs, "ledger-replay is being filled by another replay") {
		t.Errorf("%d:\n%s%s", code, out, errs)
	}
	for _, args := range [][]string{{"consumer", "list"}, {"consumer", "show", "ledger-replay"}} {
		if code, out, errs := run(args...); code != exitOK || !strings.Contains(out, "(half made: a replay fills it, or was killed)") {
			t.Errorf("%v: %d:\n%s%s", args, code, out, errs)
		}
	}
}

// TestUnfinishedRestore says that what comes next is said of a restore only where every
// stream is verified.
func TestUnfinishedRestore(t *testing.T) {
	steps := []operate.RestoreStep{{Name: jetstream.Payments, Verified: true}, {Name: jetstream.Webhooks}}
	const next, look = "now: restart the nats-server", "nothing is changed: say --apply"
	for _, test := range []struct {
		steps []operate.RestoreStep
		end   restoreEnd
		want  string
	}{
		{steps[:1], restoreEnd{applied: true}, next},
		{steps[:1], restoreEnd{applied: true, up: true}, "now: stop this up and start it again"},
		{steps[:1], restoreEnd{applied: true, failed: true}, ""},
		{steps, restoreEnd{applied: true, failed: true}, ""},
		{steps, restoreEnd{applied: true}, ""},
		{steps, restoreEnd{failed: true}, ""},
		{steps, restoreEnd{}, look},
	} {
		p, out, _ := testProgram()
		if err := p.printRestore(test.steps, test.end, false); err != nil {
			t.Fatal(err)
		}
		said := strings.Contains(out.String(), "now: ") || strings.Contains(out.String(), "nothing is changed")
		if said != (test.want != "") || !strings.Contains(out.String(), test.want) {
			t.Errorf("%+v: %s", test, out)
		}
	}
}
