package event

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"
)

func TestStructuredMessage(t *testing.T) {
	e := testEvent()
	msg, err := e.Message(Structured)
	if err != nil {
		t.Fatal(err)
	}
	if msg.Subject != "payments.pik.payin.confirmed.payment.confirmed" {
		t.Errorf("subject %q", msg.Subject)
	}
	want := nats.Header{"Nats-Msg-Id": {"pik/evt_xyz789"}, "Content-Type": {"application/cloudevents+json"}}
	if !reflect.DeepEqual(msg.Header, want) {
		t.Errorf("headers %v, want %v", msg.Header, want)
	}
	if data, err := e.AppendStructured(nil); err != nil || string(msg.Data) != string(data) {
		t.Errorf("data %s, want %s, %v", msg.Data, data, err)
	}
}

func TestBinaryMessage(t *testing.T) {
	e := testEvent()
	e.Subject = "Euro € 😀" // the binding's own example
	msg, err := e.Message(Binary)
	if err != nil {
		t.Fatal(err)
	}
	want := nats.Header{
		"Nats-Msg-Id":        {"pik/evt_xyz789"},
		"ce-specversion":     {"1.0"},
		"ce-id":              {"evt_xyz789"},
		"ce-source":          {"urn:paybridge:pik"},
		"ce-type":            {"global.pik.payment.confirmed"},
		"ce-subject":         {"Euro%20%E2%82%AC%20%F0%9F%98%80"},
		"ce-time":            {"2025-01-15T10:30:00Z"},
		"ce-datacontenttype": {"application/json"}, // and no Content-Type: that is structured mode
		"ce-dataschema":      {"urn:paybridge:schema:pik:payment.confirmed:1"},
		"ce-provider":        {"pik"},
		"ce-paymentkind":     {"payin"},
		"ce-paymentstate":    {"confirmed"},
		"ce-sequence":        {"00000000000000000042.0000"},
		"ce-partitionkey":    {"pik/txn_def456"},
		"ce-rawdigest":       {"sha256-230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"},
		"ce-authscheme":      {"hmac"},
		"ce-traceparent":     {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
	}
	if !reflect.DeepEqual(msg.Header, want) {
		t.Errorf("headers:\n got %v\nwant %v", msg.Header, want)
	}
	structured, err := e.AppendStructured(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, data, _ := strings.Cut(string(structured), `"data":`); string(msg.Data)+"}" != data {
		t.Errorf("data %s, want that of the structured event, %s", msg.Data, data)
	}
}

func TestModes(t *testing.T) {
	e := testEvent()
	if msg, err := e.Message("batch"); err == nil || msg != nil {
		t.Errorf("mode batch: %v, %v", msg, err)
	}
	for mode, want := range map[Mode]bool{Structured: true, Binary: true, "": false, "batch": false} {
		if mode.Valid() != want {
			t.Errorf("mode %q: valid %v", mode, mode.Valid())
		}
	}
}

// wire is what nats.go makes of headers on their way.
func wire(h nats.Header) nats.Header {
	out := nats.Header{}
	for name, values := range h {
		for _, value := range values {
			value = strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
			out.Add(name, strings.Trim(value, " \t"))
		}
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent().Draw(t, "event")
		mode := rapid.SampledFrom([]Mode{Structured, Binary}).Draw(t, "mode")
		msg, err := e.Message(mode)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(wire(msg.Header), msg.Data)
		if err != nil {
			t.Fatalf("%v\n%s", err, msg.Data)
		}
		e.NativeType, e.SourceName = "", "" // are not on the wire
		if !reflect.DeepEqual(got, e) {
			t.Fatalf("\n got %#v\nwant %#v", got, e)
		}
	})
}

// A room holds one message after the other, and each is as if made in a new one.
func TestRoom(t *testing.T) {
	long, small := testEvent(), testEvent()
	long.Native = []byte(`"` + strings.Repeat("x", 10_000) + `"`)
	small.Native, small.Subject, small.Traceparent = nil, "", ""
	invalid := testEvent()
	invalid.ID = ""
	var room Room
	for i, tt := range []struct {
		e    Event
		mode Mode
	}{
		{testEvent(), Structured},
		{long, Structured},
		{small, Structured},
		{invalid, Structured},
		{long, Binary},
		{small, Binary},
		{invalid, Binary},
		{testEvent(), "other"},
		{testEvent(), Structured},
		{testEvent(), Binary},
	} {
		want, wantErr := tt.e.Message(tt.mode)
		got, err := room.Message(&tt.e, tt.mode)
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(err, wantErr) {
			t.Errorf("%d:\n got %v, %v\nwant %v, %v", i, got, err, want, wantErr)
		}
		if got != nil { // what a publisher adds does not stay
			got.Header.Set("Nats-Batch-Id", "x")
			got.Reply = "_INBOX.1"
		}
	}
}

func TestRoomCostsLittle(t *testing.T) {
	e, room := benchEvent(), Room{}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := room.Message(&e, Structured); err != nil {
			t.Fatal(err)
		}
	}); n > 6 {
		t.Errorf("%v allocations", n)
	}
}

func TestPercentEncoding(t *testing.T) {
	for in, want := range map[string]string{
		"Euro € 😀":    "Euro%20%E2%82%AC%20%F0%9F%98%80",
		"":            "",
		"!~":          "!~",
		`"100%"`:      "%22100%25%22",
		"a\r\nb\x00":  "a%0D%0Ab%00",
		"\x7f\u0080":  "%7F%C2%80",
		"a=b&c/d?e#f": "a=b&c/d?e#f",
	} {
		if got := percentEncode(in); got != want {
			t.Errorf("percentEncode(%q) = %q, want %q", in, got, want)
		}
		if got, err := percentDecode(want); err != nil || got != in {
			t.Errorf("percentDecode(%q) = %q, %v, want %q", want, got, err, in)
		}
	}
	for in, want := range map[string]string{
		"euro%20%e2%82%ac":  "euro €", // lower-case digits
		"%65uro":            "euro",   // needlessly encoded
		"%2525":             "%25",    // one round only
		`"a b"`:             "a b",    // writers before the draft quoted
		`"a \"b\" \\ %20c"`: `a "b" \  c`,
		`x"a b"y`:           "xa by",
		`""`:                "",
		`"a"\b`:             `a\b`, // a backslash is one outside of quotes
		`a\b`:               `a\b`,
		"Euro € 😀":          "Euro € 😀", // not encoded at all: it is UTF-8
	} {
		if got, err := percentDecode(in); err != nil || got != want {
			t.Errorf("percentDecode(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]error{
		"%":         errPercent,
		"%2":        errPercent,
		"100% ok":   errPercent,
		"%zz":       errPercent,
		"%C0%A0":    errUTF8, // an overlong space
		"%FF":       errUTF8,
		"%ED%A0%80": errUTF8,
		"\xff":      errUTF8,
		`"a`:        errQuotes,
		`"a\"`:      errQuotes,
	} {
		if got, err := percentDecode(in); !errors.Is(err, want) {
			t.Errorf("percentDecode(%q) = %q, %v, want %v", in, got, err, want)
		}
	}
}

func TestPercentEncodingSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		encoded := percentEncode(text)
		for _, c := range []byte(encoded) {
			if c <= ' ' || c >= 0x7f || c == '"' {
				t.Fatalf("%q has the byte %#x", encoded, c)
			}
		}
		if got, err := percentDecode(encoded); err != nil || got != text {
			t.Fatalf("%q became %q, %v", text, got, err)
		}
	})
}
