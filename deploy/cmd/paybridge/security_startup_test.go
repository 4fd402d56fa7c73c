package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/deploy/operate"
)

// ended runs a command with a configuration, which must end by itself, and returns
// its exit code and all that it said.
func ended(t *testing.T, text string, args ...string) (code int, said string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "paybridge.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := &tape{}
	p := &Program{
		Name: "paybridge", PID: os.Getpid(), Args: append(args, "--config", file), Stdout: out, Stderr: out,
		LookupEnv: func(name string) (string, bool) { return "", name == "EMPTY" }, ReadFile: os.ReadFile, Now: time.Now,
	}
	ctx, cancel := context.WithTimeout(t.Context(), siegePatience)
	defer cancel()
	code = p.Run(ctx)
	if ctx.Err() != nil {
		t.Fatalf("it started:\n%s", out)
	}
	return code, out.String()
}

// TestSecurityStartUp has configurations with which nothing may start (S-01 to S-04,
// S-62): exit code 78, every problem at once under its line, and no value of a secret.
func TestSecurityStartUp(t *testing.T) {
	t.Parallel()
	const listen = "ingress: {listen: 127.0.0.1:0, admin: 127.0.0.1:0}\nembedded: {listen: 127.0.0.1:0}\n"
	const sealed = "seal: {keys: [{id: k1, value: a-seal-key-of-some-length}]}\n"
	source := func(secret string) string {
		return listen + sealed + "sources: [{name: a, provider: pik, secrets: [{id: current, " + secret + "}]}]\n"
	}
	for _, c := range []struct {
		name, text string
		says       []string
	}{
		{"S-02: empty", source("env: EMPTY"), []string{"paybridge.yaml:4: sources[0].secrets[0].env: is empty"}},
		{"S-02: blank", source(`value: " "`), []string{"sources[0].secrets[0].value: is empty"}},
		{"S-02: a line end", source(`value: "\n"`), []string{"sources[0].secrets[0].value: is empty"}},
		{"S-02: empty once decoded", strings.Replace(source("value: whsec_"), "provider: pik", "provider: standard-webhooks", 1), []string{"paybridge.yaml:4: sources[0].secrets[0]: "}},
		{"not base64", strings.Replace(source("value: whsec_canary!canary!canary!"), "provider: pik", "provider: standard-webhooks", 1), []string{"base64"}},
		{"S-03: 15 bytes", source("value: canary-15-bytes"), []string{"is short: 15 bytes"}},
		{"S-03: a token of 64 bits", strings.Replace(source("value: canary-8"), "provider: pik", "provider: picpay", 1), []string{"is short: 8 characters"}},
		{"S-04: change me", source("value: changeme-changeme"), []string{"placeholder"}},
		{"S-04: all zero", source("value: \"" + strings.Repeat("0", 64) + "\""), []string{"repeated"}},
		{"S-04: whsec_test", strings.Replace(source("value: whsec_test_secret"), "provider: pik", "provider: stripe", 1), []string{"placeholder"}},
		{"a seal of 15 bytes", listen + "seal: {keys: [{id: k1, value: canary-15-bytes}]}\nsources: []\n", []string{"seal.keys[0]: ", "15 bytes are too few"}},
		{"a seal that everybody knows", listen + "seal: {keys: [{id: k1, value: changeme-changeme}]}\nsources: []\n", []string{"seal.keys[0]: ", "placeholder"}},
		{"an unsafe sync", listen + "embedded: {sync: never}\n", []string{"paybridge.yaml:3: embedded"}},
		{"an unsafe sync, alone", "embedded: {listen: 127.0.0.1:0, sync: never}\n" + sealed, []string{"paybridge.yaml:1: embedded.sync: "}},
		{"a bus in the open", "embedded: {listen: 0.0.0.0:4222}\n", []string{"embedded.listen: ", "not loopback"}},
		{"S-62: bodies that no message holds", strings.Replace(source("value: a-long-enough-secret"), "admin:", "max_body: 8MiB, admin:", 1) + "streams: {max_message: 2MiB}\n", []string{"streams.max_message: "}},
		{"events that go before their deliveries", listen + "streams: {webhooks: {max_age: 90d}, payments: {max_age: 30d}}\n", []string{"streams.payments.max_age: "}},
		{"all of it", strings.Replace(listen, "admin:", "unknown: 1, admin:", 1) + "streams: {webhooks: {max_age: 400d}}\nseal: {keys: [{id: k1, value: changeme-changeme}]}\nsources:\n" +
			"  - {name: a, provider: pik, secrets: [{id: current, value: canary-15-bytes}]}\n  - {name: b, provider: nobody, secrets: [{id: current, value: a-long-enough-secret}]}\n", []string{
			"paybridge.yaml:1: ingress.unknown", "streams.payments.max_age: ", "streams.deadletters.max_age: ", "paybridge.yaml:4: seal.keys[0]: ", "paybridge.yaml:6: sources[0].secrets[0]: is short", "paybridge.yaml:7: sources[1].provider: ",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, said := ended(t, c.text, "up", "--data", filepath.Join(t.TempDir(), "data"))
			if code != config.ExitCode {
				t.Errorf("exit code %d", code)
			}
			for _, says := range c.says {
				if !strings.Contains(said, says) {
					t.Errorf("does not say %q:\n%s", says, said)
				}
			}
			if strings.Contains(said, "canary") || strings.Contains(said, "changeme-") {
				t.Errorf("a value is printed:\n%s", said)
			}
		})
	}
}

// TestSecuritySyncByDefault has a configuration that says nothing of sync: the embedded
// server syncs before it acknowledges. Anything less has to be written down.
func TestSecuritySyncByDefault(t *testing.T) {
	t.Parallel()
	s := besiege(t, func(text string) string { return strings.Replace(text, ", sync: 1s", "", 1) })
	// What it says comes after it has put down where it listens.
	await(t, "it says how the bus syncs", func() bool { return strings.Contains(s.out.String(), "fsync before every acknowledgement") })
	c, err := config.Load(s.config)
	if err != nil || !c.Embedded.Sync.Always {
		t.Errorf("sync %+v, %v", c.Embedded.Sync, err)
	}
}

// TestSecurityDriftedBus has what somebody changed on the bus of an `up` that was
// stopped: what cannot be mended is refused with 78, and what can be is mended.
func TestSecurityDriftedBus(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	streams := operate.Folder{Path: data}.Streams()
	ns := jetstreamtest.Start(t, jetstreamtest.Bare(), jetstreamtest.Options(func(o *server.Options) { o.StoreDir = streams }))
	js := ns.JetStream(t, nats.Name("somebody"))
	if _, err := js.CreateStream(t.Context(), natsjs.StreamConfig{Name: "PAYMENTS", Subjects: []string{"payments.*.*.*.>"}, Retention: natsjs.WorkQueuePolicy}); err != nil {
		t.Fatal(err)
	}
	ns.Stop(t)
	code, said := ended(t, "ingress: {listen: 127.0.0.1:0, admin: 127.0.0.1:0}\nembedded: {listen: 127.0.0.1:0}\nsources: []\n", "up", "--data", data)
	if code != config.ExitCode || !strings.Contains(said, "PAYMENTS: retention is WorkQueue, must be Limits") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
}
