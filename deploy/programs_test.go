package deploy_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	zaplog "go.uber.org/zap"

	"paybridge/config"
	"paybridge/deploy/ingressd"
	topology "paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/deploy/nats"
	"paybridge/deploy/normalizerd"
	"paybridge/ingress"
)

const (
	webhookSecret = "a-webhook-secret-of-the-tests"
	sealSecret    = "a-seal-secret-of-the-tests"
)

// running is the two production processes, each with its own nkey, on a server that
// runs the configuration that "paybridge nats init" writes.
type running struct {
	bus     *jetstreamtest.Server
	file    string // the server's configuration
	seeds   map[string]string
	webhook string // URL of the source pik
	admin   string // URL of the ingress's admin listener
	metrics []*described
}

// described is a registry that remembers the names of what is registered in it,
// whether or not it has a sample yet.
type described struct{ *prometheus.Registry }

func run(t *testing.T) *running {
	t.Helper()
	dir := t.TempDir()
	written, err := nats.Init(nats.Options{Dir: filepath.Join(dir, "bus"), Store: filepath.Join(dir, "store")})
	if err != nil {
		t.Fatal(err)
	}
	r := &running{bus: jetstreamtest.Start(t, jetstreamtest.Configured(t, written.Config)), file: written.Config, seeds: written.Seeds}
	if _, err := topology.Apply(t.Context(), r.as(t, nats.Provisioner), r.bus.Streams); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var programs sync.WaitGroup
	t.Cleanup(func() { stop(); programs.Wait() })
	ready := make(chan struct{}, 2)
	for _, role := range []string{nats.Ingress, nats.Normalizer} {
		cfg := r.config(t, dir, role)
		reload := config.NewReloader(config.FromFile(filepath.Join(dir, role+".yaml")), zaplog.NewNop()) // only for its metrics
		m := &described{prometheus.NewRegistry()}
		r.metrics = append(r.metrics, m)
		programs.Go(func() {
			var err error
			if role == nats.Ingress {
				err = ingressd.Run(ctx, cfg, ingressd.Options{Log: zaplog.NewNop(), Metrics: m.Registry, Reload: reload, Started: func(a ingress.Addresses) {
					r.webhook, r.admin = fmt.Sprintf("http://%s/webhooks/pik", a.Public), "http://"+a.Admin
					ready <- struct{}{}
				}})
			} else {
				err = normalizerd.Run(ctx, cfg, normalizerd.Options{Logger: zaplog.NewNop(), Registry: m.Registry, Reload: reload, Started: func(func() error) { ready <- struct{}{} }})
			}
			if err != nil {
				t.Errorf("%s: %v", role, err)
				ready <- struct{}{}
			}
		})
	}
	for range 2 {
		select {
		case <-ready:
		case <-time.After(30 * time.Second):
			t.Fatal("the programs are not ready")
		}
	}
	if r.webhook == "" {
		t.FailNow()
	}
	return r
}

// as is a JetStream context with a role's rights.
func (r *running) as(t *testing.T, role string) natsjs.JetStream {
	t.Helper()
	key, err := natsgo.NkeyOptionFromSeed(r.seeds[role])
	if err != nil {
		t.Fatal(err)
	}
	return r.bus.JetStream(t, key, natsgo.CustomInboxPrefix("_INBOX_"+role))
}

func (r *running) config(t *testing.T, dir, role string) *config.Config {
	t.Helper()
	file := filepath.Join(dir, role+".yaml")
	text := fmt.Sprintf(`
ingress: {listen: 127.0.0.1:0, admin: 127.0.0.1:0}
normalizer: {admin: 127.0.0.1:0}
nats: {url: %q, nkey_seed: {file: %q}}
seal: {keys: [{id: k1, value: %s}]}
sources:
  - {name: pik, provider: pik, secrets: [{id: current, value: %s}]}
`, r.bus.URL, r.seeds[role], sealSecret, webhookSecret)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// send posts a signed webhook and returns the status.
func (r *running) send(t *testing.T, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.webhook, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write([]byte(body))
	request.Header.Set("PIK-Signature", hex.EncodeToString(mac.Sum(nil)))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// until waits for a stream to hold n messages.
func (r *running) until(t *testing.T, stream string, n uint64) {
	t.Helper()
	js := r.as(t, nats.Operator)
	deadline := time.After(30 * time.Second)
	for {
		s, err := js.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if s.CachedInfo().State.Msgs >= n {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s holds %d of %d messages", stream, s.CachedInfo().State.Msgs, n)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// The production processes do all of their work with the rights that they are
// given: store, publish, dead-letter, read a stored event back when its id is met with
// other content, and ask how full the streams are.
func TestProgramsNeedNoOtherRights(t *testing.T) {
	r := run(t)
	const event = `{"event":"payment.confirmed","id":"evt_1","created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":"txn_1","amount":"%s","currency":"USDT"}}`
	for _, body := range []string{fmt.Sprintf(event, "75.00"), "not json", fmt.Sprintf(event, "99.00")} {
		if status := r.send(t, body); status != http.StatusOK {
			t.Fatalf("answered %d", status)
		}
	}
	r.until(t, topology.Webhooks, 3)
	r.until(t, topology.Payments, 1)
	r.until(t, topology.DeadLetters, 2) // malformed_json and id_conflict
	r.eventually(t, "the levels of all streams in the normalizer's metrics", func() bool {
		shown := map[string]int{}
		for _, m := range r.metrics {
			families, err := m.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range families {
				shown[f.GetName()] += len(f.GetMetric())
			}
		}
		return shown["paybridge_stream_max_bytes"] == 3 && shown["paybridge_consumer_pending"] == 1
	})
}
