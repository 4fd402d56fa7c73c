package ingress

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"

	"paybridge/deploy/jetstream/jetstreamtest"
)

func TestReadAck(t *testing.T) {
	for _, c := range []struct {
		name, data string
		header     nats.Header
		want       jetstream.PubAck
		fails      error
		code       jetstream.ErrorCode
	}{
		{name: "plain", data: `{"stream":"WEBHOOKS","seq":42}`, want: jetstream.PubAck{Stream: rawStream, Sequence: 42}},
		{name: "duplicate", data: `{"stream":"WEBHOOKS","seq":42,"duplicate": true}`, want: jetstream.PubAck{Stream: rawStream, Sequence: 42, Duplicate: true}},
		{name: "with a domain", data: `{"stream":"WEBHOOKS","domain":"edge","seq":42}`, want: jetstream.PubAck{Stream: rawStream, Sequence: 42, Domain: "edge"}},
		{name: "with space", data: ` {"stream": "WEBHOOKS", "seq": 42 }`, want: jetstream.PubAck{Stream: rawStream, Sequence: 42}},
		{name: "the last sequence", data: `{"stream":"WEBHOOKS","seq":18446744073709551615}`, want: jetstream.PubAck{Stream: rawStream, Sequence: math.MaxUint64}},
		{name: "another stream", data: `{"stream":"WEBHOOKS2","seq":42}`, want: jetstream.PubAck{Stream: "WEBHOOKS2", Sequence: 42}},
		{name: "an error", data: `{"error":{"code":503,"err_code":10077,"description":"full"},"stream":"WEBHOOKS","seq":0}`, code: codeStoreFailed},
		{name: "nobody there", header: nats.Header{"Status": {"503"}}, fails: jetstream.ErrNoStreamResponse},
		{name: "nothing", fails: jetstream.ErrInvalidJSAck},
		{name: "no sequence", data: `{"stream":"WEBHOOKS","seq":}`, fails: jetstream.ErrInvalidJSAck},
		{name: "sequence 0", data: `{"stream":"WEBHOOKS","seq":0}`, fails: jetstream.ErrInvalidJSAck},
		{name: "a leading 0", data: `{"stream":"WEBHOOKS","seq":042}`, fails: jetstream.ErrInvalidJSAck},
		{name: "beyond 64 bits", data: `{"stream":"WEBHOOKS","seq":18446744073709551616}`, fails: jetstream.ErrInvalidJSAck},
		{name: "a fraction", data: `{"stream":"WEBHOOKS","seq":4.2}`, fails: jetstream.ErrInvalidJSAck},
		{name: "half", data: `{"stream":"WEBHOOKS","seq":4`, fails: jetstream.ErrInvalidJSAck},
		{name: "more", data: `{"stream":"WEBHOOKS","seq":4}}`, fails: jetstream.ErrInvalidJSAck},
	} {
		ack, err := readAck(&nats.Msg{Data: []byte(c.data), Header: c.header})
		var api *jetstream.APIError
		switch {
		case c.fails != nil:
			if !errors.Is(err, c.fails) {
				t.Errorf("%s: %+v %v", c.name, ack, err)
			}
		case c.code != 0:
			if !errors.As(err, &api) || api.ErrorCode != c.code {
				t.Errorf("%s: %+v %v", c.name, ack, err)
			}
		case err != nil || *ack != c.want:
			t.Errorf("%s: %+v %v", c.name, ack, err)
		}
	}
}

// TestPlainAckIsJSON has whatever is read by hand read by JSON as well, to the same end.
func TestPlainAckIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := fmt.Sprintf(`{"stream":"WEBHOOKS","seq":%s}`, rapid.OneOf(
			rapid.Map(rapid.Uint64(), func(n uint64) string { return fmt.Sprint(n) }),
			rapid.StringMatching(`[-+0-9eE., }]{0,22}`),
		).Draw(t, "sequence"))
		sequence, plain := readPlainAck([]byte(text))
		var ack jetstream.PubAck
		if err := json.Unmarshal([]byte(text), &ack); plain && (err != nil || ack.Sequence != sequence || ack.Stream != rawStream) {
			t.Errorf("%s: read %d, JSON says %+v %v", text, sequence, ack, err)
		}
	})
}

// TestServerSpeaksPlain has the server's own acknowledgement read by hand.
func TestServerSpeaksPlain(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	answer, err := js.Conn().RequestMsg(message("plain"), patientFor)
	if err != nil {
		t.Fatal(err)
	}
	if sequence, plain := readPlainAck(answer.Data); !plain || sequence != 1 {
		t.Errorf("%s is not plain", answer.Data)
	}
}
