package ingressd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/ingress"
	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// reloading is an ingress that follows its configuration file.
type reloading struct {
	t        *testing.T
	folder   string
	at       ingress.Addresses
	registry *prometheus.Registry
	log      lines
	server   *jetstreamtest.Server
	tls      string // what stands beside the listeners
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const (
	oldSecret = "canary-the-old-secret-of-pik"
	newSecret = "canary-the-new-secret-of-pik"
)

// start serves the configuration that text and files make.
func start(t *testing.T, text string, files map[string]string, tls ...string) *reloading {
	t.Helper()
	r := &reloading{t: t, folder: t.TempDir(), registry: prometheus.NewRegistry(), server: jetstreamtest.Start(t), tls: strings.Join(tls, "")}
	r.put("seal", "a-seal-key-of-some-length")
	for name, content := range files {
		r.put(name, content)
	}
	r.configure(text)
	log := config.Logger("ingress", &r.log)
	reload := config.NewReloader(config.FromFile(filepath.Join(r.folder, "paybridge.yaml")), log)
	reload.Every = 20 * time.Millisecond
	cfg, err := reload.Load()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reload.Start())
	r.at, _ = serve(t, cfg, Options{Log: log, Metrics: r.registry, Reload: reload})
	return r
}

// put replaces a file, whole.
func (r *reloading) put(name, text string) {
	r.t.Helper()
	aside := filepath.Join(r.folder, ".aside")
	write(r.t, aside, text)
	path := filepath.Join(r.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(aside, path); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reloading) configure(text string) {
	r.put("paybridge.yaml", fmt.Sprintf("ingress: {listen: \"127.0.0.1:0\", admin: \"127.0.0.1:0\"%s}\nseal: {keys: [{id: k1, file: seal}]}\nnats: {url: %q}\n", r.tls, r.server.URL)+text)
}

// logged waits until the log says text n times in all.
func (r *reloading) logged(text string, n int) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); strings.Count(r.log.String(), text) < n; {
		if time.Now().After(end) {
			r.t.Fatalf("not %d times %q in\n%s", n, text, r.log.String())
		}
		<-time.After(5 * time.Millisecond)
	}
	if strings.Contains(r.log.String(), "canary") {
		r.t.Errorf("a secret is logged:\n%s", r.log.String())
	}
}

const (
	reloadedLine = `"msg":"configuration reloaded"`
	rejectedLine = `"msg":"configuration not reloaded, the old one stays in force"`
)

// answers sends once, with a secret, and wants a status.
func (r *reloading) answers(status int, path, secret string) {
	r.t.Helper()
	if got, body := send(r.t, r.at, "pik", path, secret, `{"n":1}`); got != status {
		r.t.Errorf("%s: %d %s, want %d", path, got, body, status)
	}
}

func (r *reloading) stored() uint64 {
	r.t.Helper()
	stream, err := r.server.JetStream(r.t).Stream(r.t.Context(), "WEBHOOKS")
	if err != nil {
		r.t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

const (
	oldKey = "sources: [{name: pik, provider: pik, secrets: [{id: old, file: old}]}]\n"
	twoKey = "sources: [{name: pik, provider: pik, secrets: [{id: new, file: new}, {id: old, file: old}]}]\n"
	newKey = "sources: [{name: pik, provider: pik, secrets: [{id: new, file: new}]}]\n"
)

var bothFiles = map[string]string{"old": oldSecret, "new": newSecret}

// TestRotationUnderLoad rotates a secret at 500 requests a second: as an operator
// does it, the new key beside the old one, the provider's switch, the old one's end.
// Nothing is refused, and everything that got its 200 is stored.
func TestRotationUnderLoad(t *testing.T) {
	r := start(t, oldKey, bothFiles)
	load := newLoad(t, r.at)
	load.run(oldSecret, 400)
	r.configure(twoKey)
	load.whileWaiting(oldSecret, func() { r.logged(reloadedLine, 1) })
	load.run(newSecret, 400)
	load.run(oldSecret, 200) // a sender that is late
	r.configure(newKey)
	load.whileWaiting(newSecret, func() { r.logged(reloadedLine, 2) })
	load.run(newSecret, 400)
	r.answers(401, "/webhooks/pik", oldSecret)
	if load.good.Load() != load.sent.Load() || r.stored() != uint64(load.good.Load()) {
		t.Errorf("%d sent, %d answered 200, %d stored", load.sent.Load(), load.good.Load(), r.stored())
	}
	if !strings.Contains(r.log.String(), "source pik: key new added") || !strings.Contains(r.log.String(), "source pik: key old removed") {
		t.Errorf("the log does not say what changed:\n%s", r.log.String())
	}
	t.Logf("%d requests, all 200, all stored", load.sent.Load())
}

// load sends at a rate, each delivery another one.
type load struct {
	t          *testing.T
	at         ingress.Addresses
	half       *provider.Auth
	client     *http.Client
	sent, good atomic.Int64
}

func newLoad(t *testing.T, at ingress.Addresses) *load {
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	half, err := library.Auth("pik")
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &load{t: t, at: at, half: half, client: &http.Client{Transport: transport}}
}

const perSecond = 500

// run sends n requests, perSecond of them a second, and waits for the answers.
func (l *load) run(secret string, n int) {
	ctx, cancel := context.WithCancel(l.t.Context())
	defer cancel()
	l.until(ctx, secret, n)
}

// whileWaiting sends until wait returns.
func (l *load) whileWaiting(secret string, wait func()) {
	ctx, cancel := context.WithCancel(l.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.until(ctx, secret, 1<<30) }()
	wait()
	cancel()
	<-done
}

func (l *load) until(ctx context.Context, secret string, n int) {
	var answers sync.WaitGroup
	defer answers.Wait()
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	for range n {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		answers.Go(func() { l.one(secret) })
	}
}

func (l *load) one(secret string) {
	body := fmt.Sprintf(`{"n":%d}`, l.sent.Add(1))
	header, _, err := auth.Sign(l.half, auth.NewSecret("k", secret, true, ""), auth.Request{Method: "POST", Header: http.Header{}, Body: []byte(body), ReceivedAt: time.Now()})
	if err != nil {
		l.t.Error(err)
		return
	}
	r, err := http.NewRequest("POST", "http://"+l.at.Public+"/webhooks/pik", strings.NewReader(body))
	if err != nil {
		l.t.Error(err)
		return
	}
	r.Header = header
	answer, err := l.client.Do(r)
	if err != nil {
		l.t.Error(err)
		return
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		l.t.Error(err)
	}
	if answer.StatusCode == 200 {
		l.good.Add(1)
		return
	}
	l.t.Errorf("%s: %d", body, answer.StatusCode)
}

// TestReloadRejects has changes that would take a source's key or pack away: each
// leaves what was there in force (S-06).
func TestReloadRejects(t *testing.T) {
	r := start(t, oldKey+"providers_dir: packs\n", map[string]string{"old": oldSecret, "new": newSecret, "packs/acme/provider.yaml": acme})
	for _, c := range []struct {
		name        string
		spoil, cure func()
		says        string
	}{
		{"a secret's file is emptied", func() { r.put("old", "") }, func() { r.put("old", oldSecret) }, "paybridge.yaml:4: sources[0].secrets[0].file: is empty"},
		{"a secret's file is gone", func() { remove(t, filepath.Join(r.folder, "old")) }, func() { r.put("old", oldSecret) }, "sources[0].secrets[0]: the secret has no value"},
		{"a secret is weak", func() { r.put("old", "short") }, func() { r.put("old", oldSecret) }, "paybridge.yaml:4: sources[0].secrets[0]: "},
		{"no secret is left", func() { r.configure("sources: [{name: pik, provider: pik}]\n") }, func() { r.configure(oldKey + "providers_dir: packs\n") }, "there is no secret to verify with"},
		{"no YAML", func() { r.configure("sources: [{\n") }, func() { r.configure(oldKey + "providers_dir: packs\n") }, "not YAML"},
		{"the seal's key is gone", func() { remove(t, filepath.Join(r.folder, "seal")) }, func() { r.put("seal", "a-seal-key-of-some-length") }, "seal.keys[0]"},
		{"the configuration is gone", func() { remove(t, filepath.Join(r.folder, "paybridge.yaml")) }, func() { r.configure(oldKey + "providers_dir: packs\n") }, "no such file"},
		{"the packs are gone", func() { rename(t, r.folder, "packs", "aside") }, func() { rename(t, r.folder, "aside", "packs") }, "providers_dir"},
		{"a source's pack breaks", func() {
			r.put("packs/acme/provider.yaml", strings.Replace(acme, "scheme: token", "scheme: rot13", 1))
			r.configure(oldKey[:len(oldKey)-2] + ", {name: a, provider: acme, secrets: [{id: current, file: new}]}]\nproviders_dir: packs\n")
		}, func() { r.put("packs/acme/provider.yaml", acme) }, "acme/provider.yaml:5: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			rejected, reloaded := strings.Count(r.log.String(), rejectedLine), strings.Count(r.log.String(), reloadedLine)
			c.spoil()
			r.logged(rejectedLine, rejected+1)
			if !strings.Contains(r.log.String(), c.says) {
				t.Errorf("the log does not say %q:\n%s", c.says, r.log.String())
			}
			r.answers(200, "/webhooks/pik", oldSecret)
			c.cure()
			r.logged(reloadedLine, reloaded+1)
			r.answers(200, "/webhooks/pik", oldSecret)
		})
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, folder, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(folder, from), filepath.Join(folder, to)); err != nil {
		t.Fatal(err)
	}
}

const acme = `name: acme
title: Acme
docs: [https://acme.example/webhooks]
confidence: unconfirmed
auth: {scheme: token, token: {header: X-Acme-Token}}
events: {type_prefix: com.acme, version: "1", body: json, type: '"x"', derived_id: [string(item.id)], schemas: {"*": any.schema.json}}
`

// TestReloadAddsAPack serves a provider that did not exist when the ingress started.
func TestReloadAddsAPack(t *testing.T) {
	r := start(t, oldKey+"providers_dir: packs\n", map[string]string{"old": oldSecret, "token": "a-token-of-some-length", "packs/.keep": ""})
	post := func() int {
		q, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+r.at.Public+"/webhooks/a", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("X-Acme-Token", "a-token-of-some-length")
		return r.status(q)
	}
	if status := post(); status != 404 {
		t.Errorf("before: %d", status)
	}
	r.put("packs/acme/any.schema.json", "{}")
	r.put("packs/acme/provider.yaml", acme)
	r.configure(oldKey[:len(oldKey)-2] + ", {name: a, provider: acme, secrets: [{id: current, file: token}]}]\nproviders_dir: packs\n")
	r.logged("source a added with keys current", 1)
	if status := post(); status != 200 {
		t.Errorf("after: %d\n%s", status, r.log.String())
	}
	q, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+r.at.Admin+"/schemas/acme/x/1.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status := r.status(q); status != 200 {
		t.Errorf("its schema: %d", status)
	}
	r.answers(200, "/webhooks/pik", oldSecret)
}

func (r *reloading) status(q *http.Request) int {
	r.t.Helper()
	q.Close = true
	answer, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// TestReloadNamesWhatNeedsARestart keeps serving where it does.
func TestReloadNamesWhatNeedsARestart(t *testing.T) {
	r := start(t, oldKey, bothFiles)
	r.put("paybridge.yaml", "ingress: {listen: \"127.0.0.1:1\", admin: \"127.0.0.1:2\"}\nseal: {keys: [{id: k2, file: new}]}\nnats: {url: \"nats://127.0.0.1:1\"}\nstreams: {replicas: 3}\n"+newKey)
	r.logged(`"needs_restart":["ingress.listen","ingress.admin","nats.url"]`, 1)
	r.answers(200, "/webhooks/pik", newSecret)
	r.answers(401, "/webhooks/pik", oldSecret)
	got, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for _, family := range got {
		if strings.HasPrefix(family.GetName(), "paybridge_config_") {
			found += family.String()
		}
	}
	if !strings.Contains(found, `value:"ok"`) || !strings.Contains(found, "paybridge_config_last_reload_success_timestamp_seconds") {
		t.Errorf("metrics: %s", found)
	}
}
