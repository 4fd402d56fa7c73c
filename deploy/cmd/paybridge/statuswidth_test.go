package main

import (
	"strings"
	"testing"
	"time"

	"paybridge/deploy/operate"
)

// TestStatusFits says that a source with a long name and large numbers fits into a
// terminal of 80 columns, and that a short one has the room that makes it easy to read.
func TestStatusFits(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	long := operate.SourceStatus{
		Name: "mercado-pago-br", Deliveries: 1234567, Last: at.Add(-4 * time.Minute), Waiting: 12, Oldest: at.Add(-83 * time.Second),
		Events: 1234567, DeliveryRate: 123.4, EventRate: 123.4,
	}
	for name, test := range map[string]struct {
		source operate.SourceStatus
		want   string
	}{
		"long":  {long, "SOURCE          DELIVERED /S "},
		"short": {operate.SourceStatus{Name: "pik"}, "SOURCE  DELIVERED  /S  LAST"},
	} {
		var out strings.Builder
		if err := printStatus(&out, operate.Status{At: at, Window: 60, Sources: []operate.SourceStatus{test.source}}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), test.want) || widest(out.String()) > columns {
			t.Errorf("%s: %d columns\n%s", name, widest(out.String()), out.String())
		}
	}
}
