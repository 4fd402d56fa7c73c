package normalizer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// An event that is stored has no message any more, so that nobody reads the next one's
// in its place; a dead letter keeps its own.
func TestRoomsAreGivenBack(t *testing.T) {
	n, err := New(testOptions(new(nats.Conn), nil, words{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{100, 2 * largestRoom} {
		o := newOutcome(&raw{msg: &nats.Msg{Subject: "webhooks.shop.default"}})
		e := wordsEvent(&delivery.Delivery{Source: "shop", Provider: "words", ReceivedAt: time.Unix(1e9, 0).UTC(), Scheme: "hmac"}, 1, 0, []string{"e1", "p1"})
		e.Native = fmt.Appendf(nil, "%q", strings.Repeat("x", size))
		if dead := n.encode(o, nil, mapping.Item{Event: e}); dead != nil {
			t.Fatal(dead)
		}
		p := o.publications[0]
		decoded, err := event.Decode(p.msg.Header, p.msg.Data)
		if err != nil || len(decoded.Native) != size+2 {
			t.Fatalf("%d bytes, %v", len(decoded.Native), err)
		}
		n.rooms.giveBack(p)
		n.rooms.giveBack(p)
		if p.msg != nil || p.room != nil {
			t.Errorf("%d: message %v, room %v", size, p.msg, p.room)
		}
	}
	p := newOutcome(&raw{msg: &nats.Msg{}}).addDead(0, &mapping.Dead{Reason: delivery.MappingFailed}, "")
	if n.rooms.giveBack(p); p.msg == nil {
		t.Error("a dead letter lost its message")
	}
}
