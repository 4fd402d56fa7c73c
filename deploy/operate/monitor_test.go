package operate

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestDoctorAsksTheServer asks the monitoring port of real servers how they sync.
func TestDoctorAsksTheServer(t *testing.T) {
	for _, test := range []struct {
		always  bool
		verdict Verdict
		found   string
	}{
		{true, Good, "fsync before every acknowledgement"},
		{false, Warn, "within 1m0s"},
	} {
		bus := jetstreamtest.Start(t, jetstreamtest.Bare(), jetstreamtest.Options(func(o *server.Options) {
			o.HTTPHost, o.HTTPPort, o.SyncAlways = "127.0.0.1", server.RANDOM_PORT, test.always
		}))
		d := Doctor{Monitor: bus.Monitor() + "/"}
		findings := d.Monitored(t.Context())
		if f := found(t, findings, syncCheck); f.Verdict != test.verdict || !strings.Contains(f.Found, test.found) || (f.Do == "") != test.always {
			t.Errorf("always %t: %+v", test.always, f)
		}
		if f := found(t, findings, healthCheck); f.Verdict != Good {
			t.Errorf("%+v", f)
		}
		bus.Stop(t)
		for _, f := range d.Monitored(t.Context()) {
			if f.Verdict != Bad || !strings.Contains(f.Found, "monitoring port: ") {
				t.Errorf("of a server that is gone: %+v", f)
			}
		}
	}
}

// TestDoctorOfAServerThatIsIll has a server say that it is not well, and something else
// that is no server answer at all.
func TestDoctorOfAServerThatIsIll(t *testing.T) {
	ill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			http.Error(w, `{"status":"unavailable","error":"JetStream stream 'BRIDGE > WEBHOOKS' write error"}`, http.StatusServiceUnavailable)
		}
	}))
	defer ill.Close()
	findings := Doctor{Monitor: ill.URL}.Monitored(t.Context())
	if f := found(t, findings, healthCheck); f.Verdict != Bad || !strings.Contains(f.Found, "write error") || f.Do == "" {
		t.Errorf("%+v", f)
	}
	if f := found(t, findings, syncCheck); f.Verdict != Bad || !strings.Contains(f.Found, "says nothing of JetStream") || f.Do == "" {
		t.Errorf("%+v", f)
	}
	if f := (Doctor{Monitor: ill.URL, Embedded: true}).Monitored(t.Context()); f != nil {
		t.Errorf("an embedded server is asked: %+v", f)
	}
}
