// Package tracingtest is an OpenTelemetry collector for tests: it takes traces as OTLP
// over HTTP, decodes them, and shows them as they arrived.
package tracingtest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// patience is how long spans may take to arrive: they wait for company.
const patience = 20 * time.Second

// Collector takes spans.
type Collector struct {
	URL string // what a configuration says: without the path of traces

	t       testing.TB
	mu      sync.Mutex
	spans   []Span
	service string
	header  http.Header
}

// Span is one span, in the words of the protocol where they are easy to read.
type Span struct {
	*otlp.Span
	TraceID, ID, Parent string            // hexadecimal; Parent is "" for a root
	Attributes          map[string]string // every value as text
}

// Start starts a collector that ends with the test.
func Start(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{t: t}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// ServeHTTP takes one request.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var data otlp.TracesData
	if err == nil {
		err = proto.Unmarshal(body, &data)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.t.Errorf("no export of traces: %s %s %v: %v", r.Method, r.URL, r.Header, err)
		http.Error(w, "no export of traces", http.StatusBadRequest)
		return
	}
	c.take(r.Header, &data)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *Collector) take(header http.Header, data *otlp.TracesData) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.header = header
	for _, resource := range data.ResourceSpans {
		c.service = attributes(resource.GetResource().GetAttributes())["service.name"]
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, Span{
					s, fmt.Sprintf("%x", s.TraceId), fmt.Sprintf("%x", s.SpanId), fmt.Sprintf("%x", s.ParentSpanId), attributes(s.Attributes),
				})
			}
		}
	}
}

func attributes(all []*common.KeyValue) map[string]string {
	texts := make(map[string]string, len(all))
	for _, a := range all {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			texts[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			texts[a.Key] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_BoolValue:
			texts[a.Key] = fmt.Sprint(v.BoolValue)
		default:
			texts[a.Key] = a.Value.String()
		}
	}
	return texts
}

// Spans are those that have arrived so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Header is that of the last request.
func (c *Collector) Header() http.Header { c.mu.Lock(); defer c.mu.Unlock(); return c.header }

// Service is the name of the service that the last spans are of.
func (c *Collector) Service() string { c.mu.Lock(); defer c.mu.Unlock(); return c.service }

// Trace waits until a trace has n spans, and returns them by name.
func (c *Collector) Trace(id string, n int) map[string]Span {
	c.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		named, count := make(map[string]Span), 0
		for _, s := range c.Spans() {
			if s.TraceID == id {
				named[s.Name] = s
				count++
			}
		}
		if count >= n {
			return named
		}
		select {
		case <-tick.C:
		case <-deadline:
			c.t.Fatalf("trace %s has %d spans of %d: %v", id, count, n, c.Spans())
		}
	}
}
