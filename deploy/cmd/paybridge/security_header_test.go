package main

import (
	"bytes"
	"strings"
	"testing"

	natsjs "github.com/nats-io/nats.go/jetstream"
)

// TestSecurityBusHeaders sends HTTP headers that mean something to NATS (S-45 to
// S-51): the delivery is stored as any other, under our own id, and none of them is
// on it. None of them does anything either: see checkClean for subjects, and the
// order of the stream below for the rest.
func TestSecurityBusHeaders(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	var stored []string
	for _, lines := range [][]string{
		{"Nats-Msg-Id: x"},
		{"Nats-Expected-Stream: PAYMENTS"},
		{"Nats-Expected-Last-Sequence: 0"},
		{"Nats-Expected-Last-Msg-Id: none"},
		{"Nats-Expected-Last-Subject-Sequence: 0"},
		{"Nats-Expected-Last-Subject-Sequence: 9", "Nats-Expected-Last-Subject-Sequence-Subject: payments.>"},
		{"Nats-Rollup: all"},
		{"Nats-Rollup: sub"},
		{"Nats-TTL: 1s"},
		{"Nats-TTL: never"},
		{"Nats-Marker-Reason: MaxAge"},
		{"Nats-Trace-Only: true", "Nats-Trace-Dest: evt.x"},
		{"Nats-Trace-Dest: payments.pik.payin.confirmed.x"},
		{"Nats-Trace-Hop: 1"},
		{"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Accept-Encoding: snappy"},
		{"Nats-Schedule: @every 1s", "Nats-Schedule-Target: payments.pik.payin.confirmed.x", "Nats-Schedule-TTL: 1m"},
		{"Nats-Batch-Id: b", "Nats-Batch-Sequence: 1"},
		{"Nats-Batch-Id: b", "Nats-Batch-Sequence: 1", "Nats-Batch-Commit: 1"},
		{"Nats-Incr: +1"},
		{"Nats-Stream-Source: PAYMENTS 1 > >"},
		{"KV-Operation: PURGE"},
		{"Nats-Required-Api-Level: 999"},
		{"Nats-Pin-Id: x"},
		{"Nats-Subject: payments.x"},
		{"Nats-Sequence: 1"},
		{"Nats-Request-Info: {}"},
		{"Nats-Service-Error: x", "Nats-Service-Error-Code: 400"},
		{"Nats-Consumer-Stalled: $JS.FC.x"},
		{"Nats-Last-Consumer: 1", "Nats-Last-Stream: 1"},
		{"Status: 409", "Description: consumer deleted"},
		{"Status: 503"},
		{"Status: 100"},
		{"Status: 404", "Nats-Pending-Messages: 0"},
		// And those that the bridge itself writes.
		{"Webhook-Seal: v1;k1;AAAA"},
		{"Webhook-Source: stripe", "Webhook-Provider: stripe", "Webhook-Endpoint: x"},
		{"Webhook-Received-At: 1970-01-01T00:00:00Z"},
		{"Webhook-Header-Pik-Signature: x"},
		{"Webhook-Key-Id: x"},
		{"Deadletter-Reason: ignored"},
		{"ce-id: x", "ce-source: urn:evil", "ce-specversion: 1.0"},
	} {
		t.Run(lines[0], func(t *testing.T) {
			body := payment("bus-" + sha("", strings.Join(lines, ""))[:12])
			m := s.accepted(t, toPIK(body, lines...), body)
			stored = append(stored, body)
			for _, line := range lines {
				name, value, _ := strings.Cut(line, ": ")
				if got := m.Header.Get(name); got == value {
					t.Errorf("stored under %s: %s", name, value)
				}
			}
			if id := m.Header.Get("Nats-Msg-Id"); len(id) != 22 || m.Header.Get("Webhook-Source") != "pik" || len(m.Header["Webhook-Seal"]) != 1 {
				t.Errorf("stored %v", m.Header)
			}
			if trace := m.Header.Get("Webhook-Traceparent"); (trace != "") != strings.HasPrefix(lines[0], "traceparent") {
				t.Errorf("trace %q", trace)
			}
		})
	}
	t.Run("a status with no body", func(t *testing.T) { // S-50
		s.refused(t, toPIK("", "Status: 400"), 400)
		s.refused(t, toPIK("", "Status: 409", "Description: consumer deleted"), 400)
		s.refused(t, with("POST /webhooks/pik HTTP/1.1", "Status: 409", pik("")), 400)
		s.refused(t, with("POST /webhooks/pik HTTP/1.1", "Transfer-Encoding: chunked", pik(""))+"0\r\n\r\n", 400)
	})
	for _, body := range []string{"x", " ", "\n", "\x00", "\r\n", "\t \r\n", "-ERR", "+OK\r\n", "PUB payments.x 0\r\n\r\n", "MSG x 1 0\r\n\r\n", "NATS/1.0 409 Consumer Deleted\r\n\r\n"} {
		m := s.accepted(t, toPIK(body, "Status: 409", "Description: consumer deleted"), body) // S-51, S-61
		if m.Header.Get("Status") != "" || m.Header.Get("Description") != "" {
			t.Errorf("stored %v", m.Header)
		}
		stored = append(stored, body)
	}
	s.settled()
	for i, m := range s.all("WEBHOOKS") {
		if !bytes.Equal(m.Data(), []byte(stored[i])) {
			t.Errorf("%d is %.100q, was %.100q: something took or changed it", i+1, m.Data(), stored[i])
		}
	}
	if events, dead := s.last("PAYMENTS"), s.last("DEADLETTERS"); events+dead != uint64(len(stored)) || dead != 11 {
		t.Errorf("%d events and %d dead letters of %d deliveries", events, dead, len(stored))
	}
	for _, stream := range []string{"WEBHOOKS", "PAYMENTS", "DEADLETTERS"} {
		info, err := s.js.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if c := info.CachedInfo().Config; c.AllowRollup || c.AllowMsgTTL || c.AllowMsgSchedules || c.AllowMsgCounter || c.Retention != natsjs.LimitsPolicy {
			t.Errorf("%s would obey such a header: %+v", stream, c)
		}
	}
}

// TestSecurityPeer has headers that say who the client is (S-84, S-85): nobody
// believes them, whatever they say.
func TestSecurityPeer(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	claims := []string{
		"X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9;proto=https", "X-Real-IP: 203.0.113.9", "True-Client-IP: 203.0.113.9", "CF-Connecting-IP: 203.0.113.9",
		"X-SSL-Client-Verify: SUCCESS", "X-Forwarded-Client-Cert: Subject=\"CN=pik\"", "X-Forwarded-Host: evil.example", "X-Original-URL: /webhooks/picpay", "X-Rewrite-URL: /metrics",
		"X-Forwarded-Prefix: /x", "X-Authenticated: true", "X-Remote-User: pik",
	}
	body := payment("peer")
	s.refused(t, post("/webhooks/pik", body, claims...), 401)
	s.refused(t, post("/webhooks/picpay", body, claims...), 401)
	s.refused(t, post("/webhooks/evil", body, append(claims, pik(body))...), 404)
	s.accepted(t, toPIK(body, claims...), body)
	for _, line := range []string{"PROXY TCP4 203.0.113.9 203.0.113.1 1 80\r\n", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"} {
		s.refused(t, line+toPIK(payment("proxied")), 400, 0)
	}
	log := s.errs.String()
	if strings.Contains(log, "203.0.113") || !strings.Contains(log, `"client_ip":"127.0.0.1"`) {
		t.Errorf("the log names another client:\n%s", log)
	}
}
