package tracing_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"paybridge/normalizer/tracing"
	"paybridge/normalizer/tracing/tracingtest"
)

// rig is a way to a collector, and what it says of itself.
type rig struct {
	*tracing.Tracing
	t        *testing.T
	logs     *observer.ObservedLogs
	registry *prometheus.Registry
}

func start(t *testing.T, url, authorization string) *rig {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	r := &rig{t: t, logs: logs, registry: prometheus.NewRegistry()}
	var err error
	if r.Tracing, err = tracing.Start(tracing.Options{URL: url, Authorization: authorization, Version: "v1", Log: zap.New(core), Registry: r.registry}); err != nil {
		t.Fatal(err)
	}
	return r
}

// stop stops within a time, which is not over before.
func (r *rig) stop(within time.Duration) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	r.Stop(ctx)
}

// spans makes n of them.
func (r *rig) spans(n int) {
	for i := range n {
		_, s := r.Tracer().Start(context.Background(), fmt.Sprint("span ", i))
		s.End()
	}
}

// counted is the count of spans with a result.
func (r *rig) counted(result string) int {
	r.t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == "paybridge_spans_total" && m.Label[0].GetValue() == result {
				return int(m.Counter.GetValue())
			}
		}
	}
	r.t.Fatalf("there is no result %s", result)
	return 0
}

// lines are the messages of the log.
func (r *rig) lines() string {
	var all []string
	for _, e := range r.logs.All() {
		all = append(all, e.Message)
	}
	return strings.Join(all, "; ")
}

// Spans arrive with the ids that were asked for, under our name, and Stop sends those
// that wait.
func TestSpansArrive(t *testing.T) {
	collector := tracingtest.Start(t)
	r := start(t, collector.URL+"/v1/traces", "Bearer of a token")
	id, own := trace.TraceID{1, 2}, trace.SpanID{3}
	ctx, root := r.Tracer().Start(tracing.WithIDs(context.Background(), id, own), "root")
	_, child := r.Tracer().Start(tracing.WithIDs(ctx, trace.TraceID{9}, trace.SpanID{4}), "child")
	_, chance := r.Tracer().Start(tracing.WithIDs(ctx, trace.TraceID{}, trace.SpanID{}), "chance")
	chance.End()
	child.End()
	root.End()
	r.stop(10 * time.Second)
	got := collector.Trace(id.String(), 3)
	if got["root"].ID != own.String() || got["root"].Parent != "" || got["child"].Parent != own.String() || got["child"].ID != "0400000000000000" {
		t.Errorf("%v", got)
	}
	if c := got["chance"]; c.Parent != own.String() || c.ID == own.String() || c.ID == "0000000000000000" {
		t.Errorf("%v", c)
	}
	if collector.Service() != tracing.Service || collector.Header().Get("Authorization") != "Bearer of a token" {
		t.Errorf("%s, %v", collector.Service(), collector.Header())
	}
	if r.counted("sent") != 3 || r.lines() != "" {
		t.Errorf("%d sent; %s", r.counted("sent"), r.lines())
	}
}

// What a collector may take later is sent again; what it never takes is not.
func TestWhatIsSentAgain(t *testing.T) {
	for status, again := range map[int]bool{429: true, 502: true, 503: true, 504: true, 400: false, 401: false, 404: false, 500: false, 302: false} {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			if asked.Add(1) == 1 {
				w.WriteHeader(status)
			}
		}))
		r := start(t, server.URL, "")
		r.spans(1)
		r.stop(10 * time.Second)
		server.Close()
		if again && (asked.Load() != 2 || r.counted("sent") != 1 || r.lines() != "") || !again && (asked.Load() != 1 || r.counted("failed") != 1) {
			t.Errorf("%d: asked %d times, %d sent, %d failed; %s", status, asked.Load(), r.counted("sent"), r.counted("failed"), r.lines())
		}
	}
}

// A collector that never answers costs spans: nothing waits for it, what is too much
// is dropped, and the end is in sight.
func TestACollectorThatHangs(t *testing.T) {
	release := make(chan struct{})
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1); <-release }))
	defer server.Close()
	defer close(release)
	r := start(t, server.URL, "")
	const many = 20_000
	began := time.Now()
	r.spans(many)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the spans took %v", took)
	}
	if dropped := r.counted("dropped"); dropped < many/2 || dropped >= many {
		t.Errorf("%d dropped", dropped)
	}
	began = time.Now()
	r.stop(100 * time.Millisecond)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if asked.Load() == 0 || r.counted("sent") != 0 || r.counted("failed")+r.counted("dropped") != many {
		t.Errorf("asked %d times, %d sent, %d failed, %d dropped", asked.Load(), r.counted("sent"), r.counted("failed"), r.counted("dropped"))
	}
	if !strings.Contains(r.lines(), "gave up spans") {
		t.Error(r.lines())
	}
}

// A collector that comes back is told of once, as it was when it went.
func TestACollectorThatComesAndGoes(t *testing.T) {
	var broken atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer server.Close()
	r := start(t, server.URL, "")
	for i, is := range []bool{true, true, false, false} {
		broken.Store(is)
		r.spans(512) // a whole batch leaves at once
		for end := time.After(20 * time.Second); r.counted("sent")+r.counted("failed") < 512*(i+1); {
			select {
			case <-time.After(time.Millisecond):
			case <-end:
				t.Fatal("nothing is sent")
			}
		}
	}
	r.stop(10 * time.Second)
	want := "the collector does not take spans, they are dropped until it does; the collector takes spans again"
	if r.lines() != want || r.counted("failed") != 1024 || r.counted("sent") != 1024 {
		t.Errorf("%s; %d failed, %d sent", r.lines(), r.counted("failed"), r.counted("sent"))
	}
}

// One that is not there costs nothing but spans.
func TestNoCollector(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	r := start(t, server.URL, "")
	r.spans(10)
	r.stop(50 * time.Millisecond)
	if r.counted("failed") != 10 {
		t.Errorf("%d failed; %s", r.counted("failed"), r.lines())
	}
	if _, err := tracing.Start(tracing.Options{URL: server.URL, Registry: r.registry}); err == nil {
		t.Error("the metrics are registered twice")
	}
}
