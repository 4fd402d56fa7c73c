package deploy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"paybridge/deploy/operate"
)

// Every metric that an alert or a panel names is one that the programs have, or that a
// command leaves for node_exporter.
func TestAlertsAndPanelsNameRealMetrics(t *testing.T) {
	r := run(t)
	known := map[string]bool{}
	for _, m := range r.metrics {
		for _, name := range m.names(t) {
			known[name] = true
		}
	}
	at := time.Unix(0, 0)
	for _, left := range []*prometheus.Registry{operate.BackupMeasures(at), operate.AuditMeasures(at, operate.Audited{}), operate.Doctor{}.Measures(at, nil)} {
		for _, name := range (&described{left}).names(t) {
			known[name] = true
		}
	}
	for _, name := range (&described{syncs(t)}).names(t) {
		known[name] = true
	}
	for _, file := range []string{"prometheus/paybridge.rules.yaml", "prometheus/paybridge.rules.test.yaml", "grafana/paybridge.json", "RUNBOOK.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile(`paybridge_[a-z0-9_]+`).FindAll(text, -1)
		if len(named) == 0 {
			t.Errorf("%s names no metric", file)
		}
		for _, name := range named {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAll(name, nil)
			if !known[string(name)] && !known[string(base)] {
				t.Errorf("%s names %s, which nothing of ours has", file, name)
			}
		}
	}
}

// syncs is the metric that the embedded server has besides.
func syncs(t *testing.T) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewRegistry()
	if err := r.Register(operate.SyncAlways(true)); err != nil {
		t.Fatal(err)
	}
	return r
}

// names lists every metric of the registry, also those that have no sample yet. The
// registry's own complaint about a doubled registration says what it holds.
func (d *described) names(t *testing.T) []string {
	t.Helper()
	descriptions := make(chan *prometheus.Desc, 1024)
	d.Describe(descriptions)
	close(descriptions)
	var names []string
	for description := range descriptions {
		if found := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(description.String()); found != nil {
			names = append(names, found[1])
		}
	}
	if len(names) == 0 {
		t.Fatal("the registry is empty")
	}
	return names
}

// Each alert has its section in the runbook and a test in which it fires, and no section
// is left over.
func TestEveryAlertHasItsRunbook(t *testing.T) {
	rules, err := os.ReadFile("prometheus/paybridge.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	runbook, err := os.ReadFile("RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`(?m)^ +- alert: (\w+)$`).FindAllSubmatch(rules, -1)
	if len(alerts) == 0 {
		t.Fatal("no alert found")
	}
	for _, alert := range alerts {
		if !bytes.Contains(runbook, []byte("\n## "+string(alert[1])+"\n")) {
			t.Errorf("RUNBOOK.md has no section %q", alert[1])
		}
	}
	tests, err := os.ReadFile("prometheus/paybridge.rules.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, alert := range alerts {
		fires := regexp.MustCompile(`alertname: ` + string(alert[1]) + `\n +exp_alerts:`)
		if !fires.Match(tests) {
			t.Errorf("no promtool test has %s fire", alert[1])
		}
	}
	for _, section := range regexp.MustCompile(`(?m)^## ([A-Z]\w+)$`).FindAllSubmatch(runbook, -1) {
		if !bytes.Contains(rules, []byte("alert: "+string(section[1])+"\n")) {
			t.Errorf("RUNBOOK.md explains %s, which is no alert", section[1])
		}
	}
}

// dashboard is what this test reads of Grafana's format.
type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Panels        []struct {
		ID          int
		Type, Title string
		GridPos     struct{ H, W, X, Y int }
		Targets     []struct{ Expr, RefID string }
		Options     struct{ Content string }
	}
}

// The dashboard has its four parts, each with panels that measure something, and no
// panel lies over another.
func TestDashboardHasItsParts(t *testing.T) {
	text, err := os.ReadFile("grafana/paybridge.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" || d.SchemaVersion == 0 {
		t.Errorf("it has no uid, title or schema version: %q, %q, %d", d.UID, d.Title, d.SchemaVersion)
	}
	measures := map[string]int{}
	var parts []string
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("panel %q has no id of its own", p.Title)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other := taken[at]; other != "" {
					t.Fatalf("panels %q and %q overlap", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
		switch p.Type {
		case "row":
			parts = append(parts, p.Title)
		case "text":
			if p.Options.Content == "" {
				t.Errorf("the text %q is empty", p.Title)
			}
		default:
			refs := map[string]bool{}
			for _, target := range p.Targets {
				if !strings.Contains(target.Expr, "paybridge_") || refs[target.RefID] {
					t.Errorf("panel %q: %+v measures nothing, or shares its letter", p.Title, target)
				}
				refs[target.RefID] = true
			}
			if len(p.Targets) == 0 || len(parts) == 0 {
				t.Fatalf("panel %q measures nothing, or is in no part", p.Title)
			}
			measures[parts[len(parts)-1]]++
		}
	}
	if want := []string{"Money path", "Ingress", "JetStream", "Replay"}; !slices.Equal(parts, want) {
		t.Errorf("its parts are %q, want %q", parts, want)
	}
	for _, part := range parts {
		if measures[part] < 2 {
			t.Errorf("%s has %d panels", part, measures[part])
		}
	}
}
