package normalizerd

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/normalizer"
	"paybridge/normalizer/tracing/tracingtest"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
	"paybridge/schemas/provider"
)

const tracedPIK = "nats: {url: $URL}\nnormalizer: {admin: \"127.0.0.1:0\", tracing: {otlp: \"$OTLP\", sample: $SAMPLE, authorization: {$AUTH}}}\n" +
	"seal: {keys: [{id: k1, env: SEAL}]}\nsources: [{name: shop, provider: pik}]"

// tracedText is that configuration.
func tracedText(collector, sample, authorization string) string {
	return strings.NewReplacer("$OTLP", collector, "$SAMPLE", sample, "$AUTH", authorization).Replace(tracedPIK)
}

// The production normalizer sends the spans of what it consumed before it ends; a
// trace that starts here is recorded as often as the configuration says.
func TestSendsSpans(t *testing.T) {
	server, collector := jetstreamtest.Start(t), tracingtest.Start(t)
	js := server.JetStream(t)
	core, logs := observer.New(zap.InfoLevel)
	cfg := parse(t, tracedText(collector.URL, "0", "env: SEAL"), server.URL)
	_, stop := run(t, cfg, Options{Version: "v1", Logger: zap.New(core)})
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, traceparent := range []string{"00-" + trace + "-00f067aa0ba902b7-01", ""} {
		body := `{"event":"payment.confirmed","id":"evt_` + traceparent + `","created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":"txn_1","amount":"75.00","currency":"USDT","status":"confirmed"}}`
		put(t, js, delivery.Delivery{Source: "shop", Provider: "pik", Endpoint: delivery.DefaultEndpoint, Scheme: "hmac", Traceparent: traceparent, Body: []byte(body)})
	}
	for i, flags := range []string{"-01", "-00"} {
		m := takeAt(t, js, "PAYMENTS", uint64(i+1))
		e, err := event.Decode(m.Header, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if continued := strings.HasPrefix(e.Traceparent, "00-"+trace); continued != (i == 0) || !strings.HasSuffix(e.Traceparent, flags) {
			t.Errorf("event %d has %s", i, e.Traceparent)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	collector.Trace(trace, 4)
	if got := len(collector.Spans()); got != 4 {
		t.Errorf("%d spans", got)
	}
	if got := collector.Header().Get("Authorization"); got != sealKey {
		t.Errorf("authorization %q", got)
	}
	if logs.FilterMessage("tracing").Len() != 1 {
		t.Error("nothing says that spans are sent")
	}
	for _, line := range logs.All() {
		for name, value := range line.ContextMap() {
			if text, _ := value.(string); strings.Contains(text, sealKey) {
				t.Errorf("%s: %s is the authorization", line.Message, name)
			}
		}
	}
}

// A header that has no value is refused before anything is consumed.
func TestRefusesToTraceWithoutItsSecret(t *testing.T) {
	server := jetstreamtest.Start(t)
	err := Run(t.Context(), parse(t, tracedText("http://127.0.0.1:1", "1", "env: NOT_SET"), server.URL), Options{Logger: zap.NewNop()})
	if !Refused(err) || !strings.Contains(err.Error(), "paybridge.yaml:2: normalizer.tracing.authorization: the secret has no value: env NOT_SET is not there") {
		t.Errorf("%v", err)
	}
}

// What a reload compiles says of traces what the running tracing does, whatever the
// new file says: that needs a restart.
func TestReloadKeepsTheTracing(t *testing.T) {
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	before := parse(t, tracedText("http://127.0.0.1:1", "0", "env: SEAL"), "nats://x")
	options, err := translate(before, library)
	if err != nil {
		t.Fatal(err)
	}
	n, err := normalizer.New(normalizer.Options{Conn: &nats.Conn{}, Seals: options.Seals, Programs: options.Programs})
	if err != nil {
		t.Fatal(err)
	}
	l := follow(n, options.Programs, library, before.Normalizer.Tracing)
	prepared, err := l.part().Prepare(parse(t, head+"sources: [{name: shop, provider: pik}]", "nats://x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := prepared.Commit(); err != nil {
		t.Fatal(err)
	}
	d := &delivery.Delivery{Source: "shop", Provider: "pik", Endpoint: delivery.DefaultEndpoint, ReceivedAt: time.Unix(1_700_000_000, 0), Body: []byte(`{"event":"payment.confirmed","id":"evt_1","created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":"txn_1","amount":"75.00","currency":"USDT","status":"confirmed"}}`)}
	m := l.programs[normalizer.Pack{Source: "shop", Provider: "pik"}]
	doc, dead := m.Decode(d)
	if dead != nil {
		t.Fatal(dead)
	}
	if got := m.Map(d, doc, 1)[0].Event.Traceparent; !strings.HasSuffix(got, "-00") {
		t.Errorf("nothing is recorded here, and the event has %s", got)
	}
}
