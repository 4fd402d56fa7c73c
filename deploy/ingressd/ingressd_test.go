package ingressd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/ingress"
	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse reads a configuration whose environment is env.
func parse(t *testing.T, text string, env map[string]string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("paybridge.yaml", []byte(text), func(name string) (string, bool) { v, ok := env[name]; return v, ok }, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const head = `ingress: {listen: "127.0.0.1:0", admin: "127.0.0.1:0"}
seal: {keys: [{id: k1, env: SEAL}]}
nats: {url: %s}
`

var environment = map[string]string{"SEAL": "a-seal-key-of-some-length", "PIK": "a-pik-secret-of-some-length", "TOKEN": "a-token-of-some-length", "FEE": "a-fee-secret-of-some-length"}

// serve runs an ingress until the test ends.
func serve(t *testing.T, cfg *config.Config, o Options) (at ingress.Addresses, stop func() error) {
	t.Helper()
	started := make(chan ingress.Addresses, 1)
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	o.Started = func(a ingress.Addresses) { started <- a }
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- Run(ctx, cfg, o) }()
	stopped := false
	stop = func() error { cancel(); stopped = true; return <-result }
	t.Cleanup(func() {
		if !stopped {
			if err := stop(); err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	})
	select {
	case at = <-started:
	case err := <-result:
		result <- nil
		t.Fatalf("Run: %v", err)
	}
	return at, stop
}

// send signs and sends as the provider would.
func send(t *testing.T, at ingress.Addresses, pack, path, secret, body string) (int, string) {
	t.Helper()
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	half, err := library.Auth(pack)
	if err != nil {
		t.Fatal(err)
	}
	signed := auth.Request{Method: "POST", Header: http.Header{}, Body: []byte(body), ReceivedAt: time.Now()}
	header, query, err := auth.Sign(half, auth.NewSecret("current", secret, true, ""), signed)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+at.Public+path+"?"+query, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	r.Close = true
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

const everySort = head + `sources:
  - {name: shop, provider: pik, secrets: [{id: current, env: PIK}]}
  - {name: picpay, provider: picpay, secrets: [{id: current, env: TOKEN}]}
  - name: orders
    provider: pixorder
    endpoints:
      Fee: {secrets: [{id: current, env: FEE}]}
`

func TestServes(t *testing.T) {
	ns := jetstreamtest.Start(t)
	at, stop := serve(t, parse(t, fmt.Sprintf(everySort, ns.URL), environment), Options{})
	for _, c := range []struct {
		pack, path, secret string
		status             int
	}{
		{"pik", "/webhooks/shop", environment["PIK"], 200},
		{"pik", "/webhooks/shop", environment["TOKEN"], 401},
		{"picpay", "/webhooks/picpay", environment["TOKEN"], 200},
		{"picpay", "/webhooks/picpay", environment["PIK"], 401},
		{"pixorder", "/webhooks/orders/Fee", environment["FEE"], 200},
		{"pixorder", "/webhooks/orders/PixPayment", environment["FEE"], 404},
		{"pixorder", "/webhooks/orders", environment["FEE"], 404},
	} {
		if status, body := send(t, at, c.pack, c.path, c.secret, `{"n":1}`); status != c.status {
			t.Errorf("%s: %d %s", c.path, status, body)
		}
	}
	stream, err := ns.JetStream(t).Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 3 {
		t.Errorf("%d stored", n)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestLent runs on a connection that is not its own, and leaves it open.
func TestLent(t *testing.T) {
	ns := jetstreamtest.Start(t)
	conn := ns.Conn(t)
	at, stop := serve(t, parse(t, fmt.Sprintf(everySort, "nats://127.0.0.1:1"), environment), Options{Conn: conn})
	if status, body := send(t, at, "pik", "/webhooks/shop", environment["PIK"], "x"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if err := stop(); err != nil || !conn.IsConnected() {
		t.Errorf("stopped with %v, connected: %v", err, conn.IsConnected())
	}
}

// TestOwnPacks serves a provider from a folder, with no rebuild.
func TestOwnPacks(t *testing.T) {
	ns := jetstreamtest.Start(t)
	folder := t.TempDir()
	write(t, filepath.Join(folder, "acme", "provider.yaml"), `name: acme
title: Acme
docs: [https://acme.example/webhooks]
confidence: unconfirmed
auth: {scheme: token, token: {header: X-Acme-Token}, answer: {content_type: text/plain, body: "[accepted]"}}
events: {type_prefix: com.acme, version: "1", body: json, type: '"x"', derived_id: [string(item.id)]}
`)
	text := fmt.Sprintf(head, ns.URL) + "providers_dir: " + folder + "\nsources: [{name: a, provider: acme, secrets: [{id: current, env: TOKEN}]}]\n"
	at, _ := serve(t, parse(t, text, environment), Options{})
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+at.Public+"/webhooks/a", bytes.NewReader([]byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Acme-Token", environment["TOKEN"])
	r.Close = true
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(body) != "[accepted]" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRefuses has configurations that cannot be served: every problem is there, at
// its line, and no value is.
func TestRefuses(t *testing.T) {
	bad := t.TempDir()
	write(t, filepath.Join(bad, "acme", "provider.yaml"), "name: acme\ntitle: Acme\nconfidence: unconfirmed\nauth: {scheme: rot13}\n")
	source := func(s string) string { return head + "sources:\n" + s }
	for _, c := range []struct {
		name, text string
		says       []string
	}{
		{"no seal key", "nats: {url: %s}\nsources: []\n", []string{"seal.keys", "there is no key"}},
		{"everything at once", `nats: {url: %s}
seal: {keys: [{id: k1, env: NOT_SET}, {id: k2, value: canary-short}]}
sources:
  - {name: a, provider: nobody, secrets: [{id: current, env: PIK}]}
  - {name: b, provider: pik, secrets: [{id: current, env: NOT_SET}]}
  - {name: c, provider: pik, secrets: [{id: old, value: canary-short}, {id: new, value: changeme}]}
  - {name: d, provider: picpay, secrets: [{id: current, value: canary}]}
  - {name: e, provider: pixorder, secrets: [{id: current, env: PIK}]}
  - {name: f, provider: pixorder, endpoints: {Nonsense: {secrets: [{id: current, env: PIK}]}}}
  - {name: g, provider: pik, endpoints: {Fee: {secrets: [{id: current, env: PIK}]}}}
`, []string{
			"paybridge.yaml:2: seal.keys[0]: ", "env NOT_SET is not there", "seal: key k2: 12 bytes are too few",
			`paybridge.yaml:4: sources[0].provider: there is no pack "nobody" (one of asaas, bidali`,
			"paybridge.yaml:5: sources[1].secrets[0]: ",
			"paybridge.yaml:6: sources[2].secrets[0]: ", "paybridge.yaml:6: sources[2].secrets[1]: ",
			"paybridge.yaml:7: sources[3].secrets[0]: ",
			"paybridge.yaml:8: sources[4]: pixorder wants one URL per kind",
			"paybridge.yaml:9: sources[5].endpoints.Nonsense: pixorder has no such endpoint",
			"paybridge.yaml:10: sources[6].endpoints: pik has no endpoints",
		}},
		{"no providers_dir", source("  []\n") + "providers_dir: /nowhere/at/all\n", []string{"providers_dir: ", "/nowhere/at/all"}},
		{"a broken pack", source("  - {name: a, provider: acme, secrets: [{id: current, env: PIK}]}\n") + "providers_dir: " + bad + "\n", []string{"acme/provider.yaml:4: ", "rot13"}},
		{"no certificate", source("  []\n") + "ingress_tls", []string{"ingress.tls"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := fmt.Sprintf(c.text, "nats://127.0.0.1:1")
			if plain, ok := strings.CutSuffix(text, "ingress_tls"); ok {
				text = strings.Replace(plain, `admin: "127.0.0.1:0"`, `admin: "127.0.0.1:0", tls: {cert: nowhere.crt, key: nowhere.key}`, 1)
			}
			err := Run(t.Context(), parse(t, text, environment), Options{Log: zap.NewNop()})
			var problems config.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("%v", err)
			}
			for _, says := range c.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("does not say %q:\n%v", says, err)
				}
			}
			if strings.Contains(err.Error(), "canary") || len(problems) < len(c.says)/2 {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestUnfitServer has a server without the stream: a problem of configuration; and no
// server at all: not one.
func TestUnfitServer(t *testing.T) {
	ns := jetstreamtest.Start(t, jetstreamtest.Bare(), jetstreamtest.Options(func(o *server.Options) { o.MaxPayload = 64 << 10 }))
	err := Run(t.Context(), parse(t, fmt.Sprintf(everySort, ns.URL), environment), Options{Log: zap.NewNop()})
	var problems config.Problems
	if !errors.As(err, &problems) || len(problems) != 2 || !strings.Contains(err.Error(), "paybridge streams apply") || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("%v", err)
	}
	err = Run(t.Context(), parse(t, fmt.Sprintf(everySort, "nats://127.0.0.1:1"), environment), Options{Log: zap.NewNop()})
	if err == nil || errors.As(err, &problems) || !strings.Contains(err.Error(), "cannot connect to nats://127.0.0.1:1") {
		t.Errorf("%v", err)
	}
}

func TestSchemas(t *testing.T) {
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	schemas := packSchemas(library)
	for _, path := range []string{"", "pik", "pik/x", "/x/1.json", "pik/payment.confirmed/1", "nobody/x/1.json"} {
		if _, ok := schemas(path); ok {
			t.Errorf("%q has a schema", path)
		}
	}
	if _, ok := schemas("pik/payment.confirmed/1.json"); !ok {
		t.Error("pik/payment.confirmed/1.json has none")
	}
}
