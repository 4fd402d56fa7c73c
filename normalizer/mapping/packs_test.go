package mapping

import (
	"fmt"
	"strings"
	"testing"

	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// builtIn compiles a pack that the program ships with.
func builtIn(t testing.TB, name string) *Program {
	t.Helper()
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	e, err := library.Events(name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(e, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// summary is what the contract's table says of an event.
func summary(t testing.TB, p *Program, d *delivery.Delivery) string {
	t.Helper()
	items := mapDelivery(t, p, d)
	if len(items) != 1 || items[0].Event == nil {
		t.Fatalf("%.100s became %d items: %v", d.Body, len(items), items[0].Dead)
	}
	pay := items[0].Event.Payment
	s := fmt.Sprintf("%s %s %s", pay.Kind, pay.Direction, pay.State)
	if pay.Parent != nil {
		s += " parent=" + *pay.Parent
	}
	for _, note := range pay.Notes {
		if note == "funds_received" || note == "assumed_state" {
			s += " " + note
		}
	}
	return s
}

// TestPIK is the contract's table on PIK's documented payload.
func TestPIK(t *testing.T) {
	p := builtIn(t, "pik")
	body := func(event string) string {
		return `{"event":"` + event + `","id":"evt_xyz789","created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":"txn_def456","payment_link_id":"pl_abc123xyz",` +
			`"amount":"75.00","currency":"USDT","status":"confirmed","confirmed_at":"2024-01-15T10:45:00Z"}}`
	}
	for event, want := range map[string]string{
		"payment.confirmed": "payin in confirmed",
		"payment.settled":   "payin in settled",
		"payment.failed":    "payin in failed",
		"payment.expired":   "payin in expired",
		"payment.disputed":  "unknown unknown unknown",
		">":                 "unknown unknown unknown",
	} {
		if got := summary(t, p, deliver(body(event))); got != want {
			t.Errorf("%s is %s, want %s", event, got, want)
		}
	}
	e := one(t, p, body("payment.confirmed"))
	if e.ID != "evt_xyz789" || e.Type != "global.pik.payment.confirmed" || e.Subject != "txn_def456" || text(e.Payment.Reference) != "pl_abc123xyz" {
		t.Errorf("the event is %+v", e)
	}
	if money(e.Payment.Amount) != "75.00 USDT null" || text(e.Payment.OccurredAt) != "2024-01-15T10:45:00Z" {
		t.Errorf("the payment is %+v", e.Payment)
	}
}

// TestPicPay is the contract's table on PicPay's published payload.
func TestPicPay(t *testing.T) {
	p := builtIn(t, "picpay")
	with := func(status string, refunded int) *delivery.Delivery {
		d := picpayDelivery()
		body := strings.Replace(picpay, `"status": "PAID"`, `"status": "`+status+`"`, 1)
		d.Body = []byte(strings.Replace(body, `"refundedAmount": 0`, fmt.Sprintf(`"refundedAmount": %d`, refunded), 1))
		return d
	}
	const charge = "6751cac1-9e13-437d-bbf9-8f00708b9b20"
	ids := map[string]string{}
	for _, c := range []struct {
		status   string
		refunded int
		want     string
	}{
		{"PAID", 0, "payin in confirmed"},
		{"PRE_AUTHORIZED", 0, "payin in authorized"},
		{"AUTHORIZED", 0, "payin in authorized"},
		{"CANCELED", 0, "payin in canceled"},
		{"DENIED", 0, "payin in failed"},
		{"ERROR", 0, "payin in failed"},
		{"REFUNDED", 10000, "refund out confirmed parent=" + charge},
		{"PARTIAL", 100, "refund out confirmed parent=" + charge},
		{"PARTIAL", 200, "refund out confirmed parent=" + charge},
		{"PARTIAL", 0, "unknown unknown unknown"},
		{"CHARGEBACK", 0, "dispute out confirmed parent=" + charge},
		{"WHATEVER", 0, "unknown unknown unknown"},
	} {
		d := with(c.status, c.refunded)
		if got := summary(t, p, d); got != c.want {
			t.Errorf("%s with %d refunded is %s, want %s", c.status, c.refunded, got, c.want)
		}
		e := mapDelivery(t, p, d)[0].Event
		if other, ok := ids[e.ID]; ok {
			t.Errorf("%s and %s have one id", c.status, other)
		}
		ids[e.ID] = c.status
		if e.Subject != charge || money(e.Payment.Amount) != "100.00 BRL 10000" || string(e.Native) != string(d.Body) {
			t.Errorf("%s: subject %s, amount %s", c.status, e.Subject, money(e.Payment.Amount))
		}
	}
	e := mapDelivery(t, p, picpayDelivery())[0].Event
	if got := fmt.Sprint(text(e.Payment.OccurredAt), e.Payment.Notes); got != "2025-04-16T14:30:04.157929932Z[derived_id zoneless_time]" {
		t.Error(got)
	}
	if e.Payment.Rail != "pix" || text(e.Payment.Network.EndToEndID) != "E00416911112501234429olrr6BQh8vW" {
		t.Errorf("the payment is %+v", e.Payment)
	}
}

// TestBidali is the contract's table on Bidali's published payload: the code
// decides, never the type's name.
func TestBidali(t *testing.T) {
	p := builtIn(t, "bidali")
	for code, want := range map[string]string{
		"300": "payin in confirmed", "310": "payin in confirmed", "320": "payin in confirmed", "399": "payin in confirmed",
		"100": "payin in pending", "105": "payin in pending", "200": "payin in pending", "299": "payin in pending",
		"400": "payin in failed", "500": "payin in failed", "499": "payin in failed",
		"405": "payin in expired funds_received", "410": "payin in expired",
		"415": "payin in failed funds_received", "417": "payin in failed funds_received", "420": "payin in failed funds_received",
		"450": "refund out confirmed",
		"99":  "unknown unknown unknown", "501": "unknown unknown unknown", "600": "unknown unknown unknown", "0": "unknown unknown unknown",
		`"300"`: "payin in confirmed", "300.0": "payin in confirmed", "3e2": "payin in confirmed",
		"300.5": "unknown unknown unknown", `"success"`: "unknown unknown unknown", "null": "unknown unknown unknown", "1e400": "unknown unknown unknown",
	} {
		body := `{"id":"1234","type:":"charge.success","data":{"id":"9a4f03cb","amount":"5","currency":"USD","statusCode":` + code +
			`,"status":"success","timeline":[{"id":"t1","time":"2018-08-17T18:43:11.808Z"},{"id":"t2","time":"2018-08-17T18:44:54.033Z"}]}}`
		got, _, _ := strings.Cut(summary(t, p, deliver(body)), " parent")
		if got != want {
			t.Errorf("%s is %s, want %s", code, got, want)
		}
		if e := one(t, p, body); e.NativeType != "charge.success" || text(e.Payment.OccurredAt) != "2018-08-17T18:44:54.033Z" {
			t.Errorf("%s: type %s at %s", code, e.NativeType, text(e.Payment.OccurredAt))
		}
	}
}
