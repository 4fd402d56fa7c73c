package operate

import "testing"

func TestEventFilter(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "payments.>",
		">":                                  "payments.>",
		"payments":                           "payments.>",
		"payments.>":                         "payments.>",
		"pik":                                "payments.pik.>",
		"pik.>":                              "payments.pik.>",
		"*.payin.confirmed":                  "payments.*.payin.confirmed.>",
		"payments.*.*.*.payment.confirmed":   "payments.*.*.*.payment.confirmed",
		"bidali.payin.confirmed.charge.paid": "payments.bidali.payin.confirmed.charge.paid",
	} {
		if got, err := EventFilter(text); got != want || err != nil {
			t.Errorf("EventFilter(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, bad := range []string{"pik..payin", ".", "pik.pay*", "pik.>.x", "pik payin", "a.>>"} {
		if got, err := EventFilter(bad); err == nil {
			t.Errorf("EventFilter(%q) = %q, want an error", bad, got)
		}
	}
}

func TestSubjectParts(t *testing.T) {
	subject := "payments.pik.payin.confirmed.payment.confirmed"
	if got := nativeTokens(subject); got != "payment.confirmed" {
		t.Errorf("nativeTokens = %q", got)
	}
	if got := nativeTokens("payments.pik"); got != "" {
		t.Errorf("nativeTokens of a short subject = %q", got)
	}
	if got := sourceToken(subject); got != "pik" {
		t.Errorf("sourceToken = %q", got)
	}
	if got := sourceToken("webhooks"); got != "" {
		t.Errorf("sourceToken of one token = %q", got)
	}
}
