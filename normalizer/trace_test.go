package normalizer

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"paybridge/normalizer/mapping"
	"paybridge/normalizer/tracing"
	"paybridge/normalizer/tracing/tracingtest"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

const (
	requestTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	requestSpan  = "00f067aa0ba902b7"
	payer        = "529.982.247-25" // personal: it may be in no span
)

// pikOptions are those of a normalizer of the pack pik.
func (r *rig) pikOptions(settings mapping.Settings) Options {
	r.t.Helper()
	library, err := provider.BuiltIn()
	if err != nil {
		r.t.Fatal(err)
	}
	half, err := library.Events("pik")
	if err != nil {
		r.t.Fatal(err)
	}
	program, err := mapping.Compile(half, settings)
	if err != nil {
		r.t.Fatal(err)
	}
	o := r.options(nil)
	o.Programs = Programs{{Source: "shop", Provider: "pik"}: program}
	return o
}

// trace has the options' normalizer send its spans to a URL; the spans have arrived
// when the function that it returns has.
func (r *rig) trace(o *Options, url string) (flush func()) {
	r.t.Helper()
	sends, err := tracing.Start(tracing.Options{URL: url + "/v1/traces", Log: r.log, Registry: o.Registry})
	if err != nil {
		r.t.Fatal(err)
	}
	o.Tracer = sends.Tracer()
	stop := func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		sends.Stop(ctx)
	}
	done := false
	r.t.Cleanup(func() {
		if !done {
			stop()
		}
	})
	return func() { done = true; stop() }
}

// pay stores a delivery of pik with a traceparent; "" for none.
func (r *rig) pay(id, traceparent string) {
	r.t.Helper()
	d := r.delivery("shop", fmt.Sprintf(`{"event":"payment.confirmed","id":%q,"created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":"txn_1","amount":"75.00","currency":"USDT","status":"confirmed","payer":%q}}`, id, payer))
	d.Provider, d.Traceparent = "pik", traceparent
	r.publish(d.Message(r.keys))
}

// The spans of one delivery are one tree below the request's span, and the event
// continues the span of its publication.
func TestSpansOfADelivery(t *testing.T) {
	r, collector := newRig(t), tracingtest.Start(t)
	o := r.pikOptions(mapping.Settings{})
	flush := r.trace(&o, collector.URL)
	n, stop := r.start(o)
	r.pay("evt_1", "00-"+requestTrace+"-"+requestSpan+"-01")
	r.settled()
	r.exemplar(n, requestTrace)
	r.pay("evt_2", "")
	r.settled()
	stop()
	flush()
	for i, e := range r.events() {
		id, parent := requestTrace, requestSpan
		if i == 1 {
			id, parent = e.Traceparent[3:35], ""
		}
		spans := collector.Trace(id, 4)
		stored, processed, mapped, published := spans["store webhooks.shop.default"], spans["process webhooks.shop.default"], spans["map"], spans["publish payments.shop.payin.confirmed"]
		if e.Traceparent != "00-"+id+"-"+published.ID+"-01" {
			t.Errorf("the event has %s, the span of its publication is %s of %s", e.Traceparent, published.ID, id)
		}
		if stored.Parent != parent || processed.Parent != stored.ID || mapped.Parent != processed.ID || published.Parent != processed.ID {
			t.Errorf("no tree below %q: %v", parent, spans)
		}
		if stored.Kind != otlp.Span_SPAN_KIND_PRODUCER || processed.Kind != otlp.Span_SPAN_KIND_CONSUMER || published.Kind != otlp.Span_SPAN_KIND_PRODUCER || mapped.Kind != otlp.Span_SPAN_KIND_INTERNAL {
			t.Errorf("kinds: %v", spans)
		}
		for name, s := range spans {
			if s.EndTimeUnixNano < s.StartTimeUnixNano || s.StartTimeUnixNano == 0 {
				t.Errorf("%s lasts from %d to %d", name, s.StartTimeUnixNano, s.EndTimeUnixNano)
			}
		}
		if mapped.StartTimeUnixNano < processed.StartTimeUnixNano || published.StartTimeUnixNano < mapped.EndTimeUnixNano || processed.EndTimeUnixNano < published.EndTimeUnixNano {
			t.Errorf("not in order: %v", spans)
		}
	}
	if got := collector.Service(); got != tracing.Service {
		t.Errorf("service %s", got)
	}
	r.closed(collector)
}

// exemplar checks that a bucket of the latency names a trace, in the format that can.
func (r *rig) exemplar(n *Normalizer, trace string) {
	r.t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", "application/openmetrics-text")
	response := httptest.NewRecorder()
	n.Admin(n.Registry.(prometheus.Gatherer), nil).ServeHTTP(response, request)
	for line := range strings.Lines(response.Body.String()) {
		if strings.HasPrefix(line, "paybridge_event_e2e_seconds_bucket") && strings.Contains(line, `# {trace_id="`+trace+`"}`) {
			return
		}
	}
	r.t.Errorf("no bucket names the trace:\n%s", response.Body)
}

// closedAttributes is every attribute that a span may have.
var closedAttributes = []string{
	"messaging.consumer.group.name", "messaging.destination.name", "messaging.destination.template", "messaging.message.body.size",
	"messaging.message.id", "messaging.operation.name", "messaging.operation.type", "messaging.system",
	"paybridge.attempts", "paybridge.events", "paybridge.item", "paybridge.key_id", "paybridge.kind", "paybridge.num_delivered",
	"paybridge.provider", "paybridge.raw_seq", "paybridge.reason", "paybridge.request_id", "paybridge.result",
	"paybridge.scheme", "paybridge.sequence", "paybridge.source", "paybridge.spans_left_out", "paybridge.state",
}

// closed checks that spans say nothing but what is in that list, and nothing of a body.
func (r *rig) closed(collector *tracingtest.Collector) {
	r.t.Helper()
	for _, s := range collector.Spans() {
		for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
			if !slices.Contains(closedAttributes, name) {
				r.t.Errorf("%s has %s", s.Name, name)
			}
		}
		for _, secret := range []string{payer, "txn_1", "evt_", "sneaky"} {
			if text := s.Span.String(); strings.Contains(text, secret) {
				r.t.Errorf("%s says %q: %s", s.Name, secret, text)
			}
		}
	}
}

// Every other end of a delivery: what it is called, and whether it is an error.
func TestSpansOfOtherEnds(t *testing.T) {
	r, collector := newRig(t), tracingtest.Start(t)
	o := r.options(words{})
	flush := r.trace(&o, collector.URL)
	_, stop := r.start(o)
	traced := func(body string) string {
		d := r.delivery("shop", body)
		id := fmt.Sprintf("%032x", r.serial)
		d.Traceparent = "00-" + id + "-" + requestSpan + "-01"
		r.publish(d.Message(r.keys))
		return id
	}
	first, again, other := traced("sneaky1 p"), traced("sneaky1 p"), traced("sneaky1 q")
	broken, ignored := traced("{"), traced("dead ignored")
	batch := traced(strings.TrimSpace(strings.Repeat("dead mapping_failed\n", mostPublished+5)))
	forged := r.delivery("shop", "sneaky p").Message(r.keys)
	forged.Header.Set(delivery.TraceparentHeader, "00-"+requestTrace+"-"+requestSpan+"-01")
	r.publish(forged)
	r.settled()
	stop()
	flush()
	for id, want := range map[string]struct{ result, reason, publishes, fate string }{
		first:   {"ok", "", "publish payments.shop.payin.confirmed", "stored"},
		again:   {"duplicate", "", "publish payments.shop.payin.confirmed", "duplicate"},
		other:   {"deadletter", "id_conflict", "publish deadletters.shop.id_conflict", "stored"},
		broken:  {"deadletter", "malformed_json", "publish deadletters.shop.malformed_json", "stored"},
		ignored: {"ignored", "ignored", "publish deadletters.shop.ignored", "stored"},
		batch:   {"deadletter", "mapping_failed", "publish deadletters.shop.mapping_failed", "stored"},
	} {
		spans := collector.Trace(id, 3)
		processed, published := spans["process webhooks.shop.default"], spans[want.publishes]
		if processed.Attributes["paybridge.result"] != want.result || processed.Attributes["paybridge.reason"] != want.reason || published.Attributes["paybridge.result"] != want.fate {
			t.Errorf("%+v: %v", want, spans)
		}
		if failed := processed.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR; failed != (want.result == "deadletter") {
			t.Errorf("%+v: %v", want, processed.Status)
		}
	}
	if p := collector.Trace(other, 4)["publish payments.shop.payin.confirmed"]; p.Attributes["paybridge.result"] != "buried" {
		t.Errorf("%v", p)
	}
	if left := collector.Trace(batch, mostPublished)["process webhooks.shop.default"].Attributes["paybridge.spans_left_out"]; left != "5" {
		t.Errorf("%s spans are left out", left)
	}
	// What no ingress has sealed continues nobody's trace.
	for _, s := range collector.Spans() {
		if s.TraceID == requestTrace {
			t.Errorf("a forged trace is continued: %v", s)
		}
	}
	if !slices.ContainsFunc(collector.Spans(), func(s tracingtest.Span) bool {
		return s.Name == "process webhooks.shop" && s.Parent == "" && s.Attributes["paybridge.reason"] == "unsealed" && s.Attributes["messaging.message.id"] == ""
	}) {
		t.Error("the forged delivery has no span")
	}
	r.closed(collector)
}

// A delivery that nobody records has no span, and its event says so.
func TestSampling(t *testing.T) {
	r, collector := newRig(t), tracingtest.Start(t)
	o := r.pikOptions(mapping.Settings{Unsampled: 1})
	flush := r.trace(&o, collector.URL)
	_, stop := r.start(o)
	r.pay("evt_1", "00-"+requestTrace+"-"+requestSpan+"-00")
	r.pay("evt_2", "")
	r.pay("evt_3", "00-"+strings.Repeat("1", 32)+"-"+requestSpan+"-01")
	r.settled()
	stop()
	flush()
	for i, e := range r.events() {
		if sampled := strings.HasSuffix(e.Traceparent, "-01"); sampled != (i == 2) {
			t.Errorf("event %d has %s", i, e.Traceparent)
		}
	}
	for _, s := range collector.Spans() {
		if s.TraceID != strings.Repeat("1", 32) {
			t.Errorf("nobody records %v", s)
		}
	}
	if len(collector.Spans()) != 4 {
		t.Errorf("%d spans", len(collector.Spans()))
	}
}

// A collector that hangs holds no payment up.
func TestPaymentsComeFirst(t *testing.T) {
	r := newRig(t)
	release := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hangs.Close()
	defer close(release)
	o := r.pikOptions(mapping.Settings{})
	sends, err := tracing.Start(tracing.Options{URL: hangs.URL, Log: r.log})
	if err != nil {
		t.Fatal(err)
	}
	o.Tracer = sends.Tracer()
	_, stop := r.start(o)
	for i := range 200 {
		r.pay(fmt.Sprint("evt_", i), "")
	}
	r.settled()
	if got := len(r.events()); got != 200 {
		t.Errorf("%d events", got)
	}
	stop()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	sends.Stop(ctx)
}

// The receipt of a delivery names its trace, whether anybody records it or not.
func TestReceiptsNameTheTrace(t *testing.T) {
	r := newRig(t)
	_, stop := r.start(r.pikOptions(mapping.Settings{}))
	r.pay("evt_1", "00-"+requestTrace+"-"+requestSpan+"-00")
	r.pay("evt_2", "")
	d := r.delivery("shop", "{")
	d.Provider, d.Traceparent = "pik", "00-"+requestTrace+"-"+requestSpan+"-01"
	r.publish(d.Message(r.keys))
	r.settled()
	stop()
	want := []any{requestTrace, r.events()[1].Traceparent[3:35]}
	for i, line := range r.logs.FilterMessage("normalized").All() {
		if got := line.ContextMap()["trace_id"]; got != want[i] {
			t.Errorf("receipt %d names %v, want %v", i, got, want[i])
		}
	}
	if got := r.logs.FilterMessage("dead letter").All()[0].ContextMap()["trace_id"]; got != requestTrace {
		t.Errorf("the dead letter's names %v", got)
	}
}
