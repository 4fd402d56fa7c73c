package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"paybridge/deploy/operate"
)

// TestBrokenPackShows breaks a pack under a running `up`, and sees it wherever an
// operator looks: in status, in the metric that the dashboard draws, and in the very
// series that the alert's own test (`make rules-test`) has fire.
func TestBrokenPackShows(t *testing.T) {
	s := newScale(t)
	const source = "link"
	s.program(t, "send", source)
	await(t, "an event", func() bool { return s.stored() == 1 })
	if dead := s.dead(t, source); len(dead) != 0 {
		t.Fatalf("the pack is whole, and %v died", dead)
	}
	s.edit(source, [2]string{"  type: item.event\n", "  type: item.nothing_of_that_name\n"})
	await(t, "the broken pack in force", func() bool { return strings.Contains(s.errs.String(), `"configuration reloaded"`) })
	s.program(t, "send", source, "--vary")
	await(t, "a dead letter in status", func() bool { return s.dead(t, source)["mapping_failed"] == 1 })

	series := regexp.MustCompile(`(?m)^(paybridge_deadletters_total\{[^}]*source="link"[^}]*\}) 1$`)
	var found []string
	await(t, "a dead letter in the metrics", func() bool {
		found = series.FindStringSubmatch(s.fetch("/metrics"))
		return found != nil
	})
	for file, line := range map[string]string{
		"../../grafana/paybridge.json":               `"expr": "sum by (source, reason) (increase(paybridge_deadletters_total[`,
		"../../prometheus/paybridge.rules.yaml":      "(increase(paybridge_deadletters_total{",
		"../../prometheus/paybridge.rules.test.yaml": "{series: '" + found[1] + "', values: \"_ _ 1 1 1\"}",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(line)) {
			t.Errorf("%s does not hold %s", file, line)
		}
	}
}

// program runs a command in this process and returns what it prints.
func (s *scaled) program(t *testing.T, args ...string) string {
	t.Helper()
	p, out, errs := testProgram(append(args, "--config", s.config, "--data", s.data)...)
	p.Now = time.Now
	if code := p.Run(t.Context()); code != exitOK {
		t.Fatalf("%v: %d %s", args, code, errs)
	}
	return out.String()
}

// dead is how many dead letters of a source status shows, by reason.
func (s *scaled) dead(t *testing.T, source string) map[string]uint64 {
	t.Helper()
	var status operate.Status
	if err := json.Unmarshal([]byte(s.program(t, "status", "--json")), &status); err != nil {
		t.Fatal(err)
	}
	for _, of := range status.Sources {
		if of.Name == source {
			return of.DeadLetters
		}
	}
	return nil
}
