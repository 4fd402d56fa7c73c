package normalizer

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestAdmin(t *testing.T) {
	r := newRig(t)
	n := r.newNormalizer(r.options(words{}))
	admin := n.Admin(n.Registry.(*prometheus.Registry), func(path string) ([]byte, bool) {
		return []byte(`{"title":"words"}`), path == "words/payment.confirmed/1.json"
	})
	ask := func(method, path string) (int, string, http.Header) {
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		body, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return w.Code, string(body), w.Header()
	}
	if code, body, _ := ask("GET", "/readyz"); code != 503 || body != `{"normalizer":"starting"}`+"\n" {
		t.Errorf("readyz before: %d %s", code, body)
	}
	stop := r.runOn(n, func(b bus) bus { return b })
	r.eventually("ready", func() bool { return n.Ready() == nil })
	r.put("e1 p1")
	r.settled()

	for _, test := range []struct {
		method, path string
		code         int
		body         string
		contentType  string
	}{
		{"GET", "/livez", 200, `{"process":"ok"}`, "application/json"},
		{"GET", "/readyz", 200, `{"normalizer":"ok"}`, "application/json"},
		{"GET", "/metrics", 200, `paybridge_normalize_total{result="ok",source="shop"} 1`, "text/plain"},
		{"GET", "/metrics", 200, `paybridge_events_total{kind="payin",source="shop",state="confirmed"} 1`, "text/plain"},
		{"GET", "/metrics", 200, "paybridge_consume_loop_up 1", "text/plain"},
		{"GET", "/metrics", 200, "paybridge_event_e2e_seconds_count 1", "text/plain"},
		{"GET", "/schemas/words/payment.confirmed/1.json", 200, `{"title":"words"}`, "application/schema+json"},
		{"GET", "/schemas/words/other/1.json", 404, "", ""},
		{"GET", "/", 404, "", ""},
		{"GET", "/debug/pprof/", 404, "", ""},
		{"POST", "/readyz", 405, "", ""},
	} {
		code, body, header := ask(test.method, test.path)
		if code != test.code || !strings.Contains(body, test.body) || !strings.HasPrefix(header.Get("Content-Type"), test.contentType) {
			t.Errorf("%s %s: %d %s %s", test.method, test.path, code, header.Get("Content-Type"), body)
		}
	}

	stop()
	if code, body, _ := ask("GET", "/readyz"); code != 503 || !strings.Contains(body, "stopping") {
		t.Errorf("readyz after: %d %s", code, body)
	}
	if _, body, _ := ask("GET", "/metrics"); !strings.Contains(body, "paybridge_consume_loop_up 0") {
		t.Error("the consume loop is up after it has stopped")
	}
}

// Who may store anything on the raw stream chooses no label.
func TestLabelsAreClosed(t *testing.T) {
	r := newRig(t)
	n, _ := r.start(r.options(words{}))
	for _, source := range []string{"shop", "s1", "s2", "s3"} {
		r.publish(r.delivery(source, "e1 p1").Message(nil))
	}
	r.settled()
	if known, unknown := r.value(n, "paybridge_deadletters_total", "shop"), r.value(n, "paybridge_deadletters_total", "unknown"); known != 1 || unknown != 3 {
		t.Errorf("shop %v, unknown %v", known, unknown)
	}
}
