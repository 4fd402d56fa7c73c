package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// onBusOf writes a configuration of a server's bus.
func onBusOf(t *testing.T, server *jetstreamtest.Server) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "paybridge.yaml")
	text := "nats: {url: \"" + server.Conn(t).ConnectedUrl() + "\"}\n" +
		"sources: [{name: pik, provider: pik, secrets: [{id: current, env: PIK_WEBHOOK_SECRET}]}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestExportInterrupted says that an export that is interrupted tells how to go on, and
// leaves nothing under the name that was asked for.
func TestExportInterrupted(t *testing.T) {
	config := onBusOf(t, jetstreamtest.Start(t))
	to := filepath.Join(t.TempDir(), "dead.jsonl")
	ctx, cancel := context.WithCancel(t.Context())
	p, _, errs := testProgram("deadletters", "export", to, "--apply", "--config", config, "--data", t.TempDir())
	cancel()
	if code := p.Run(ctx); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	if text := errs.String(); !strings.Contains(text, "paybridge: interrupted\n  → run it again to go on: what is written stays in "+to+".partial\n    "+p.again()+"\n") {
		t.Errorf("it says %s", text)
	}
	if _, err := os.Stat(to); !os.IsNotExist(err) {
		t.Errorf("the file is there: %v", err)
	}
	if code := p.Run(t.Context()); code != exitOK {
		t.Errorf("it does not go on: %d, %s", code, errs)
	}
	if _, err := os.Stat(to); err != nil {
		t.Error(err)
	}
}

// TestOddFilter says that the list shows a consumer that another tool made as it is, and
// that what is in its filter cannot drive the terminal.
func TestOddFilter(t *testing.T) {
	server := jetstreamtest.Start(t)
	js := server.JetStream(t)
	for name, filters := range map[string][]string{"odd": {"payments.\x1b[2J.>"}, "none": nil, "two": {"payments.a.>", "payments.b.>"}} {
		c := natsjs.ConsumerConfig{Durable: name, FilterSubjects: filters, AckPolicy: natsjs.AckExplicitPolicy}
		if _, err := js.CreateConsumer(t.Context(), jetstream.Payments, c); err != nil {
			t.Fatal(err)
		}
	}
	p, out, errs := testProgram("consumer", "list", "--config", onBusOf(t, server), "--data", t.TempDir())
	if code := p.Run(t.Context()); code != exitOK {
		t.Fatal(errs)
	}
	for _, want := range []string{"odd       payments.?[2J.>", "none      (none: every event)", "two       payments.a.>, payments.b.>"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
