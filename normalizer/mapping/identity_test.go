package mapping

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

func TestIDs(t *testing.T) {
	p := compile(t, `
type_prefix: com.acme
type: item.type
id: item.?id.orValue(item.event_id)
derived_id: [item.ref, item.status, 'string(item.amount)']`, Settings{})
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "~" + base64.RawURLEncoding.EncodeToString(sum[:])[:22]
	}
	long := strings.Repeat("x", 128)
	for members, want := range map[string]string{
		`"id":"evt_xyz789"`:                              "evt_xyz789 []",
		`"event_id":"evt_2"`:                             "evt_2 []",
		`"id":"evt_1","event_id":"evt_2"`:                "evt_1 []",
		`"id":4711`:                                      "4711 []",
		`"id":1.50e3`:                                    "1.50e3 []",
		`"id":"a b"`:                                     hash("a b") + " []",
		`"id":"a\r\nNats-Rollup: all"`:                   hash("a\r\nNats-Rollup: all") + " []",
		`"id":"é"`:                                       hash("é") + " []",
		`"id":"` + long + `"`:                            long + " []",
		`"id":"` + long + `x"`:                           hash(long+"x") + " []",
		`"id":"","ref":"r","status":"s","amount":1`:      "r:s:1 [derived_id]",
		`"id":null,"ref":"r","status":"s","amount":1.00`: "r:s:1=2E00 [derived_id]",
		`"ref":"r:s","status":"=","amount":"é"`:          "r=3As:=3D:=C3=A9 [derived_id]",
		`"ref":"r","status":"s:","amount":1`:             "r:s=3A:1 [derived_id]",
		`"ref":"r"`:                                      "r:=:= [derived_id]",
		`"status":"s"`:                                   "=:s:= [derived_id]",
		`"ref":"` + long + `","status":"s"`:              hash(long+":s:=") + " [derived_id]",
		`"x":1`:                                          hash("t\x00"+`{"type":"t","x":1}`) + " [derived_id]",
		`"ref":null,"status":""`:                         hash("t\x00"+`{"type":"t","ref":null,"status":""}`) + " [derived_id]",
	} {
		e := one(t, p, `{"type":"t",`+members+`}`)
		if got := fmt.Sprint(e.ID, " ", e.Payment.Notes); got != want {
			t.Errorf("%.40s: the id is %s, want %s", members, got, want)
		}
	}
	if got := dead(t, p, `{"type":"t","id":{}}`).Problem; got != "id: is a list or an object, not a text" {
		t.Error(got)
	}
	if got := dead(t, p, `{"type":"t","ref":[]}`).Problem; got != "derived_id[0]: is a list or an object, not a text" {
		t.Error(got)
	}
}

// TestContentIDs: without anything that identifies it, an event is its bytes.
func TestContentIDs(t *testing.T) {
	p := compile(t, "type_prefix: com.acme\ntype: endpoint\nderived_id: [item.id]", Settings{})
	ids := map[string]string{}
	for _, c := range [][2]string{{"PixPayment", `{"x":1}`}, {"PixRefund", `{"x":1}`}, {"PixPayment", `{"x":2}`}, {"PixPayment", `{"x": 1}`}} {
		d := deliver(c[1])
		d.Endpoint = c[0]
		id := mapDelivery(t, p, d)[0].Event.ID
		if other, ok := ids[id]; ok {
			t.Errorf("%q and %q have one id", c, other)
		}
		ids[id] = c[0] + c[1]
		if again := mapDelivery(t, p, d)[0].Event.ID; again != id {
			t.Errorf("%q has the ids %s and %s", c, id, again)
		}
	}
}
