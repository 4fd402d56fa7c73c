package normalizerd

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
	"paybridge/schemas/provider"
)

// parse reads a configuration for a server.
func parse(t *testing.T, text, url string) *config.Config {
	t.Helper()
	env := map[string]string{"SEAL": sealKey}
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "paybridge.yaml"), []byte(strings.ReplaceAll(text, "$URL", url)),
		func(name string) (string, bool) { v, ok := env[name]; return v, ok }, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const head = `
nats: {url: $URL}
normalizer: {admin: "127.0.0.1:0"}
seal: {keys: [{id: k1, env: SEAL}]}
`

// run runs a normalizer until the test ends or stop is called.
func run(t *testing.T, cfg *config.Config, o Options) (ready func() error, stop func() error) {
	t.Helper()
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	started := make(chan func() error, 1)
	o.Started = func(ready func() error) { started <- ready }
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
	case ready = <-started:
	case err := <-result:
		result <- nil
		t.Fatalf("Run: %v", err)
	}
	return ready, stop
}

// put stores a delivery as an ingress does.
func put(t *testing.T, js jetstream.JetStream, d delivery.Delivery) {
	t.Helper()
	key, err := delivery.NewKey("k1", sealKey)
	if err != nil {
		t.Fatal(err)
	}
	d.ReceivedAt = time.Now().UTC()
	if _, err := js.PublishMsg(t.Context(), d.Message(delivery.Keys{key})); err != nil {
		t.Fatal(err)
	}
}

// take waits for the first message of a stream.
func take(t *testing.T, js jetstream.JetStream, stream string) *jetstream.RawStreamMsg {
	t.Helper()
	return takeAt(t, js, stream, 1)
}

// takeAt waits for a message of a stream.
func takeAt(t *testing.T, js jetstream.JetStream, stream string, sequence uint64) *jetstream.RawStreamMsg {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		m, err := s.GetMsg(ctx, sequence)
		if err == nil {
			return m
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: %v", stream, err)
		}
	}
}

// A real pack's documented payload, from the raw stream to the typed subject, under
// every setting of the section events.
func TestRunsAConfiguration(t *testing.T) {
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	fixtures, err := library.Fixtures("pik")
	if err != nil {
		t.Fatal(err)
	}
	found := slices.IndexFunc(fixtures, func(f provider.Fixture) bool { return f.Name == "payment-confirmed" })
	if found < 0 {
		t.Fatal("no such fixture")
	}
	fixture := fixtures[found]
	for _, test := range []struct {
		name   string
		events string
		want   event.Event
		native string
		header string
	}{
		{"as it is shipped", "", event.Event{Source: "urn:paybridge:shop", Type: "global.pik.payment.confirmed", DataSchema: "urn:paybridge:schema:pik:payment.confirmed:1"}, string(fixture.Body), "Content-Type"},
		{"with bases and a prefix", "events: {source_base: 'urn:acme', schema_base: 'https://acme.example/schemas', type_prefix: com.acme}", event.Event{Source: "urn:acme:shop", Type: "com.acme.payment.confirmed", DataSchema: "https://acme.example/schemas/pik/payment.confirmed/1.json"}, string(fixture.Body), "Content-Type"},
		{"binary, without native", "events: {mode: binary, native: none}", event.Event{Source: "urn:paybridge:shop", Type: "global.pik.payment.confirmed", DataSchema: "urn:paybridge:schema:pik:payment.confirmed:1"}, "", "ce-id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := jetstreamtest.Start(t)
			js := server.JetStream(t)
			cfg := parse(t, head+test.events+"\nsources: [{name: shop, provider: pik}]", server.URL)
			ready, _ := run(t, cfg, Options{Version: "v1"})
			if err := ready(); err != nil {
				t.Errorf("ready: %v", err)
			}
			put(t, js, delivery.Delivery{Source: "shop", Provider: "pik", Endpoint: delivery.DefaultEndpoint, Scheme: "hmac", Body: fixture.Body})
			m := take(t, js, "PAYMENTS")
			if m.Subject != "payments.shop.payin.confirmed.payment.confirmed" {
				t.Errorf("subject %s", m.Subject)
			}
			if m.Header.Get(test.header) == "" && len(m.Header[test.header]) == 0 {
				t.Errorf("no header %s in %v", test.header, m.Header)
			}
			e, err := event.Decode(m.Header, m.Data)
			if err != nil {
				t.Fatal(err)
			}
			if e.ID != "evt_xyz789" || e.Source != test.want.Source || e.Type != test.want.Type || e.DataSchema != test.want.DataSchema || string(e.Native) != test.native {
				t.Errorf("%+v", e)
			}
		})
	}
}

// Everything that is wrong is said at once, and nothing is consumed.
func TestRefusesEverythingAtOnce(t *testing.T) {
	server := jetstreamtest.Start(t, jetstreamtest.Bare())
	packs := t.TempDir()
	for file, text := range map[string]string{
		"acme/provider.yaml": "name: acme\ntitle: Acme\ndocs: []\nconfidence: documented\nauth: {scheme: token, token: {header: Authorization}}\nevents:\n  type_prefix: com.acme\n  version: \"1\"\n  type: body.kind +\n  derived_id: [body.nonsense(]\n",
		"acme/README.md":     "# Acme\n",
	} {
		if err := os.MkdirAll(filepath.Join(packs, filepath.Dir(file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(packs, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name string
		text string
		want []string
	}{
		{"no seal, no source", "nats: {url: $URL}", []string{"seal.keys", "sources"}},
		{"a seal without a value, an unknown pack", "nats: {url: $URL}\nseal: {keys: [{id: k1, env: OTHER}]}\nsources: [{name: shop, provider: nonesuch}]", []string{"seal.keys[0]", "env OTHER", `there is no pack "nonesuch"`, "paybridge.yaml:3"}},
		{"a broken mapping", head + "providers_dir: " + packs + "\nsources: [{name: a, provider: acme}, {name: b, provider: acme}]", []string{"acme/provider.yaml:9", "acme/provider.yaml:10"}},
		{"no streams", head + "sources: [{name: shop, provider: pik}]", []string{"stream PAYMENTS does not exist", "stream DEADLETTERS", "stream WEBHOOKS", "paybridge streams apply"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Run(t.Context(), parse(t, test.text, server.URL), Options{Logger: zap.NewNop()})
			if err == nil || !Refused(err) {
				t.Fatalf("%v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), sealKey) {
				t.Error("the error has a secret")
			}
		})
	}
	// A port that is taken is nothing that the configuration has to be changed for.
	taken := head[:strings.Index(head, "normalizer")] + "normalizer: {admin: '" + strings.TrimPrefix(server.URL, "nats://") + "'}\nseal: {keys: [{id: k1, env: SEAL}]}\nsources: [{name: shop, provider: pik}]"
	if err := Run(t.Context(), parse(t, taken, server.URL), Options{Logger: zap.NewNop()}); err == nil || Refused(err) || !strings.Contains(err.Error(), "normalizer.admin: ") || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a port that is taken: %v", err)
	}
	if Refused(errors.New("other")) || Refused(nil) {
		t.Error("everything is refused")
	}
}

// A mistake in a pack is said once, however many sources use it.
func TestProgramsCompileEachPackOnce(t *testing.T) {
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	cfg := parse(t, head+"sources: [{name: a, provider: pik}, {name: b, provider: pik}, {name: c, provider: nonesuch}, {name: d, provider: nonesuch}]", "nats://x")
	programs, problems := Programs(cfg, library)
	if len(problems) != 1 {
		t.Errorf("%v", problems)
	}
	if len(programs) != 2 { // and none that is nil for the sources whose pack is none
		t.Errorf("%d programs", len(programs))
	}
	var pik []any
	for pack, program := range programs {
		if pack.Provider == "pik" {
			pik = append(pik, program)
		}
	}
	if len(pik) != 2 || pik[0] != pik[1] {
		t.Errorf("%v", pik)
	}
}

// Inside another process: its connection, its listener.
func TestRunsInsideAnotherProcess(t *testing.T) {
	server := jetstreamtest.Start(t)
	conn := server.Conn(t)
	cfg := parse(t, head+"sources: [{name: shop, provider: pik}]", "nats://nowhere.invalid:1")
	cfg.Normalizer.Admin = "nonsense"
	_, stop := run(t, cfg, Options{Conn: conn, NoAdmin: true})
	put(t, server.JetStream(t), delivery.Delivery{Source: "shop", Provider: "pik", Endpoint: delivery.DefaultEndpoint, Scheme: "hmac", Body: []byte("{")})
	take(t, server.JetStream(t), "DEADLETTERS")
	if err := stop(); err != nil {
		t.Error(err)
	}
	if conn.IsClosed() {
		t.Error("the connection is closed")
	}
}

// The admin listener lives as long as the normalizer.
func TestServesItsAdminListener(t *testing.T) {
	server := jetstreamtest.Start(t)
	cfg := parse(t, head+"sources: [{name: shop, provider: pik}]", server.URL)
	core, logs := observer.New(zap.InfoLevel)
	_, stop := run(t, cfg, Options{Logger: zap.New(core)})
	admin, _ := logs.FilterMessage("normalizer starts").All()[0].ContextMap()["admin"].(string)
	for path, want := range map[string]string{
		"/readyz":                               `{"normalizer":"ok"}`,
		"/metrics":                              "paybridge_consume_loop_up 1",
		"/schemas/pik/payment.confirmed/1.json": "https://json-schema.org/draft/2020-12/schema",
	} {
		resp, err := http.Get("http://" + admin + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %.200s %v", path, resp.StatusCode, body, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + admin + "/livez"); err == nil {
		t.Error("somebody still listens")
	}
}
