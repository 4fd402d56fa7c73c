package delivery

import (
	"errors"
	"maps"
	"net/textproto"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"
)

func TestMessageIsTheContract(t *testing.T) {
	msg := testDelivery().Message(Keys{testKey(t, "k1")})
	seal := msg.Header[SealHeader]
	delete(msg.Header, SealHeader)
	want := nats.Header{
		"Nats-Msg-Id":                  {testDelivery().MessageID()},
		"Webhook-Source":               {"pik"},
		"Webhook-Provider":             {"pik"},
		"Webhook-Endpoint":             {"default"},
		"Webhook-Received-At":          {"2025-01-15T10:30:00.000000042Z"},
		"Webhook-Request-Id":           {"8f14e45fceea167a"},
		"Webhook-Scheme":               {"hmac"},
		"Webhook-Key-Id":               {"current"},
		"Webhook-Traceparent":          {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		"Webhook-Query":                {"a=b&c=%20"},
		"Webhook-Header-Pik-Signature": {"sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
		"Webhook-Header-X-Event":       {"payment.confirmed", "again"},
	}
	if !reflect.DeepEqual(msg.Header, want) {
		t.Errorf("headers:\n got %v\nwant %v", msg.Header, want)
	}
	if len(seal) != 1 {
		t.Errorf("%d seals, want 1", len(seal))
	}
	if msg.Subject != "webhooks.pik.default" {
		t.Errorf("subject %q", msg.Subject)
	}
	if string(msg.Data) != `{"event":"payment.confirmed"}` {
		t.Errorf("data is not the body: %q", msg.Data)
	}
}

func TestOptionalHeadersAreLeftOut(t *testing.T) {
	d := Delivery{Source: "a", Provider: "b", Endpoint: "default", Scheme: "token", ReceivedAt: time.Unix(0, 0)}
	got := slices.Sorted(maps.Keys(d.Message(nil).Header))
	want := []string{"Nats-Msg-Id", "Webhook-Endpoint", "Webhook-Provider", "Webhook-Received-At", "Webhook-Scheme", "Webhook-Source"}
	if !slices.Equal(got, want) {
		t.Errorf("headers %v, want %v", got, want)
	}
}

func TestReceivedAtIsUTC(t *testing.T) {
	d := testDelivery()
	d.ReceivedAt = time.Date(2025, 1, 15, 7, 30, 0, 0, time.FixedZone("BRT", -3*60*60))
	if got := d.Message(nil).Header.Get(ReceivedAtHeader); got != "2025-01-15T10:30:00.000000000Z" {
		t.Errorf("received at %q", got)
	}
}

func TestRoundTrip(t *testing.T) {
	keys := Keys{testKey(t, "k1")}
	rapid.Check(t, func(t *rapid.T) {
		d := anyDelivery().Draw(t, "delivery")
		d.SignedID = anyText().Draw(t, "signed id")
		msg := d.Message(keys)
		header := wire(t, msg.Header)
		if err := keys.Open(msg.Subject, header, msg.Data); err != nil {
			t.Fatalf("does not open: %v", err)
		}
		got, err := Decode(msg.Subject, header, msg.Data)
		if err != nil {
			t.Fatal(err)
		}
		d.SignedID = "" // is not on the wire
		if !reflect.DeepEqual(got, d) {
			t.Fatalf("\n got %#v\nwant %#v", got, d)
		}
	})
}

func TestTwoDeliveriesAreTwoMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := testDelivery(), testDelivery()
		a.Query = anyText().Draw(t, "a")
		b.Query = anyText().Draw(t, "b")
		same := reflect.DeepEqual(wire(t, a.Message(nil).Header), wire(t, b.Message(nil).Header))
		if same != (a.Query == b.Query) {
			t.Fatalf("queries %q and %q: same message %v", a.Query, b.Query, same)
		}
	})
}

func TestHeaderValueOnTheWire(t *testing.T) {
	for in, want := range map[string]string{
		"t=1492774577,v1=5257a869": "t=1492774577,v1=5257a869", // what HTTP carries stays as it is
		"Basic realm=\"é\"\tx":     "Basic realm=\"é\"\tx",
		"":                         "",
		"!=":                       "!=",
		" a":                       "=!=20a",
		"a\t":                      "=!a=09",
		"a\r\nNats-Rollup: all":    "=!a=0D=0ANats-Rollup:=20all",
		"a\x00":                    "=!a=00",
		"=!":                       "=!=3D!",
		"=!=20a":                   "=!=3D!=3D20a",
	} {
		if got := escapeValue(in); got != want {
			t.Errorf("escapeValue(%q) = %q, want %q", in, got, want)
		}
		if got, err := unescapeValue(want); err != nil || got != in {
			t.Errorf("unescapeValue(%q) = %q, %v, want %q", want, got, err, in)
		}
	}
	for _, v := range []string{"=!", "=!a", "=!=2", "=!=", "=!=ZZ", "=!=0a", "=!=41=0A", "=!a b"} {
		if got, err := unescapeValue(v); err == nil {
			t.Errorf("unescapeValue(%q) = %q, want an error", v, got)
		}
	}
}

func TestAppendToken(t *testing.T) {
	for in, want := range map[string]string{
		"pik":   "pik",
		"A_b-9": "A_b-9",
		"":      "=",
		"=":     "=3D",
		"a.b":   "a=2Eb",
		">":     "=3E",
		"*":     "=2A",
		"\r\n ": "=0D=0A=20",
		"é":     "=C3=A9",
	} {
		if got := string(AppendToken(nil, in)); got != want {
			t.Errorf("AppendToken(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestIsHeaderName(t *testing.T) {
	for name, want := range map[string]bool{
		"Webhook-Header-X!#$%&'*+-.^_`|~": true,
		"":                                false,
		"a b":                             false,
		"a:b":                             false,
		"a=b":                             false,
		"a\x7f":                           false,
		"é":                               false,
	} {
		if got := isHeaderName(name); got != want {
			t.Errorf("isHeaderName(%q) = %v", name, got)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	set := func(name string, values ...string) func(nats.Header) {
		return func(h nats.Header) { h[name] = values }
	}
	for name, tt := range map[string]struct {
		subject string
		change  func(nats.Header)
		want    string
	}{
		"no source":          {change: set(SourceHeader), want: "header Webhook-Source is missing"},
		"empty source":       {change: set(SourceHeader, ""), want: "header Webhook-Source is missing"},
		"two sources":        {change: set(SourceHeader, "pik", "pik"), want: "header Webhook-Source is there more than once"},
		"upper-case source":  {change: set(SourceHeader, "Pik"), want: "header Webhook-Source is not a source name"},
		"source of 65":       {change: set(SourceHeader, strings.Repeat("a", 65)), want: "header Webhook-Source is not a source name"},
		"source with a dot":  {change: set(SourceHeader, "a.b"), want: "header Webhook-Source is not a source name"},
		"no provider":        {change: set(ProviderHeader), want: "header Webhook-Provider is missing"},
		"endpoint with dash": {change: set(EndpointHeader, "-a"), want: "header Webhook-Endpoint is not an endpoint name"},
		"another endpoint":   {change: set(EndpointHeader, "other"), want: "subject is not that of the source and endpoint in the headers"},
		"another subject":    {subject: "webhooks.pik.default.x", want: "subject is not that of the source and endpoint in the headers"},
		"no scheme":          {change: set(SchemeHeader), want: "header Webhook-Scheme is missing"},
		"no received at":     {change: set(ReceivedAtHeader), want: "header Webhook-Received-At is missing"},
		"short received at":  {change: set(ReceivedAtHeader, "2025-01-15T10:30:00Z"), want: "header Webhook-Received-At is not RFC 3339 in UTC with nine decimals"},
		"comma received at":  {change: set(ReceivedAtHeader, "2025-01-15T10:30:00,000000042Z"), want: "header Webhook-Received-At is not RFC 3339 in UTC with nine decimals"},
		"two key ids":        {change: set(KeyIDHeader, "a", "b"), want: "header Webhook-Key-Id is there more than once"},
		"bad escape":         {change: set(QueryHeader, "=!zz=z"), want: "header Webhook-Query is not escaped as this package escapes"},
		"nameless header":    {change: set("Webhook-Header-", "a"), want: "header Webhook-Header- names no HTTP header"},
		"bad kept escape":    {change: set("Webhook-Header-A", "=!a"), want: "header Webhook-Header-A is not escaped as this package escapes"},
	} {
		t.Run(name, func(t *testing.T) {
			msg := testDelivery().Message(nil)
			if tt.change != nil {
				tt.change(msg.Header)
			}
			if tt.subject != "" {
				msg.Subject = tt.subject
			}
			d, err := Decode(msg.Subject, msg.Header, msg.Data)
			var typed *DecodeError
			if !errors.As(err, &typed) || err.Error() != "delivery: "+tt.want {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if !reflect.DeepEqual(d, Delivery{}) {
				t.Errorf("a delivery beside the error: %v", d)
			}
		})
	}
}

func TestDecodeLeavesOutWhatItDoesNotKnow(t *testing.T) {
	msg := testDelivery().Message(nil)
	msg.Header["Webhook-Invented-Later"] = []string{"x"}
	msg.Header["webhook-source"] = []string{"other"} // another name: NATS headers have case
	msg.Header["Webhook-Header-Absent"] = []string{}
	got, err := Decode(msg.Subject, msg.Header, msg.Data)
	if err != nil || !reflect.DeepEqual(got, testDelivery()) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestMessageID(t *testing.T) {
	// printf 'v1\0pik\0default\0\0{"event":"payment.confirmed"}' | openssl dgst -sha256 -binary | basenc --base64url | head -c 22
	const want = "06vNFTXjcNA28FW-XflIOX"
	d := testDelivery()
	if got := d.MessageID(); got != want {
		t.Errorf("message id %q, want %q", got, want)
	}
	d.Header = textproto.MIMEHeader{"X-Unsigned": {"changed"}}
	d.ReceivedAt = d.ReceivedAt.Add(time.Hour)
	d.RequestID, d.KeyID, d.Query = "other", "other", "other"
	if got := d.MessageID(); got != want {
		t.Errorf("message id %q after a change outside of it", got)
	}
	seen := map[string]string{want: "the delivery"}
	for name, change := range map[string]func(*Delivery){
		"source":              func(d *Delivery) { d.Source = "pik2" },
		"endpoint":            func(d *Delivery) { d.Endpoint = "other" },
		"signed id":           func(d *Delivery) { d.SignedID = "evt_1" },
		"body":                func(d *Delivery) { d.Body = append([]byte(nil), "{}"...) },
		"empty body":          func(d *Delivery) { d.Body = nil },
		"signed id into body": func(d *Delivery) { d.SignedID, d.Body = "", append([]byte("evt_1\x00"), d.Body...) },
	} {
		changed := testDelivery()
		change(&changed)
		id := changed.MessageID()
		if other, taken := seen[id]; taken {
			t.Errorf("%s has the id of %s", name, other)
		}
		seen[id] = name
	}
}

func FuzzDecodeDelivery(f *testing.F) {
	f.Add("webhooks.pik.default", []byte("NATS/1.0\r\nWebhook-Source: pik\r\nWebhook-Provider: pik\r\nWebhook-Endpoint: default\r\n"+
		"Webhook-Received-At: 2025-01-15T10:30:00.000000042Z\r\nWebhook-Scheme: hmac\r\nWebhook-Header-A: x\r\nWebhook-Header-A: =!=20\r\n\r\n"), []byte("{}"))
	f.Add("webhooks.pik", []byte("NATS/1.0\r\nWebhook-Seal: v1;k1;x\r\nWebhook-Source: =!\r\n\r\n"), []byte(nil))
	f.Add("deadletters.pik.unsealed", []byte("NATS/1.0\r\nDeadletter-Reason: unsealed\r\nDeadletter-Source: pik\r\nDeadletter-Stream-Sequence: 7\r\n"+
		"Deadletter-Deliveries: 1\r\nDeadletter-Normalizer-Version: v1\r\nDeadletter-Pointer: \r\nNats-Msg-Id: unsealed/seq-7/0000\r\nWebhook-X: y\r\n\r\n"), []byte("x"))
	f.Fuzz(func(t *testing.T, subject string, header, data []byte) {
		h, err := nats.DecodeHeadersMsg(header)
		if err != nil {
			return
		}
		if d, err := Decode(subject, h, data); err == nil {
			for name := range d.Header {
				if !isHeaderName(name) {
					return // no ingress has such a name, and nats.go does not send it
				}
			}
			msg := d.Message(nil)
			again, err := Decode(msg.Subject, wire(t, msg.Header), msg.Data)
			if err != nil || !reflect.DeepEqual(again, d) {
				t.Errorf("decoded, encoded and decoded: %v\n got %#v\nwant %#v", err, again, d)
			}
		}
		if l, err := DecodeDeadLetter(subject, h, data); err == nil {
			msg := l.Message()
			if msg.Subject != subject {
				t.Errorf("subject %q became %q", subject, msg.Subject)
			}
			if _, err := DecodeDeadLetter(msg.Subject, wire(t, msg.Header), msg.Data); err != nil {
				t.Errorf("decoded, encoded, then: %v", err)
			}
		}
	})
}
