package delivery

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"
)

func testDeadLetter(t testing.TB) DeadLetter {
	t.Helper()
	raw := testDelivery().Message(Keys{testKey(t, "k1")})
	return DeadLetter{
		Reason:            MappingFailed,
		Source:            "pik",
		StreamSequence:    42,
		Deliveries:        3,
		NormalizerVersion: "v1.2.3",
		Pointer:           "/data/amount",
		Item:              7,
		RawMessageID:      raw.Header.Get(MessageIDHeader),
		Raw:               raw.Header,
		Body:              raw.Data,
	}
}

func TestDeadLetterIsTheContract(t *testing.T) {
	l := testDeadLetter(t)
	l.Raw["Nats-Expected-Stream"] = []string{"WEBHOOKS"}
	l.Raw["X-Other"] = []string{"x"}
	msg := l.Message()
	if msg.Subject != "deadletters.pik.mapping_failed" {
		t.Errorf("subject %q", msg.Subject)
	}
	if !reflect.DeepEqual(msg.Data, testDelivery().Body) {
		t.Errorf("data is not the body: %q", msg.Data)
	}
	want := testDelivery().Message(Keys{testKey(t, "k1")}).Header
	for name, value := range map[string]string{
		"Nats-Msg-Id":                   "mapping_failed/" + testDelivery().MessageID() + "/0007",
		"Deadletter-Reason":             "mapping_failed",
		"Deadletter-Source":             "pik",
		"Deadletter-Stream-Sequence":    "42",
		"Deadletter-Deliveries":         "3",
		"Deadletter-Normalizer-Version": "v1.2.3",
		"Deadletter-Pointer":            "/data/amount",
	} {
		want[name] = []string{value}
	}
	if !reflect.DeepEqual(msg.Header, want) {
		t.Errorf("headers:\n got %v\nwant %v", msg.Header, want)
	}
}

func TestDeadLetterRoundTrip(t *testing.T) {
	keys := Keys{testKey(t, "k1")}
	rapid.Check(t, func(t *rapid.T) {
		d := anyDelivery().Draw(t, "delivery")
		raw := d.Message(keys)
		l := DeadLetter{
			Reason:            rapid.SampledFrom(Reasons()).Draw(t, "reason"),
			Source:            anyText().Draw(t, "source"),
			StreamSequence:    rapid.Uint64().Draw(t, "sequence"),
			Deliveries:        rapid.Uint64().Draw(t, "deliveries"),
			NormalizerVersion: anyText().Draw(t, "version"),
			Pointer:           anyText().Draw(t, "pointer"),
			Item:              rapid.IntRange(0, 20_000).Draw(t, "item"),
			RawMessageID:      anyText().Filter(func(s string) bool { return !strings.HasPrefix(s, "seq-") }).Draw(t, "id"),
			Raw:               wire(t, raw.Header),
			Body:              raw.Data,
		}
		msg := l.Message()
		got, err := DecodeDeadLetter(msg.Subject, wire(t, msg.Header), msg.Data)
		if err != nil {
			t.Fatal(err)
		}
		delete(l.Raw, MessageIDHeader)
		if !reflect.DeepEqual(got, l) {
			t.Fatalf("\n got %#v\nwant %#v", got, l)
		}
		// What was sealed before it died still opens: it can be redriven.
		got.Raw.Set(MessageIDHeader, d.MessageID())
		if err := keys.Open(raw.Subject, got.Raw, got.Body); err != nil {
			t.Fatalf("the raw message does not open again: %v", err)
		}
	})
}

func TestDeadLetterMessageID(t *testing.T) {
	for want, l := range map[string]DeadLetter{
		"ignored/abc/0000":       {Reason: Ignored, RawMessageID: "abc", StreamSequence: 9},
		"too_deep/abc/0012":      {Reason: TooDeep, RawMessageID: "abc", Item: 12},
		"too_deep/abc/12345":     {Reason: TooDeep, RawMessageID: "abc", Item: 12345},
		"unsealed/seq-9/0000":    {Reason: Unsealed, StreamSequence: 9},
		"unsealed/seq-10/0000":   {Reason: Unsealed, StreamSequence: 10, RawMessageID: "seq-9"}, // forged: must not take the place of 9
		"unsealed/=!a=20/0000":   {Reason: Unsealed, RawMessageID: "a "},
		"unsealed/a/0001/0000":   {Reason: Unsealed, RawMessageID: "a/0001"},
		"crash_guard/a=b/0000":   {Reason: CrashGuard, RawMessageID: "a=b"},
		"malformed_json/~é/0000": {Reason: MalformedJSON, RawMessageID: "~é"},
	} {
		if got := l.MessageID(); got != want {
			t.Errorf("message id %q, want %q", got, want)
		}
	}
}

// Whoever may publish to webhooks.> writes any header and any subject token that
// the server takes. The dead letter must still be publishable, in its own place.
func TestDeadLetterOfAForgery(t *testing.T) {
	l := testDeadLetter(t)
	l.Reason = Unsealed
	l.Source = "*é>"
	l.Raw = nats.Header{
		"Webhook-Source":     {"a ", "b\r\nc"},
		"Webhook-X Y":        {"dropped"},
		"Webhook-é":          {"dropped"},
		"Webhook-(":          {"dropped"},
		"Webhook-Seal":       {"v1;k1;=!"},
		"Nats-Rollup":        {"all"},
		"Status":             {"409"},
		"Deadletter-Reason":  {"ignored"},
		"Deadletter-Pointer": {"/x"},
	}
	msg := l.Message()
	if msg.Subject != "deadletters.=2A=C3=A9=3E.unsealed" {
		t.Errorf("subject %q", msg.Subject)
	}
	header := wire(t, msg.Header)
	got, err := DecodeDeadLetter(msg.Subject, header, msg.Data)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"Webhook-Seal", "Webhook-Source"}; !slices.Equal(slices.Sorted(maps.Keys(got.Raw)), want) {
		t.Errorf("raw headers %v, want %v", got.Raw, want)
	}
	if want := []string{"=!a=20", "=!b=0D=0Ac"}; !slices.Equal(got.Raw["Webhook-Source"], want) {
		t.Errorf("Webhook-Source %q, want %q", got.Raw["Webhook-Source"], want)
	}
	if got.Source != l.Source || got.Reason != Unsealed || got.Pointer != "/data/amount" {
		t.Errorf("got %+v", got)
	}
	if header["Nats-Rollup"] != nil || header["Status"] != nil {
		t.Error("a header with a meaning to the server was passed on")
	}
}

func TestDecodeDeadLetterRefuses(t *testing.T) {
	set := func(name string, values ...string) func(*nats.Msg) {
		return func(m *nats.Msg) { m.Header[name] = values }
	}
	for name, tt := range map[string]struct {
		change func(*nats.Msg)
		want   string
	}{
		"no reason":        {set(ReasonHeader), "header Deadletter-Reason is missing"},
		"unknown reason":   {set(ReasonHeader, "bad_luck"), "header Deadletter-Reason is not a reason of dead letters"},
		"two reasons":      {set(ReasonHeader, "ignored", "ignored"), "header Deadletter-Reason is there more than once"},
		"no pointer":       {set(PointerHeader), "header Deadletter-Pointer is missing"},
		"another source":   {set(DeadSourceHeader, "other"), "subject is not that of the source and reason in the headers"},
		"another subject":  {func(m *nats.Msg) { m.Subject += ".x" }, "subject is not that of the source and reason in the headers"},
		"sequence":         {set(StreamSequenceHeader, "-1"), "header Deadletter-Stream-Sequence is not a number"},
		"deliveries":       {set(DeliveriesHeader, "many"), "header Deadletter-Deliveries is not a number"},
		"no id":            {set(MessageIDHeader), "header Nats-Msg-Id is not <reason>/<raw message id>/<item>"},
		"foreign id":       {set(MessageIDHeader, "ignored/a/0000"), "header Nats-Msg-Id is not <reason>/<raw message id>/<item>"},
		"id without item":  {set(MessageIDHeader, "mapping_failed/a"), "header Nats-Msg-Id is not <reason>/<raw message id>/<item>"},
		"item in words":    {set(MessageIDHeader, "mapping_failed/a/one"), "header Nats-Msg-Id does not end in an item number"},
		"short item":       {set(MessageIDHeader, "mapping_failed/a/1"), "header Nats-Msg-Id is not <reason>/<raw message id>/<item>"},
		"huge item":        {set(MessageIDHeader, "mapping_failed/a/99999999999"), "header Nats-Msg-Id does not end in an item number"},
		"id badly escaped": {set(MessageIDHeader, "mapping_failed/=!a/0001"), "header Nats-Msg-Id is not escaped as this package escapes"},
		"another sequence": {set(MessageIDHeader, "mapping_failed/seq-1/0001"), "header Nats-Msg-Id is not <reason>/<raw message id>/<item>"},
	} {
		t.Run(name, func(t *testing.T) {
			msg := testDeadLetter(t).Message()
			tt.change(msg)
			l, err := DecodeDeadLetter(msg.Subject, msg.Header, msg.Data)
			var typed *DecodeError
			if !errors.As(err, &typed) || err.Error() != "delivery: "+tt.want {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if !reflect.DeepEqual(l, DeadLetter{}) {
				t.Errorf("a dead letter beside the error: %v", l)
			}
		})
	}
}

func TestReasonsAreClosed(t *testing.T) {
	for _, r := range Reasons() {
		if !r.Valid() {
			t.Errorf("%s is not valid", r)
		}
		if got := string(AppendToken(nil, string(r))); got != string(r) {
			t.Errorf("%s is not a subject token as it stands", r)
		}
	}
	if len(Reasons()) != 8 || Reason("").Valid() || Reason("Ignored").Valid() {
		t.Error("the set of reasons is not that of the contract")
	}
}
