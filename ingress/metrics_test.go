package ingress

import (
	"strings"
	"testing"
	"time"
)

// TestClockSkew has one source's clock be ahead, and those that date nothing say nothing.
func TestClockSkew(t *testing.T) {
	d := open(t, func(o *Options) {
		o.Sources[0].Endpoints[0].Verifier.(*signed).ahead = 42 * time.Second
	})
	for _, request := range []string{webhook("x"), strings.Replace(webhook("x"), "/webhooks/pik", "/webhooks/says", 1)} {
		if got := d.raw(request); got.status != 200 {
			t.Fatalf("answered %+v", got)
		}
	}
	var shown []string
	for line := range strings.Lines(scrape(t, d)) {
		if strings.HasPrefix(line, "paybridge_clock_skew_seconds") {
			shown = append(shown, line)
		}
	}
	if len(shown) != 1 || shown[0] != "paybridge_clock_skew_seconds{source=\"pik\"} 42\n" {
		t.Errorf("%q", shown)
	}
}
