package ingress

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func newReader(c net.Conn) *bufio.Reader { return bufio.NewReader(c) }

// fetch asks the admin listener.
func fetch(t *testing.T, d *door, method, path string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+d.addresses.Admin+path, nil)
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
	if err := d.js.DeleteStream(t.Context(), rawStream); err != nil {
		t.Fatal(err)
	}
	eventually(t, "not ready without the stream", func() bool { return !isReady() })
	if status, _, _ := fetch(t, d, "GET", "/livez"); status != 200 {
		t.Errorf("livez: %d", status)
	}
}

// TestHealth walks through the signs of life with a clock of its own.
func TestHealth(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	connected, asked, answer := true, 0, error(nil)
	h := &health{
		connected: func() bool { return connected },
		ask:       func(context.Context) error { asked++; return answer },
		now:       func() time.Time { return now },
	}
	step := func(what string, after time.Duration, ready bool, asks int) {
		t.Helper()
		now, asked = now.Add(after), 0
		if err := h.check(t.Context()); (err == nil) != ready || asked != asks {
			t.Errorf("%s: %v, asked %d times", what, err, asked)
		}
	}
	step("at the start", 0, true, 1)
	step("again at once", 0, true, 0)
	answer = errors.New("no")
	step("a second later", askAgain, false, 1)
	h.saw(true)
	step("an acknowledgement is enough", 0, true, 0)
	step("for ten seconds", ackFreshness, false, 1)
	h.saw(true)
	now = now.Add(time.Millisecond)
	h.saw(false)
	step("a failure since", 0, false, 0)
	answer = nil
	step("until it is old", ackFreshness, true, 1)
	connected = false
	step("disconnected", 0, false, 0)
}
