package mapping

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
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

var traceForm = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

func TestTraceparent(t *testing.T) {
	const (
		trace  = "4bf92f3577b34da6a3ce929d0e0e4736"
		parent = "00f067aa0ba902b7"
	)
	for given, want := range map[string]string{ // the parts that continue the given one; "" starts a trace
		"00-" + trace + "-" + parent + "-01":                      trace + " 01",
		"00-" + trace + "-" + parent + "-00":                      trace + " 00",
		"00-" + trace + "-" + parent + "-03":                      trace + " 03",
		"01-" + trace + "-" + parent + "-03":                      trace + " 01",
		"cc-" + trace + "-" + parent + "-02-what-the-future-says": trace + " 00",
		"cc-" + trace + "-" + parent + "-01.what":                 "",
		"00-" + trace + "-" + parent + "-01-":                     "",
		"ff-" + trace + "-" + parent + "-01":                      "",
		"00-" + strings.Repeat("0", 32) + "-" + parent + "-01":    "",
		"00-" + trace + "-0000000000000000-01":                    "",
		"00-" + strings.ToUpper(trace) + "-" + parent + "-01":     "",
		"00-" + trace + "-" + parent + "-0g":                      "",
		"00-" + trace + "-" + parent:                              "",
		"00_" + trace + "-" + parent + "-01":                      "",
		"":                                                        "",
	} {
		d := deliver("{}")
		d.Traceparent = given
		got := traceparent(d, "sha256-x", 0)
		if !traceForm.MatchString(got) {
			t.Errorf("%s became %s", given, got)
			continue
		}
		if want != "" && got[3:35]+" "+got[53:] != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
		if want == "" && strings.Contains(got, trace) {
			t.Errorf("%s was continued: %s", given, got)
		}
		if strings.Contains(got, parent) {
			t.Errorf("%s kept its span: %s", given, got)
		}
		if again := traceparent(d, "sha256-x", 0); again != got {
			t.Errorf("%s became %s and %s", given, got, again)
		}
		if other := traceparent(d, "sha256-x", 1); other[36:52] == got[36:52] || other[3:35] != got[3:35] {
			t.Errorf("the next item is %s, beside %s", other, got)
		}
	}
	d := deliver("{}")
	if traceparent(d, "sha256-x", 0) == traceparent(d, "sha256-y", 0) {
		t.Error("two deliveries start one trace")
	}
}
