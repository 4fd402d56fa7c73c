package mapping

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

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
		"00-" + trace + "-" + parent + "-ff":                      trace + " 03", // what means nothing yet is cleared
		"00-" + trace + "-" + parent + "-04":                      trace + " 00",
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
		got := traceparent(d, "sha256-x", 0, 0)
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
		if again := traceparent(d, "sha256-x", 0, 0); again != got {
			t.Errorf("%s became %s and %s", given, got, again)
		}
		if other := traceparent(d, "sha256-x", 1, 0); other[36:52] == got[36:52] || other[3:35] != got[3:35] {
			t.Errorf("the next item is %s, beside %s", other, got)
		}
	}
	d := deliver("{}")
	if traceparent(d, "sha256-x", 0, 0) == traceparent(d, "sha256-y", 0, 0) {
		t.Error("two deliveries start one trace")
	}
}

// What starts here is sampled by its share; what a request brings says itself.
func TestTracesAreSampled(t *testing.T) {
	const many = 2000
	for _, unsampled := range []float64{0, 0.25, 0.9, 1} {
		count := 0
		for i := range many {
			d := deliver("{}")
			got := traceparent(d, fmt.Sprintf("sha256-%d", i), 0, unsampled)
			if got != traceparent(d, fmt.Sprintf("sha256-%d", i), 0, unsampled) {
				t.Fatal("chance decides")
			}
			if strings.HasSuffix(got, "-01") {
				count++
			}
			d.Traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
			if got := traceparent(d, "sha256-x", 0, unsampled); !strings.HasSuffix(got, "-01") {
				t.Fatalf("a sampled trace became %s", got)
			}
		}
		if want := (1 - unsampled) * many; float64(count) < want-0.05*many || float64(count) > want+0.05*many || unsampled == 1 && count > 0 || unsampled == 0 && count < many {
			t.Errorf("%d of %d are sampled where %v are not", count, many, unsampled)
		}
	}
}

// A delivery without an event belongs to the trace that its events would continue.
func TestTraceOf(t *testing.T) {
	p := compile(t, "type_prefix: com.acme\ntype: item.type\nid: item.id", Settings{Unsampled: 1})
	for _, given := range []string{"", "nonsense", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02"} {
		d := deliver(`{"type":"a","id":"1"}`)
		d.Traceparent = given
		doc, dead := p.Decode(d)
		if dead != nil {
			t.Fatal(dead)
		}
		e := p.Map(d, doc, 1)[0].Event
		parent, recorded := "", true
		if strings.HasPrefix(given, "00-") {
			parent, recorded = "00f067aa0ba902b7", strings.HasSuffix(given, "1")
		}
		if got, want := TraceOf(d), (Trace{e.Traceparent[3:35], parent, recorded}); got != want {
			t.Errorf("%q: %+v, want %+v", given, got, want)
		}
		if recorded != strings.HasSuffix(e.Traceparent, "1") && given != "" && given != "nonsense" {
			t.Errorf("%q: the event has %s", given, e.Traceparent)
		}
	}
}
