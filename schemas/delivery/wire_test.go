package delivery

import (
	"bytes"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"
)

// wire puts a header on the wire as nats.go writes it and reads it back with
// nats.go: values trimmed, CR and LF made spaces.
func wire(t interface{ Fatalf(string, ...any) }, h nats.Header) nats.Header {
	var b bytes.Buffer
	b.WriteString("NATS/1.0\r\n")
	for name, values := range h {
		if !isHeaderName(name) {
			t.Fatalf("nats.go would refuse the header name %q", name)
		}
		for _, value := range values {
			value = strings.NewReplacer("\r", " ", "\n", " ").Replace(textproto.TrimString(value))
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	b.WriteString("\r\n")
	got, err := nats.DecodeHeadersMsg(b.Bytes())
	if err != nil {
		t.Fatalf("headers do not decode: %v", err)
	}
	return got
}

func testKey(t testing.TB, id string) Key {
	t.Helper()
	key, err := NewKey(id, "a secret of the tests: "+id)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func testDelivery() Delivery {
	return Delivery{
		Source:      "pik",
		Provider:    "pik",
		Endpoint:    DefaultEndpoint,
		ReceivedAt:  time.Date(2025, 1, 15, 10, 30, 0, 42, time.UTC),
		RequestID:   "8f14e45fceea167a",
		Scheme:      "hmac",
		KeyID:       "current",
		Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		Query:       "a=b&c=%20",
		Header: textproto.MIMEHeader{
			"Pik-Signature": {"sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
			"X-Event":       {"payment.confirmed", "again"},
		},
		Body: []byte(`{"event":"payment.confirmed"}`),
	}
}

// anyText is text as hostile as it gets: what NATS trims, folds and splits on, and
// what the escape itself uses.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.RuneFrom([]rune(" \t\r\n=!:;~\x00\x7f\u00e9aA0")), 0, 12, -1),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }),
	)
}

func anyDelivery() *rapid.Generator[Delivery] {
	return rapid.Custom(func(t *rapid.T) Delivery {
		text := anyText()
		some := text.Filter(func(s string) bool { return s != "" })
		d := Delivery{
			Source:      rapid.StringMatching(`[a-z0-9][a-z0-9_-]{0,63}`).Draw(t, "source"),
			Provider:    some.Draw(t, "provider"),
			Endpoint:    rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_-]{0,63}`).Draw(t, "endpoint"),
			ReceivedAt:  time.Unix(rapid.Int64Range(0, 1<<37).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
			RequestID:   text.Draw(t, "request id"),
			Scheme:      some.Draw(t, "scheme"),
			KeyID:       text.Draw(t, "key id"),
			Traceparent: text.Draw(t, "traceparent"),
			Query:       text.Draw(t, "query"),
			Body:        rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
		}
		if rapid.Bool().Draw(t, "put in again") {
			d.FirstReceivedAt = d.ReceivedAt.Add(-time.Hour)
		}
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Z][a-z0-9!#$%&'*+.^_|~]{0,9}(-[A-Z][a-z]{0,5})?`), 0, 4, rapid.ID).Draw(t, "names")
		for _, name := range names {
			if d.Header == nil {
				d.Header = textproto.MIMEHeader{}
			}
			d.Header[name] = rapid.SliceOfN(text, 1, 3).Draw(t, name)
		}
		return d
	})
}
