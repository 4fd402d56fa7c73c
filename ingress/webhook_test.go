package ingress

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"paybridge/ingress/auth"
	"paybridge/schemas/delivery"
)

func TestStoredAsReceived(t *testing.T) {
	d := open(t)
	body := "{\"a\": 1.00}\r\n\x00\xff "
	got := d.raw(webhook(body, "X-Event: charge", "X-Event: second", "X-Other: no",
		"Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
	if got.status != 200 || got.body != "" || got.header.Get("Content-Type") != "" || got.closed {
		t.Fatalf("answered %+v", got)
	}
	m := d.last()
	if m.Subject != "webhooks.pik.default" || string(m.Data) != body {
		t.Fatalf("stored %q on %s", m.Data, m.Subject)
	}
	if err := sealKeys(t).Open(m.Subject, m.Header, m.Data); err != nil {
		t.Fatalf("seal: %v", err)
	}
	got2, err := delivery.Decode(m.Subject, m.Header, m.Data)
	if err != nil {
		t.Fatal(err)
	}
	if got2.Source != "pik" || got2.Provider != "pik" || got2.Endpoint != "default" || got2.Scheme != "hmac" || got2.KeyID != "current" ||
		got2.RequestID == "" || got2.Traceparent != "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" || got2.Query != "" {
		t.Errorf("delivery %+v", got2)
	}
	if kept := fmt.Sprint(got2.Header["X-Event"]); kept != "[charge second]" || got2.Header["X-Other"] != nil || len(got2.Header) != 2 {
		t.Errorf("kept headers %v", got2.Header)
	}
	want := delivery.Delivery{Source: "pik", Endpoint: "default", Body: []byte(body)}
	if m.Header.Get(nats.MsgIdHdr) != want.MessageID() {
		t.Errorf("message id %q, want %q", m.Header.Get(nats.MsgIdHdr), want.MessageID())
	}
	if age := m.Time.Sub(got2.ReceivedAt); age < 0 || age > patientFor {
		t.Errorf("received %v before it was stored", age)
	}
}

// noticing says when the headers of a request were looked at.
type noticing struct {
	Verifier
	early chan struct{}
}

func (n noticing) Early(r auth.Request) error {
	n.early <- struct{}{}
	return n.Verifier.Early(r)
}

// TestReceivedOnceAllIsHere says that a signature is checked as of when the whole request
// was here, however slowly it came, and that this is the moment which is stored.
func TestReceivedOnceAllIsHere(t *testing.T) {
	verified := make(chan time.Time, 1)
	pik := &signed{secret: pikSecret, header: "Pik-Signature", crash: func(r auth.Request) { verified <- r.ReceivedAt }}
	n := noticing{pik, make(chan struct{}, 1)}
	d := open(t, func(o *Options) {
		o.Sources = []Source{{Name: "pik", Provider: "pik", Endpoints: []Endpoint{{Verifier: n, Token: true}}}}
	})
	c := d.dial()
	defer c.Close()
	if _, err := io.WriteString(c, strings.TrimSuffix(webhook("body"), "body")); err != nil {
		t.Fatal(err)
	}
	<-n.early
	before := time.Now()
	if _, err := io.WriteString(c, "body"); err != nil {
		t.Fatal(err)
	}
	if got := d.read(bufio.NewReader(c), "POST"); got.status != 200 {
		t.Fatalf("answered %+v", got)
	}
	m, asOf := d.last(), <-verified
	stored, err := delivery.Decode(m.Subject, m.Header, m.Data)
	if err != nil || stored.ReceivedAt.Before(before) || !stored.ReceivedAt.Equal(asOf) {
		t.Errorf("the body was sent at %v, verified as of %v, and stored as received at %v, %v", before.UTC(), asOf, stored.ReceivedAt, err)
	}
}

func TestEndpoints(t *testing.T) {
	d := open(t)
	for _, c := range []struct {
		name, line, header string
		status             int
		subject, query     string
	}{
		{"with its own secret", "POST /webhooks/orders/PixPayment?a=1&b=%20x", "Signature: " + sign(orderSecret, "one"), 200, "webhooks.orders.PixPayment", "a=1&b=%20x"},
		{"query not signed", "POST /webhooks/orders/Fee?a=1", "Signature: " + sign(orderSecret+"2", "one"), 200, "webhooks.orders.Fee", ""},
		{"another endpoint's secret", "POST /webhooks/orders/Fee", "Signature: " + sign(orderSecret, "one"), 401, "", ""},
		{"token", "POST /webhooks/tok", "Authorization: " + tokenSecret, 200, "webhooks.tok.default", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d.t = t
			before := d.count()
			if got := d.raw(request(c.line, "one", c.header)); got.status != c.status {
				t.Fatalf("answered %+v", got)
			}
			if c.status != 200 {
				if d.count() != before {
					t.Error("stored")
				}
				return
			}
			m := d.last()
			if m.Subject != c.subject || d.count() != before+1 {
				t.Errorf("stored on %s", m.Subject)
			}
			if m.Header.Get(delivery.QueryHeader) != c.query {
				t.Errorf("query %q", m.Header.Get(delivery.QueryHeader))
			}
			for name, values := range m.Header {
				if strings.Contains(fmt.Sprint(values), "canary") {
					t.Errorf("header %s holds a secret", name)
				}
			}
		})
	}
}

func TestConstantAnswer(t *testing.T) {
	d := open(t)
	got := d.raw(request("POST /webhooks/says", "x", "Pik-Signature: "+sign(pikSecret, "x")))
	if got.status != 200 || got.body != "[accepted]" || got.header.Get("Content-Type") != "text/plain" {
		t.Fatalf("answered %+v", got)
	}
}

func TestRepeatIsStoredOnce(t *testing.T) {
	d := open(t)
	for range 5 {
		if got := d.raw(webhook("again", "X-Event: changed")); got.status != 200 {
			t.Fatalf("answered %+v", got)
		}
	}
	if d.count() != 1 {
		t.Errorf("%d stored", d.count())
	}
	eventually(t, "five receipts", func() bool { return len(d.log.lines(t, "webhook stored")) == 5 })
	if n := strings.Count(d.log.String(), `"duplicate":true`); n != 4 {
		t.Errorf("%d receipts say duplicate", n)
	}
}

// TestMeaningfulHeaders sends the HTTP headers that would mean something to NATS, or
// to a consumer of it, were they passed on (S-45 to S-51).
func TestMeaningfulHeaders(t *testing.T) {
	d := open(t)
	names := []string{
		"Nats-Msg-Id: x", "Nats-Expected-Stream: OTHER", "Nats-Expected-Last-Sequence: 0", "Nats-Rollup: all", "Nats-Rollup: sub",
		"Nats-TTL: 1s", "Nats-Trace-Only: true", "Nats-Trace-Dest: evt.x", "Nats-Schedule: @every 1s", "Nats-Schedule-Target: evt.x",
		"Nats-Batch-Id: a", "Nats-Incr: +1", "Nats-Stream-Source: x", "KV-Operation: PURGE", "Nats-Required-Api-Level: 999",
		"Status: 400", "Status: 409", "Description: Consumer Deleted", "Webhook-Source: evil", "Webhook-Seal: v1;k1;x",
	}
	for i, line := range names {
		body := fmt.Sprint(i)
		if got := d.raw(webhook(body, line)); got.status != 200 {
			t.Fatalf("%s: answered %+v", line, got)
		}
		if d.count() != uint64(i+1) {
			t.Fatalf("%s: %d stored, want %d", line, d.count(), i+1)
		}
		m := d.last()
		if err := sealKeys(t).Open(m.Subject, m.Header, m.Data); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		for name, values := range m.Header {
			ours := strings.HasPrefix(name, "Webhook-") || name == nats.MsgIdHdr || name == nats.ExpectedStreamHdr
			if !ours || len(values) != 1 || values[0] == "evil" || values[0] == "x" {
				t.Errorf("%s: stored header %s", line, name)
			}
		}
		if m.Header.Get(nats.ExpectedStreamHdr) != rawStream {
			t.Errorf("%s: the expected stream is %q", line, m.Header.Get(nats.ExpectedStreamHdr))
		}
	}
	if got := d.raw(request("POST /webhooks/pik", "", "Status: 409", "Description: Consumer Deleted", "Pik-Signature: "+sign(pikSecret, ""))); got.status != 400 {
		t.Errorf("empty body: answered %+v", got)
	}
}

// TestKeepAlive sends many requests on one connection, good and bad in turn.
func TestKeepAlive(t *testing.T) {
	d := open(t)
	c := d.dial()
	defer c.Close()
	in := bufio.NewReader(c)
	for i := range 20 {
		body, want := fmt.Sprint(i), 200
		r := webhook(body)
		if i%2 == 1 {
			r, want = request("POST /webhooks/pik", body, "Pik-Signature: "+sign("wrong", body)), 401
		}
		if _, err := io.WriteString(c, r); err != nil {
			t.Fatal(err)
		}
		if got := d.read(in, "POST"); got.status != want || got.closed {
			t.Fatalf("request %d: %+v", i, got)
		}
	}
	if d.count() != 10 {
		t.Errorf("%d stored", d.count())
	}
}

// TestPipelined hides a second request in the first one's body (S-82), and then sends
// two honestly one after the other.
func TestPipelined(t *testing.T) {
	d := open(t)
	inner := webhook("inner")
	if got := d.raw(webhook(inner)); got.status != 200 {
		t.Fatalf("answered %+v", got)
	}
	if d.count() != 1 || string(d.last().Data) != inner {
		t.Fatal("the body was taken for a request")
	}
	c := d.dial()
	defer c.Close()
	if _, err := io.WriteString(c, webhook("one")+webhook("two")); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	for range 2 {
		if got := d.read(in, "POST"); got.status != 200 {
			t.Fatalf("answered %+v", got)
		}
	}
	if d.count() != 3 {
		t.Errorf("%d stored", d.count())
	}
}

// TestHangUp closes the connection as soon as the body is sent: the delivery is
// stored nevertheless (S-98).
func TestHangUp(t *testing.T) {
	d := open(t)
	const n = 50
	for i := range n {
		c := d.dial()
		if _, err := io.WriteString(c, webhook(fmt.Sprint("gone", i))); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	eventually(t, "all are stored", func() bool { return d.count() == n })
}
