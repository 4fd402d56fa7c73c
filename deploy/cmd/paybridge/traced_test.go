package main

import (
	"context"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/operate"
	"paybridge/normalizer/tracing/tracingtest"
	"paybridge/schemas/event"
)

// TestTraces follows one webhook with a traceparent and one without through the whole
// bridge: HTTP, the raw stream's header, the event, and the spans at a collector.
func TestTraces(t *testing.T) {
	collector := tracingtest.Start(t)
	s, b := startedWith(t, operate.Folder{Path: t.TempDir()}, stackConfig+"normalizer: {tracing: {otlp: '"+collector.URL+"'}}\n")
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for seed, traceparent := range []string{"00-" + trace + "-" + span + "-01", ""} {
		send, err := b.sender().Prepare("pik", "", "")
		if err != nil {
			t.Fatal(err)
		}
		send.Vary, send.Seed, send.Now = true, uint64(100*seed), time.Now
		if send.Fixture.Header = maps.Clone(send.Fixture.Header); traceparent != "" {
			send.Fixture.Header.Set("Traceparent", traceparent)
		}
		if err := send.Run(t.Context(), func(operate.Sent) {}); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{
		"paybridge_nats_sync_always 1\n", // what only the stack knows
		`paybridge_ingress_key_used_total{key="current",source="pik"} 2`, `paybridge_spans_total{result="dropped"} 0`,
	} {
		if metrics := get(t, "http://"+s.addresses.Admin+"/metrics"); !strings.Contains(metrics, line) {
			t.Errorf("no %q in:\n%s", line, metrics)
		}
	}
	var events []event.Event
	err := b.onBus(t.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
		waitAudited(t, ctx, js, b)
		stream, err := js.Stream(ctx, "PAYMENTS")
		if err != nil {
			return err
		}
		for seq := uint64(1); seq <= 2; seq++ {
			m, err := stream.GetMsg(ctx, seq)
			if err != nil {
				return err
			}
			e, err := event.Decode(m.Header, m.Data)
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil { // which sends the spans
		t.Fatal(err)
	}
	for i, e := range events {
		id, parent := e.Traceparent[3:35], ""
		if i == 0 {
			parent = span
		}
		if (id == trace) != (i == 0) {
			t.Errorf("event %d has %s", i, e.Traceparent)
		}
		spans := collector.Trace(id, 4)
		if got := spans["store webhooks.pik.default"].Parent; got != parent {
			t.Errorf("event %d: the first span is below %q, want %q", i, got, parent)
		}
		if got := spans["publish payments.pik.payin.confirmed"].ID; got == "" || !strings.HasSuffix(e.Traceparent, "-"+got+"-01") {
			t.Errorf("event %d has %s, its span is %q", i, e.Traceparent, got)
		}
	}
	if got := len(collector.Spans()); got != 8 {
		t.Errorf("%d spans", got)
	}
}

// get reads a page of the admin listener.
func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
