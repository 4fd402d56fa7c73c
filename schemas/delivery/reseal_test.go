package delivery

import (
	"errors"
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

func TestReseal(t *testing.T) {
	there, here := Keys{testKey(t, "k1")}, Keys{testKey(t, "k2")}
	d := testDelivery()
	d.SignedID = "msg_1" // part of the id, and not on the wire
	msg := d.Message(there)
	msg.Header["Nats-Expected-Stream"] = []string{"WEBHOOKS"}
	later := d.ReceivedAt.Add(30 * 24 * time.Hour)

	again, err := Reseal(msg.Subject, msg.Header, msg.Data, later, here)
	if err != nil {
		t.Fatal(err)
	}
	if err := here.Open(again.Subject, wire(t, again.Header), again.Data); err != nil {
		t.Errorf("it does not open: %v", err)
	}
	if err := there.Open(again.Subject, again.Header, again.Data); err == nil {
		t.Error("it opens with the key of where it comes from")
	}
	if got, want := again.Header.Get(MessageIDHeader), msg.Header.Get(MessageIDHeader); got != want {
		t.Errorf("message id %s, want %s", got, want)
	}
	if again.Header["Nats-Expected-Stream"] != nil {
		t.Error("a header that means something to the server came along")
	}
	got, err := Decode(again.Subject, again.Header, again.Data)
	if err != nil {
		t.Fatal(err)
	}
	want := d
	want.SignedID, want.FirstReceivedAt, want.ReceivedAt = "", d.ReceivedAt, later
	if !reflect.DeepEqual(got, want) || !got.SignedAt().Equal(d.ReceivedAt) {
		t.Errorf("\n got %#v\nwant %#v", got, want)
	}

	// A second time does not forget when the request came.
	once, err := Reseal(again.Subject, again.Header, again.Data, later.Add(time.Hour), there)
	if err != nil {
		t.Fatal(err)
	}
	if got := once.Header.Get(FirstReceivedAtHeader); got != msg.Header.Get(ReceivedAtHeader) {
		t.Errorf("first received at %s", got)
	}
}

// What a file may hold and no stream would have stored is refused, by its name.
func TestResealRefuses(t *testing.T) {
	for name, change := range map[string]func(nats.Header){
		SourceHeader:          func(h nats.Header) { h.Del(SourceHeader) },
		MessageIDHeader:       func(h nats.Header) { h.Del(MessageIDHeader) },
		RequestIDHeader:       func(h nats.Header) { h[RequestIDHeader] = []string{"a\r\nNats-Rollup: all"} },
		"Webhook-X:Y":         func(h nats.Header) { h["Webhook-X:Y"] = []string{"a"} },
		FirstReceivedAtHeader: func(h nats.Header) { h[FirstReceivedAtHeader] = []string{"yesterday"} },
	} {
		msg := testDelivery().Message(Keys{testKey(t, "k1")})
		header := maps.Clone(msg.Header)
		change(header)
		_, err := Reseal(msg.Subject, header, msg.Data, time.Unix(0, 0), Keys{testKey(t, "k1")})
		var refused *DecodeError
		if !errors.As(err, &refused) || refused.Header != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}
