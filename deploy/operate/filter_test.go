package operate

import (
	"strings"
	"testing"
)

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

// TestFilterSource says which source a filter names, and that a subject written whole is
// told from what people type.
func TestFilterSource(t *testing.T) {
	for filter, want := range map[string]struct {
		source  string
		subject bool
	}{
		"":                  {"", false},
		">":                 {"", false},
		"payments":          {"", false},
		"pik":               {"pik", false},
		"pik.payin":         {"pik", false},
		"*.payin.confirmed": {"", false},
		"payments.>":        {"", true},
		"payments.*.refund": {"", true},
		"payments.pik.>":    {"pik", true},
	} {
		if source, subject := FilterSource(filter); source != want.source || subject != want.subject {
			t.Errorf("%q: %q, %v", filter, source, subject)
		}
	}
}

// TestFilterWords says that a kind or a state that no event has is an error, but in a
// subject that is written whole.
func TestFilterWords(t *testing.T) {
	for _, filter := range []string{"pik.payin.confirmed", "*.*.settled", "pik.refund.>", "payments.pik.paying", "pik.payin.confirmed.paying"} {
		if _, err := (EventSelection{Filter: filter}).Subject(); err != nil {
			t.Errorf("%s: %v", filter, err)
		}
	}
	for filter, want := range map[string]string{"pik.paying": `"paying" is no kind`, "*.*.confirm": `"confirm" is no state`, "pik..payin": "is not a subject token"} {
		_, err := (EventSelection{Filter: filter}).Subject()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", filter, err)
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
