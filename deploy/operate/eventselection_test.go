package operate

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/event"
)

// TestEventSelection says which events each word means, and what the bus is asked for.
func TestEventSelection(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	refund := aPayment("bidali", "two")
	refund.Payment.Kind, refund.Payment.Direction = event.Refund, event.Out
	one := "one"
	refund.Payment.Parent = &one
	settled := aPayment("pik", "three")
	settled.Payment.State = event.Settled
	for _, e := range []event.Event{aPayment("pik", "one"), refund, settled} {
		publish(t, js, e, event.Structured)
	}
	if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: "payments.pik.payin.confirmed.z"}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		s       EventSelection
		subject string
		want    string // the payments, in order; x is what is no event
	}{
		{EventSelection{}, "payments.*.*.*.>", "one two three x"},
		{EventSelection{Sources: []string{"pik"}}, "payments.pik.*.*.>", "one three x"},
		{EventSelection{Sources: []string{"pik", "bidali"}, Kinds: []string{"payin"}}, "payments.*.payin.*.>", "one three x"},
		{EventSelection{States: []string{"settled"}}, "payments.*.*.settled.>", "three"},
		{EventSelection{States: []string{"settled", "confirmed"}, Kinds: []string{"payin", "refund"}}, "payments.*.*.*.>", "one two three x"},
		{EventSelection{Payment: "one"}, "payments.*.*.*.>", "one two"},
		{EventSelection{Payment: "one", Kinds: []string{"refund"}}, "payments.*.refund.*.>", "two"},
		{EventSelection{Filter: "pik", States: []string{"confirmed"}}, "payments.pik.>", "one x"},
	} {
		subject, err := test.s.Subject()
		if err != nil || subject != test.subject {
			t.Errorf("%+v: asks for %s, %v", test.s, subject, err)
		}
		var out bytes.Buffer
		tail := Tail{Stream: jetstream.Payments, Filter: subject, Select: test.s, Since: time.Now().Add(-time.Hour), Count: len(strings.Fields(test.want))}
		if err := tail.Run(t.Context(), js, &out, nil); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "is no event") {
				got = append(got, "x")
			} else {
				got = append(got, strings.Fields(line)[7])
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%+v: got %v, want %s", test.s, got, test.want)
		}
	}
	_, err := EventSelection{Kinds: []string{"paying"}}.Subject()
	checkAdvice(t, err, `"paying" is no kind`, "payin")
	_, err = EventSelection{States: []string{"done"}}.Subject()
	checkAdvice(t, err, `"done" is no state`, "settled")
}
