package ingress

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"paybridge/ingress/auth"
)

// lines are the log lines with a message.
func (l *logBuffer) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(l.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q is not a line of JSON: %v", line, err)
		}
		if len(line) > 2<<10 && fields["stack"] == nil {
			t.Errorf("a line of %d bytes", len(line))
		}
		if fields["msg"] == message {
			found = append(found, fields)
		}
	}
	return found
}

func TestReceipt(t *testing.T) {
	d := open(t)
	d.raw(webhook("hello", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
	// It is written when the answer is on its way.
	eventually(t, "the receipt", func() bool { return len(d.log.lines(t, "webhook stored")) > 0 })
	lines := d.log.lines(t, "webhook stored")
	if len(lines) != 1 {
		t.Fatalf("%d receipts", len(lines))
	}
	for field, want := range map[string]any{
		"level": "info", "source": "pik", "provider": "pik", "endpoint": "default", "http_code": 200.0, "result": "stored",
		"raw_stream": "WEBHOOKS", "raw_seq": 1.0, "duplicate": false, "attempt": 1.0, "kid": "current", "client_ip": "127.0.0.1",
		"body_bytes": 5.0, "body_sha256": "2cf24dba5fb0a30e", "trace_id": "0af7651916cd43dd8448eb211c80319c",
		"msg_id": d.last().Header.Get("Nats-Msg-Id"), "request_id": d.last().Header.Get("Webhook-Request-Id"),
	} {
		if lines[0][field] != want {
			t.Errorf("%s is %v, want %v", field, lines[0][field], want)
		}
	}
	for _, field := range []string{"dur_ms", "puback_ms", "ts"} {
		if n, ok := lines[0][field].(float64); !ok || n <= 0 {
			t.Errorf("%s is %v", field, lines[0][field])
		}
	}
}

// TestReceiptsAreFlushed has a flush that takes its time: the sender has its answer by then,
// and the next one flushes its own line, which may have missed the first flush.
func TestReceiptsAreFlushed(t *testing.T) {
	receipts, begun, end := &logBuffer{}, make(chan int, 3), make(chan struct{})
	d := open(t, func(o *Options) {
		o.Receipts = Receipts{receipts.logger(), func() {
			begun <- strings.Count(receipts.String(), "\n")
			<-end
		}}
	})
	defer close(end)
	for i := range 3 {
		if got := d.raw(webhook(strings.Repeat("x", i+1))); got.status != 200 {
			t.Fatalf("answered %+v", got)
		}
		select {
		case lines := <-begun:
			if lines != i+1 {
				t.Errorf("flush %d has %d lines", i+1, lines)
			}
		case <-time.After(patientFor):
			t.Fatalf("line %d is not flushed", i+1)
		}
	}
}

// TestNothingLeaks sends canaries wherever a request has room, down every path, and
// looks for them in the log and the metrics (S-91 to S-93).
func TestNothingLeaks(t *testing.T) {
	crash := &signed{secret: pikSecret, header: "Pik-Signature", crash: func(r auth.Request) {
		if strings.Contains(string(r.Body), "panic") {
			panic(errors.New("canary " + string(r.Body)))
		}
	}}
	d := open(t, func(o *Options) { o.Sources[0].Endpoints[0].Verifier = crash })
	body := `{"cpf":"canary 529.982.247-25","pan":"4111111111111111"}`
	lines := []string{"X-Event: canary", "User-Agent: canary ${jndi:ldap://x}", "Cookie: canary", "Authorization: Bearer canary", "Traceparent: canary"}
	targets := []string{
		"/webhooks/pik?token=canary", "/webhooks/canary", "/canary", "/webhooks/orders/PixPayment?hmac=canary", "/webhooks/pik\x1b[31mcanary", "/webhooks/pik%0d%0acanary",
	}
	for _, target := range targets {
		d.raw(request("POST "+target, body, append(lines, "Pik-Signature: canary")...))
		d.raw(request("POST "+target, body, append(lines, "Pik-Signature: "+sign(pikSecret, body))...))
	}
	d.raw(webhook(body+"panic", lines...))
	d.raw("canary\r\n\r\n")
	d.raw("POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: canary\r\n\r\n")
	d.nats.Stop(t)
	d.store.budget = 1 // nanosecond
	checkProblem(t, d.raw(webhook(body+"not stored", lines...)), 503)
	eventually(t, "the receipt of what was stored", func() bool { return len(d.log.lines(t, "webhook stored")) > 0 })
	for name, text := range map[string]string{"log": d.log.String(), "metrics": scrape(t, d)} {
		for _, canary := range []string{"canary", "529.982", "4111111111", "jndi", "hmac=", "\x1b"} {
			if strings.Contains(text, canary) {
				t.Errorf("the %s has %q:\n%s", name, canary, text)
			}
		}
	}
	if n := len(d.log.lines(t, "webhook refused")); n != 2*len(targets)-1+2 {
		t.Errorf("%d lines of refused requests", n)
	}
}

// TestPanic has a verifier that panics (S-99): a 503, one line, and the next request
// is served on the same process.
func TestPanic(t *testing.T) {
	crash := &signed{secret: pikSecret, header: "Pik-Signature"}
	d := open(t, func(o *Options) { o.Sources[0].Endpoints[0].Verifier = crash })
	for _, c := range []struct {
		name, says string
		crash      func(auth.Request)
	}{
		{"of an error", "*errors.errorString", func(auth.Request) { panic(errors.New("canary")) }},
		{"of text", "string", func(auth.Request) { panic("canary") }},
		{"of the runtime", "index out of range", func(r auth.Request) { _ = r.Body[len(r.Body)] }},
	} {
		before := len(d.log.lines(t, "webhook not stored"))
		crash.crash = c.crash
		checkProblem(t, d.raw(webhook("x")), 503)
		lines := d.log.lines(t, "webhook not stored")
		if len(lines) != before+1 {
			t.Fatalf("%s: %d lines", c.name, len(lines)-before)
		}
		last := lines[len(lines)-1]
		if what, _ := last["panic"].(string); !strings.Contains(what, c.says) || strings.Contains(what, "canary") || last["reason"] != "panic" {
			t.Errorf("%s: %v", c.name, last)
		}
		if stack, _ := last["stack"].(string); !strings.Contains(stack, "Verify") {
			t.Errorf("%s: stack %s", c.name, stack)
		}
	}
	crash.crash = nil
	if got := d.raw(webhook("x")); got.status != 200 {
		t.Errorf("answered %+v", got)
	}
	if strings.Contains(d.log.String(), "canary") {
		t.Error("the log says what the panic carried")
	}
}
