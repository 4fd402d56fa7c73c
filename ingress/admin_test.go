package ingress

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func newReader(c net.Conn) *bufio.Reader { return bufio.NewReader(c) }

// fetch asks the admin listener, accepting what it likes to answer unless accept says
// otherwise.
func fetch(t *testing.T, d *door, method, path string, accept ...string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+d.addresses.Admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	r.Header["Accept"] = accept
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

func scrape(t *testing.T, d *door) string {
	t.Helper()
	status, body, _ := fetch(t, d, "GET", "/metrics")
	if status != 200 {
		t.Fatalf("metrics answered %d", status)
	}
	return body
}

func TestAdmin(t *testing.T) {
	d := open(t, func(o *Options) {
		o.Schemas = func(path string) ([]byte, bool) {
			return []byte(`{}`), path == "pik/payment.confirmed/1.json"
		}
	})
	d.raw(webhook("x"))
	for _, c := range []struct {
		method, path string
		status       int
		says, kind   string
	}{
		{"GET", "/livez", 200, `"process":"ok"`, "application/json"},
		{"HEAD", "/livez", 200, "", "application/json"},
		{"GET", "/readyz", 200, `{"ingress":"ok","store":"ok"}`, "application/json"},
		{"GET", "/metrics", 200, `paybridge_ingress_requests_total{code="200",endpoint="default",source="pik"} 1`, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
		{"GET", "/schemas/pik/payment.confirmed/1.json", 200, "{}", "application/schema+json"},
		{"GET", "/schemas/pik/other/1.json", 404, "Not Found", problemType},
		{"GET", "/schemas/", 404, "Not Found", problemType},
		{"GET", "/", 404, "Not Found", problemType},
		{"GET", "/livez/", 404, "Not Found", problemType},
		{"GET", "/webhooks/pik", 404, "Not Found", problemType},
		{"POST", "/webhooks/pik", 404, "Not Found", problemType},
		{"POST", "/livez", 405, "Method Not Allowed", problemType},
	} {
		status, body, header := fetch(t, d, c.method, c.path)
		if status != c.status || !strings.Contains(body, c.says) || header.Get("Content-Type") != c.kind {
			t.Errorf("%s %s: %d %q %v", c.method, c.path, status, body, header)
		}
		if c.status == 405 && header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow: %q", c.method, c.path, header.Get("Allow"))
		}
	}
}

// TestReady takes away one condition of readiness after the other.
func TestReady(t *testing.T) {
	var broken error
	d := open(t, func(o *Options) {
		o.Ready = []Check{{"normalizer", func() error { return broken }}}
	})
	isReady := func() bool {
		status, _, _ := fetch(t, d, "GET", "/readyz")
		return status == 200
	}
	if !isReady() {
		t.Fatal("not ready")
	}
	broken = errors.New("the consume loop has stopped")
	if status, body, _ := fetch(t, d, "GET", "/readyz"); status != 503 || !strings.Contains(body, `"normalizer":"the consume loop has stopped"`) {
		t.Errorf("%d %s", status, body)
	}
	broken = nil
	d.nats.Stop(t)
	eventually(t, "not ready without NATS", func() bool { return !isReady() })
	d.nats.Restart(t)
	eventually(t, "ready again", isReady)
	eventually(t, "the test reconnected", func() bool { return d.js.Conn().Stats().Reconnects > 0 && d.js.Conn().IsConnected() })
	if err := d.js.DeleteStream(t.Context(), rawStream); err != nil {
		t.Fatal(err)
	}
	eventually(t, "not ready without the stream", func() bool { return !isReady() })
	if status, _, _ := fetch(t, d, "GET", "/livez"); status != 200 {
		t.Errorf("livez: %d", status)
	}
}

// TestExemplar has the latency of a traced request name its trace, in the format that
// can, and no request that nobody records.
func TestExemplar(t *testing.T) {
	d := open(t)
	for i, flags := range []string{"01", "00"} {
		d.raw(webhook("hello", "Traceparent: 00-"+strings.Repeat(string("ab"[i]), 32)+"-b7ad6b7169203331-"+flags))
	}
	_, body, _ := fetch(t, d, "GET", "/metrics", "application/openmetrics-text; version=1.0.0")
	named := `# {trace_id="` + strings.Repeat("a", 32) + `"}`
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "paybridge_ingress_request_seconds_bucket") && strings.Contains(line, named) {
			named = ""
			break
		}
	}
	if named != "" || strings.Contains(body, strings.Repeat("b", 32)) {
		t.Errorf("not the one trace that is recorded:\n%s", body)
	}
	if text := `paybridge_ingress_key_used_total{key="current",source="pik"} 2`; !strings.Contains(scrape(t, d), text) {
		t.Errorf("not in the metrics: %s", text)
	}
}
