package delivery_test

import (
	"bytes"
	"net/textproto"
	"reflect"
	"testing"
	"time"

	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/delivery"
)

// What a real server stores is what was received, however hostile, and so is the
// dead letter that it becomes.
func TestStoredAndReadBack(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	key, err := delivery.NewKey("k1", "a secret that is only in this test")
	if err != nil {
		t.Fatal(err)
	}
	keys := delivery.Keys{key}
	everyByte := make([]byte, 256)
	for i := range everyByte {
		everyByte[i] = byte(i)
	}
	for name, text := range map[string]string{
		"plain":         "sha256=9f86d0",
		"blank ends":    " \ta\t ",
		"only blanks":   "  ",
		"empty":         "",
		"CR LF":         "a\r\nNats-Rollup: all\r\n\r\nPUB x",
		"the escape":    "=!a=20",
		"not UTF-8":     "\xff\xfe",
		"NUL":           "\x00",
		"every byte":    string(everyByte),
		"colon":         ": a: b",
		"looks trimmed": "a  b",
	} {
		t.Run(name, func(t *testing.T) {
			sent := delivery.Delivery{
				Source: "pik", Provider: "pik", Endpoint: "Order_1-a", Scheme: "hmac",
				ReceivedAt: time.Date(2025, 1, 15, 10, 30, 0, 1, time.UTC),
				RequestID:  text, KeyID: text, Traceparent: text, Query: text,
				Header: textproto.MIMEHeader{"X-Signature": {text, "second", text}},
				Body:   append(everyByte, text...),
			}
			msg := sent.Message(keys)
			ack, err := js.PublishMsg(t.Context(), msg)
			if err != nil {
				t.Fatal(err)
			}
			stream, err := js.Stream(t.Context(), ack.Stream)
			if err != nil {
				t.Fatal(err)
			}
			stored, err := stream.GetMsg(t.Context(), ack.Sequence)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(stored.Data, sent.Body) {
				t.Errorf("stored %q, want the body", stored.Data)
			}
			if err := keys.Open(stored.Subject, stored.Header, stored.Data); err != nil {
				t.Error(err)
			}
			got, err := delivery.Decode(stored.Subject, stored.Header, stored.Data)
			if err != nil || !reflect.DeepEqual(got, sent) {
				t.Errorf("%v\n got %#v\nwant %#v", err, got, sent)
			}

			dead := delivery.DeadLetter{
				Reason: delivery.MappingFailed, Source: "pik", StreamSequence: ack.Sequence, Deliveries: 1,
				NormalizerVersion: text, Pointer: text, RawMessageID: sent.MessageID(), Raw: stored.Header, Body: stored.Data,
			}
			if ack, err = js.PublishMsg(t.Context(), dead.Message()); err != nil {
				t.Fatal(err)
			}
			if stream, err = js.Stream(t.Context(), ack.Stream); err != nil {
				t.Fatal(err)
			}
			if stored, err = stream.GetMsg(t.Context(), ack.Sequence); err != nil {
				t.Fatal(err)
			}
			back, err := delivery.DecodeDeadLetter(stored.Subject, stored.Header, stored.Data)
			if err != nil || back.Pointer != text || back.NormalizerVersion != text {
				t.Fatalf("%v: %#v", err, back)
			}
			back.Raw.Set(delivery.MessageIDHeader, back.RawMessageID)
			if err := keys.Open(msg.Subject, back.Raw, back.Body); err != nil {
				t.Errorf("what is redriven: %v", err)
			}
		})
	}
}
