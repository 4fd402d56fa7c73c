package deploy_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	topology "paybridge/deploy/jetstream"
	"paybridge/deploy/nats"
	"paybridge/schemas/delivery"
)

// P-06: who has stolen the ingress's key of the bus, and not the seal's, can store
// what he likes, and make no event of it: each is a dead letter that pages.
func TestStolenKeyOfTheIngress(t *testing.T) {
	r := run(t)
	key, err := delivery.NewKey("k1", sealSecret)
	if err != nil {
		t.Fatal(err)
	}
	another, err := delivery.NewKey("k1", "another-secret-of-the-thief")
	if err != nil {
		t.Fatal(err)
	}
	serial := 0
	delivered := func(keys delivery.Keys, receivedAt time.Time) *natsgo.Msg {
		serial++
		d := delivery.Delivery{
			Source: "pik", Provider: "pik", Endpoint: delivery.DefaultEndpoint, ReceivedAt: receivedAt, RequestID: "r", Scheme: "hmac", KeyID: "current",
			Body: fmt.Appendf(nil, `{"event":"payment.confirmed","id":"evt_stolen_%d","created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":"txn_1","amount":"75.00","currency":"USDT"}}`, serial),
		}
		return d.Message(keys)
	}
	now := time.Now().UTC()
	plain := natsgo.NewMsg("webhooks.pik.default")
	plain.Data = []byte("{}")
	tampered := delivered(delivery.Keys{key}, now)
	tampered.Header.Set("Webhook-Source", "pikb")
	other := delivered(delivery.Keys{key}, now)
	other.Data = bytes.Replace(other.Data, []byte("75.00"), []byte("9999.00"), 1)
	moved := delivered(delivery.Keys{key}, now)
	moved.Subject = "webhooks.pik.elsewhere"
	thief := r.as(t, nats.Ingress)
	forgeries := []*natsgo.Msg{plain, delivered(nil, now), delivered(delivery.Keys{another}, now), tampered, other, moved, delivered(delivery.Keys{key}, now.Add(-11*time.Minute))}
	for i, m := range forgeries {
		if ack, err := thief.PublishMsg(t.Context(), m); err != nil || ack.Stream != topology.Webhooks {
			t.Fatalf("forgery %d: %v, %v", i, ack, err)
		}
	}
	genuine := `{"event":"payment.confirmed","id":"evt_genuine","created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":"txn_1","amount":"75.00","currency":"USDT"}}`
	if status := r.send(t, genuine); status != http.StatusOK {
		t.Fatalf("answered %d", status)
	}
	r.until(t, topology.DeadLetters, uint64(len(forgeries)))
	r.until(t, topology.Payments, 1) // the one that came by the door
	letters, err := r.as(t, nats.Operator).Stream(t.Context(), topology.DeadLetters)
	if err != nil {
		t.Fatal(err)
	}
	for sequence := range uint64(len(forgeries)) {
		m, err := letters.GetMsg(t.Context(), sequence+1)
		if err != nil {
			t.Fatal(err)
		}
		if m.Header.Get("Deadletter-Reason") != "unsealed" || !strings.HasSuffix(m.Subject, ".unsealed") {
			t.Errorf("dead letter %d: %s, %s", sequence+1, m.Subject, m.Header.Get("Deadletter-Reason"))
		}
	}
	var scraped float64
	for _, registry := range r.metrics {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "paybridge_deadletters_total" && strings.Contains(m.String(), `value:"unsealed"`) {
					scraped += m.GetCounter().GetValue()
				}
			}
		}
	}
	if scraped != float64(len(forgeries)) {
		t.Errorf("the metric that pages counts %v of %d", scraped, len(forgeries))
	}
	rules, err := os.ReadFile("prometheus/paybridge.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`alert: Unsealed\n +expr: \|\n(?: {10}.*\n)*? {10}.*reason="unsealed".*\n(?: {10}.*\n)* +labels: {severity: page}`).Match(rules) {
		t.Error("no alert pages for what is unsealed")
	}
}

// P-09: a key that is revoked is worth nothing within seconds, and who has it degrades:
// 503 and not ready, alive, and at work again once it is admitted again.
func TestRevokedKey(t *testing.T) {
	r := run(t)
	const body = `{"event":"payment.confirmed","id":"evt_%s","created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":"txn_1","amount":"75.00","currency":"USDT"}}`
	if status := r.send(t, fmt.Sprintf(body, "before")); status != http.StatusOK {
		t.Fatalf("answered %d", status)
	}
	r.until(t, topology.Payments, 1)
	admitted, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	r.admit(t, withoutKey(t, admitted, r.seeds[nats.Ingress]))
	began := time.Now()
	ready := func() bool {
		answer, err := http.Get(r.admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer http.DefaultClient.CloseIdleConnections()
		return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	}
	r.eventually(t, "it is not ready", func() bool { return !ready() })
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("disconnected after %v", took)
	}
	if status := r.send(t, fmt.Sprintf(body, "during")); status != http.StatusServiceUnavailable {
		t.Errorf("answered %d", status)
	}
	// That took as long as it takes to be turned away more than once.
	r.admit(t, admitted)
	r.eventually(t, "stored again", func() bool { return r.send(t, fmt.Sprintf(body, "after")) == http.StatusOK })
	r.eventually(t, "ready again", ready)
	r.until(t, topology.Payments, 2)
}

// admit has the server take over another configuration.
func (r *running) admit(t *testing.T, text []byte) {
	t.Helper()
	if err := os.WriteFile(r.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	r.bus.Reconfigure(t, r.file)
}

// withoutKey is a server's configuration in which another key, which nobody holds, is
// in the place of one.
func withoutKey(t *testing.T, text []byte, seed string) []byte {
	t.Helper()
	stranger, err := nats.Init(nats.Options{Dir: t.TempDir() + "/stranger"})
	if err != nil {
		t.Fatal(err)
	}
	public := func(seed string) []byte {
		option, err := natsgo.NkeyOptionFromSeed(seed)
		if err != nil {
			t.Fatal(err)
		}
		var o natsgo.Options
		if err := option(&o); err != nil {
			t.Fatal(err)
		}
		return []byte(o.Nkey)
	}
	changed := bytes.Replace(text, public(seed), public(stranger.Seeds[nats.Ingress]), 1)
	if slices.Equal(changed, text) {
		t.Fatal("the key is not in the configuration")
	}
	return changed
}

// eventually waits for a condition.
func (r *running) eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
