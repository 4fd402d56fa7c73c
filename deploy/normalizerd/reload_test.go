package normalizerd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/delivery"
)

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
	sealKey = "a-seal-key-of-some-length"
	onlyPIK = "providers_dir: packs\nsources: [{name: pik, provider: pik}]\n"
	andAcme = "providers_dir: packs\nsources: [{name: pik, provider: pik}, {name: a, provider: acme}]\n"
	acme    = `name: acme
title: Acme
docs: [https://acme.example/webhooks]
confidence: unconfirmed
auth: {scheme: token, token: {header: X-Acme-Token}}
events: {type_prefix: com.acme, version: "1", body: json, type: string(item.type), derived_id: [string(item.id)], schemas: {"*": any.schema.json}}
`
)

// reloading is a normalizer that follows its configuration file.
type reloading struct {
	t      *testing.T
	folder string
	js     natsjs.JetStream
	server *jetstreamtest.Server
	log    lines
	key    delivery.Key
	serial int
}

func start(t *testing.T, text string) *reloading {
	t.Helper()
	server := jetstreamtest.Start(t)
	r := &reloading{t: t, folder: t.TempDir(), server: server, js: server.JetStream(t)}
	var err error
	if r.key, err = delivery.NewKey("k1", sealKey); err != nil {
		t.Fatal(err)
	}
	r.put("seal", sealKey)
	r.put("packs/acme/provider.yaml", acme)
	r.put("packs/acme/any.schema.json", "{}")
	r.configure(text)
	log := config.Logger("normalizer", &r.log)
	reload := config.NewReloader(config.FromFile(filepath.Join(r.folder, "paybridge.yaml")), log)
	reload.Every = 20 * time.Millisecond
	cfg, err := reload.Load()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reload.Start())
	ctx, cancel := context.WithCancel(context.Background())
	started, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- Run(ctx, cfg, Options{
			Logger: log, Registry: prometheus.NewRegistry(), NoAdmin: true, Reload: reload,
			Started: func(func() error) { close(started) },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	select {
	case <-started:
	case err := <-ended:
		ended <- nil
		t.Fatalf("Run: %v", err)
	}
	return r
}

// put replaces a file, whole.
func (r *reloading) put(name, text string) {
	r.t.Helper()
	aside, path := filepath.Join(r.folder, ".aside"), filepath.Join(r.folder, name)
	for _, err := range []error{
		os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(aside, []byte(text), 0o600), os.Rename(aside, path),
	} {
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *reloading) configure(text string) {
	r.put("paybridge.yaml", fmt.Sprintf("seal: {keys: [{id: k1, file: seal}]}\nnats: {url: %q}\n", r.server.URL)+text)
}

// logged waits until the log says text.
func (r *reloading) logged(text string) {
	r.t.Helper()
	r.wait(text+" in the log", func() bool { return strings.Contains(r.log.String(), text) })
}

func (r *reloading) wait(what string, holds func() bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(end) {
			r.t.Fatalf("not there: %s\n%s", what, r.log.String())
		}
		<-time.After(5 * time.Millisecond)
	}
}

// normalized stores a delivery as an ingress would and returns the subject of what
// becomes of it.
func (r *reloading) normalized(source, pack string) string {
	r.t.Helper()
	r.serial++
	d := delivery.Delivery{
		Source: source, Provider: pack, Endpoint: delivery.DefaultEndpoint, Scheme: "token", KeyID: "k",
		ReceivedAt: time.Now().UTC(), RequestID: "r", Body: fmt.Appendf(nil, `{"id":"evt_%d","type":"paid","event":"odd"}`, r.serial),
	}
	if _, err := r.js.PublishMsg(r.t.Context(), d.Message(delivery.Keys{r.key})); err != nil {
		r.t.Fatal(err)
	}
	var subject string
	r.wait("what becomes of a delivery of "+source, func() bool {
		var last []*natsjs.RawStreamMsg
		seen := uint64(0)
		for _, name := range []string{"PAYMENTS", "DEADLETTERS"} {
			stream, err := r.js.Stream(r.t.Context(), name)
			if err != nil {
				r.t.Fatal(err)
			}
			state := stream.CachedInfo().State
			seen += state.Msgs
			if state.Msgs > 0 {
				m, err := stream.GetMsg(r.t.Context(), state.LastSeq)
				if err != nil {
					r.t.Fatal(err)
				}
				last = append(last, m)
			}
		}
		if seen < uint64(r.serial) {
			return false
		}
		newest := last[0]
		for _, m := range last {
			if m.Time.After(newest.Time) {
				newest = m
			}
		}
		subject = newest.Subject
		return true
	})
	return subject
}

// TestReload adds a source whose pack it did not know, and takes it away: what was
// stored of it before still becomes events.
func TestReload(t *testing.T) {
	r := start(t, onlyPIK)
	if got := r.normalized("a", "acme"); got != "deadletters.a.mapping_failed" {
		t.Errorf("before: %s", got)
	}
	r.configure(andAcme)
	r.logged("source a added")
	if got := r.normalized("a", "acme"); got != "payments.a.unknown.unknown.paid" {
		t.Errorf("added: %s", got)
	}
	r.configure(onlyPIK)
	r.logged("source a removed")
	if got := r.normalized("a", "acme"); got != "payments.a.unknown.unknown.paid" {
		t.Errorf("removed: %s", got)
	}
	if got := r.normalized("pik", "pik"); !strings.HasPrefix(got, "payments.pik.unknown.unknown.") {
		t.Errorf("what was there all along: %s", got)
	}
}

// TestReloadAPack changes a mapping while it is used, and breaks it: then the old one
// stays.
func TestReloadAPack(t *testing.T) {
	r := start(t, andAcme)
	r.put("packs/acme/provider.yaml", strings.Replace(acme, "string(item.type)", `'"new." + string(item.type)'`, 1))
	r.logged(`"msg":"configuration reloaded"`)
	if got := r.normalized("a", "acme"); got != "payments.a.unknown.unknown.new.paid" {
		t.Errorf("changed: %s", got)
	}
	r.put("packs/acme/provider.yaml", strings.Replace(acme, "string(item.type)", `string(item.type`, 1))
	r.logged("acme/provider.yaml:6: ")
	r.logged(`"msg":"configuration not reloaded, the old one stays in force"`)
	if got := r.normalized("a", "acme"); got != "payments.a.unknown.unknown.new.paid" {
		t.Errorf("broken: %s", got)
	}
	r.put("packs/acme/provider.yaml", acme)
	r.configure(strings.Replace(andAcme, "sources", "events: {mode: binary, native: none}\nnormalizer: {admin: \"127.0.0.1:1\"}\nsources", 1))
	r.logged(`"needs_restart":["normalizer.admin","events.mode"]`)
	if got := r.normalized("a", "acme"); got != "payments.a.unknown.unknown.paid" {
		t.Errorf("cured: %s", got)
	}
}

// TestReloadKeepsASource refuses a configuration without one, and without the seal's key.
func TestReloadKeepsASource(t *testing.T) {
	r := start(t, onlyPIK)
	r.configure("sources: []\n")
	r.logged("there is no source")
	r.configure(onlyPIK)
	r.logged(`"msg":"configuration reloaded"`)
	r.put("seal", "")
	r.logged("seal.keys[0].file: is empty")
	if got := r.normalized("pik", "pik"); !strings.HasPrefix(got, "payments.pik.") {
		t.Errorf("%s", got)
	}
	if strings.Contains(r.log.String(), sealKey) {
		t.Errorf("the key is logged:\n%s", r.log.String())
	}
}
