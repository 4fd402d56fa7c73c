package event

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// onWire is testEvent as Decode returns it.
func onWire() Event {
	e := testEvent()
	e.NativeType, e.SourceName = "", ""
	return e
}

func encoded(t testing.TB, mode Mode) *nats.Msg {
	t.Helper()
	e := testEvent()
	msg, err := e.Message(mode)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestDecodeTellsTheMode(t *testing.T) {
	structured, binary := encoded(t, Structured), encoded(t, Binary)
	with := func(h nats.Header, name, value string) nats.Header {
		out := nats.Header{name: {value}}
		for n, v := range h {
			out[n] = v
		}
		return out
	}
	for name, tt := range map[string]struct {
		header nats.Header
		data   []byte
	}{
		"structured":               {structured.Header, structured.Data},
		"no headers":               {nil, structured.Data}, // all that version 1.0.2 of the binding asks for
		"foreign headers":          {nats.Header{"Nats-Msg-Id": {"x"}, "Content-Type": {"application/json"}}, structured.Data},
		"lower-case content-type":  {nats.Header{"content-type": {"Application/CloudEvents+JSON; charset=UTF-8"}}, structured.Data},
		"blank in content type":    {nats.Header{"Content-Type": {"application/cloudevents+json ;charset=utf-8"}}, structured.Data},
		"short content type":       {nats.Header{"Content-Type": {"application/cloudevents"}}, structured.Data},
		"in spite of, lower case":  {nats.Header{"content-type": {structuredContentType}, "ce-id": {"other"}}, structured.Data},
		"structured in spite of":   {with(structured.Header, "ce-id", "other"), structured.Data},
		"binary":                   {binary.Header, binary.Data},
		"binary with content type": {with(binary.Header, "Content-Type", "application/json"), binary.Data},
		"binary, empty type":       {with(binary.Header, "Content-Type", ""), binary.Data},
		"binary, other case":       {upper(binary.Header), binary.Data},
		"binary, unknown":          {with(binary.Header, "ce-invented", "%zz"), binary.Data},
	} {
		got, err := Decode(tt.header, tt.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(got, onWire()) {
			t.Errorf("%s:\n got %#v\nwant %#v", name, got, onWire())
		}
	}
	for _, contentType := range []string{"application/cloudevents+xml", "application/cloudevents-batch+json"} {
		_, err := Decode(nats.Header{"Content-Type": {contentType}}, structured.Data)
		checkInvalid(t, err, "Content-Type is a format of CloudEvents other than JSON")
	}
}

func upper(h nats.Header) nats.Header {
	out := nats.Header{}
	for name, values := range h {
		out[strings.ToUpper(name)] = values
	}
	return out
}

func TestDecodeStructuredRefuses(t *testing.T) {
	const notObject = "message is not one JSON object with unique keys in UTF-8"
	replace := func(from, to string) func(string) string {
		return func(s string) string { return strings.Replace(s, from, to, 1) }
	}
	for name, tt := range map[string]struct {
		change func(string) string
		want   string
	}{
		"nothing":              {func(string) string { return "" }, notObject},
		"an array":             {func(s string) string { return "[" + s + "]" }, notObject},
		"two values":           {func(s string) string { return s + "{}" }, notObject},
		"cut short":            {func(s string) string { return s[:len(s)-1] }, notObject},
		"a duplicate key":      {replace(`"id":`, `"id":"other","id":`), notObject},
		"an escaped duplicate": {replace(`"id":`, `"\u0069d":"other","id":`), notObject},
		"a duplicate in data":  {replace(`"rail":`, `"rail":"pix","rail":`), notObject},
		"in native":            {replace(`"amount":75.00`, `"amount":75.00,"amount":76`), notObject},
		"bad UTF-8":            {replace("evt_xyz789", "evt_\xff"), notObject},
		"bad UTF-8 in native":  {replace(`"wei"`, "\"\xff\""), notObject},
		"a lone surrogate":     {replace(`"wei"`, `"\ud800"`), notObject},
		"no specversion":       {replace(`"specversion":"1.0",`, ""), "specversion is not 1.0"},
		"specversion 0.3":      {replace(`"1.0"`, `"0.3"`), "specversion is not 1.0"},
		"no id":                {replace(`"id":"evt_xyz789",`, ""), "id is missing"},
		"id in upper case":     {replace(`"id":"evt`, `"ID":"evt`), "id is missing"},
		"id null":              {replace(`"id":"evt_xyz789"`, `"id":null`), "id is missing"},
		"id a number":          {replace(`"id":"evt_xyz789"`, `"id":7`), "id is not a string"},
		"no source":            {replace(`"source":`, `"other":`), "source is missing"},
		"no type":              {replace(`"type":`, `"other":`), "type is missing"},
		"bad time":             {replace(`"time":"2025`, `"time":"x`), "time is not RFC 3339"},
		"another content type": {replace("application/json", "text/plain"), "datacontenttype is not application/json"},
		"another kind":         {replace(`"paymentkind":"payin"`, `"paymentkind":"payout"`), "paymentkind is not the kind in the data"},
		"another state":        {replace(`"paymentstate":"confirmed"`, `"paymentstate":"settled"`), "paymentstate is not the state in the data"},
		"no data":              {replace(`"data":`, `"other":`), "data is missing"},
		"data null":            {func(s string) string { return s[:strings.Index(s, `"data":`)] + `"data":null}` }, "payment is not there as an object"},
		"data a string":        {func(s string) string { return s[:strings.Index(s, `"data":`)] + `"data":"x"}` }, "data is not one JSON object with unique keys in UTF-8"},
		"data in base64":       {replace(`"data":`, `"data_base64":"e30=","data":`), "data_base64 is not how this bridge carries data"},
		"no payment":           {replace(`"payment":`, `"Payment":`), "payment is not there as an object"},
		"amount a number":      {replace(`"value":"75.00"`, `"value":75.00`), "payment has a field that is not of its type"},
		"exponent a float":     {replace(`"exponent":null`, `"exponent":2.5`), "payment has a field that is not of its type"},
	} {
		t.Run(name, func(t *testing.T) {
			msg := encoded(t, Structured)
			changed := tt.change(string(msg.Data))
			if changed == string(msg.Data) {
				t.Fatal("the case changes nothing")
			}
			e, err := Decode(msg.Header, []byte(changed))
			checkInvalid(t, err, tt.want)
			if !reflect.DeepEqual(e, Event{}) {
				t.Errorf("an event beside the error: %v", e)
			}
		})
	}
}

func TestDecodeBinaryRefuses(t *testing.T) {
	set := func(name string, values ...string) func(nats.Header) {
		return func(h nats.Header) { h[name] = values }
	}
	for name, tt := range map[string]struct {
		change func(nats.Header)
		want   string
	}{
		"no id":            {func(h nats.Header) { h.Del("ce-id") }, "id is missing"},
		"two ids":          {set("ce-id", "a", "b"), "ce-id is not there exactly once"},
		"no value":         {set("ce-id"), "ce-id is not there exactly once"},
		"ids in two cases": {set("Ce-Id", "evt_xyz789"), "ce-id is not there exactly once"},
		"bad percent":      {set("ce-subject", "100%"), "ce-subject has a percent sign without two hex digits"},
		"overlong":         {set("ce-subject", "%C0%A0"), "ce-subject is not valid UTF-8"},
		"open quote":       {set("ce-subject", `"a`), "ce-subject has an open double quote"},
		"bad time":         {set("ce-time", "now"), "time is not RFC 3339"},
		"specversion":      {set("ce-specversion", "1.1"), "specversion is not 1.0"},
		"content type":     {set("ce-datacontenttype", "application/xml"), "datacontenttype is not application/json"},
		"kind":             {set("ce-paymentkind", "payout"), "paymentkind is not the kind in the data"},
	} {
		t.Run(name, func(t *testing.T) {
			msg := encoded(t, Binary)
			tt.change(msg.Header)
			_, err := Decode(msg.Header, msg.Data)
			checkInvalid(t, err, tt.want)
		})
	}
	msg := encoded(t, Binary)
	_, err := Decode(msg.Header, nil)
	checkInvalid(t, err, "data is missing")
	_, err = Decode(msg.Header, append(msg.Data, '}'))
	checkInvalid(t, err, "data is not one JSON object with unique keys in UTF-8")
	_, err = Decode(msg.Header, []byte(`{"payment":{},"payment":{}}`))
	checkInvalid(t, err, "data is not one JSON object with unique keys in UTF-8")
}

// A later version adds attributes, fields and words. Decode lets them pass.
func TestDecodeIsOpenToWhatComesLater(t *testing.T) {
	msg := encoded(t, Structured)
	later := strings.NewReplacer(
		`"specversion"`, `"invented":{"a":1},"specversion"`,
		`"rail":"crypto"`, `"rail":"boleto","invented":[1]`,
		`{"payment"`, `{"invented":true,"payment"`,
	).Replace(string(msg.Data))
	got, err := Decode(msg.Header, []byte(later))
	if err != nil {
		t.Fatal(err)
	}
	if got.Payment.Rail != "boleto" || got.Validate() == nil {
		t.Errorf("rail %q, Validate %v", got.Payment.Rail, got.Validate())
	}
}

func TestSameContent(t *testing.T) {
	with := func(digest, native string) Event {
		e := testEvent()
		e.RawDigest, e.Native = digest, nil
		if native != "" {
			e.Native = json.RawMessage(native)
		}
		return e
	}
	for name, tt := range map[string]struct {
		a, b Event
		want bool
	}{
		"equal digests":           {with("sha256-a", `{"a":1}`), with("sha256-a", `{"a":2}`), true},
		"no digests, no natives":  {with("", ""), with("", ""), false},
		"equal natives":           {with("sha256-a", `{"a":1}`), with("sha256-b", `{"a":1}`), true},
		"order of keys":           {with("sha256-a", `{"a":1,"b":{"c":[],"d":2}}`), with("sha256-b", `{"b":{"d":2,"c":[]},"a":1}`), true},
		"white space":             {with("sha256-a", `{"a":[1,2]}`), with("sha256-b", "{ \"a\" :\r\n\t[1, 2] }"), true},
		"escapes":                 {with("sha256-a", `{"a":"\/ç"}`), with("sha256-b", `{"\u0061":"/\u00e7"}`), true},
		"order of elements":       {with("sha256-a", `[1,2]`), with("sha256-b", `[2,1]`), false},
		"another number":          {with("sha256-a", `{"a":1}`), with("sha256-b", `{"a":2}`), false},
		"the text of a number":    {with("sha256-a", `{"a":100.0}`), with("sha256-b", `{"a":100.00}`), false},
		"beyond a float":          {with("sha256-a", `{"a":9007199254740993}`), with("sha256-b", `{"a":9007199254740992}`), false},
		"far beyond a float":      {with("sha256-a", `{ "a":0.1000000000000000055}`), with("sha256-b", `{"a":0.1}`), false},
		"a number and a text":     {with("sha256-a", `{"a":1}`), with("sha256-b", `{"a":"1"}`), false},
		"a key more":              {with("sha256-a", `{"a":1}`), with("sha256-b", `{"a":1,"b":null}`), false},
		"native on one side only": {with("sha256-a", `{"a":1}`), with("sha256-b", ""), false},
		"not JSON":                {with("sha256-a", `{"a":1`), with("sha256-b", `{ "a":1`), false},
		"duplicate keys":          {with("sha256-a", `{"a":1,"a":1}`), with("sha256-b", `{"a":1, "a":1}`), false},
	} {
		if got := SameContent(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		if got := SameContent(tt.b, tt.a); got != tt.want {
			t.Errorf("%s, swapped: %v, want %v", name, got, tt.want)
		}
	}
	a := with("sha256-a", `{"b":1,"a":2}`)
	SameContent(a, with("sha256-b", `{"a":2,"b":1}`))
	if string(a.Native) != `{"b":1,"a":2}` {
		t.Errorf("comparing changed native to %s", a.Native)
	}
}

func FuzzDecodeEvent(f *testing.F) {
	for _, mode := range []Mode{Structured, Binary} {
		msg := encoded(f, mode)
		header := "NATS/1.0\r\n"
		for name, values := range msg.Header {
			header += name + ": " + values[0] + "\r\n"
		}
		f.Add([]byte(header+"\r\n"), msg.Data)
	}
	f.Add([]byte("NATS/1.0\r\n\r\n"), []byte(`{"data":{"payment":{"notes":null,"network":{}}}}`))
	f.Add([]byte("NATS/1.0\r\nce-id: %C0%A0\r\nCE-ID: \"\\\r\n\r\n"), []byte(`{}`))
	f.Fuzz(func(t *testing.T, header, data []byte) {
		h, err := nats.DecodeHeadersMsg(header)
		if err != nil {
			return
		}
		e, err := Decode(h, data)
		if err != nil || e.Validate() != nil {
			return
		}
		for _, mode := range []Mode{Structured, Binary} {
			msg, err := e.Message(mode)
			if err != nil {
				t.Fatalf("decodes and validates, but does not encode: %v", err)
			}
			again, err := Decode(wire(msg.Header), msg.Data)
			if err != nil {
				t.Fatalf("%s: decoded, encoded, then: %v", mode, err)
			}
			if again.Payment.Notes == nil || e.Payment.Notes == nil || e.Payment.Network != nil {
				continue // null and [] are one
			}
			if !reflect.DeepEqual(again, e) {
				t.Errorf("%s:\n got %#v\nwant %#v", mode, again, e)
			}
		}
	})
}
