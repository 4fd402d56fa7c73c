package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Modules that some parts must not link.
const (
	natsServer  = "github.com/nats-io/nats-server"
	watermill   = "github.com/ThreeDotsLabs/watermill"
	cloudEvents = "github.com/cloudevents/sdk-go"
	cel         = "cel.dev/cel-go"
	celBefore   = "github.com/google/cel-go" // cel's name until it moved
	zap         = "go.uber.org/zap"
	cobra       = "github.com/spf13/cobra"
	tracing     = "go.opentelemetry.io" // the ingress only passes a trace's context on
	grpc        = "google.golang.org/grpc"
)

// rule says what a part of the tree may reach. Patterns end with /... for a folder
// and all below it.
type rule struct {
	of    []string // packages of ours, without the module's name
	but   []string // of those, the ones that the rule leaves out
	may   []string // which of ours they may reach, over however many steps; besides themselves
	never []string // which modules they may not reach, over however many steps
	std   []string // which packages of the standard library they may not import themselves
}

// rules is the table of dependencies. They point one way: shapes know nothing,
// the two halves know shapes, deploy knows all, and nothing knows deploy.
var rules = []rule{
	{
		of:    []string{"schemas/..."},
		may:   []string{"schemas/..."},
		never: []string{zap, watermill, tracing},
		std:   []string{"os", "os/exec", "net", "net/http"},
	},
	{
		of: []string{"config"},
	},
	{
		of:    []string{"ingress/..."},
		may:   []string{"ingress/...", "schemas/delivery", "schemas/provider", "schemas/providers"},
		never: []string{cel, celBefore, watermill, cloudEvents, cobra, tracing},
	},
	{
		of:    []string{"normalizer/..."},
		may:   []string{"normalizer/...", "schemas/..."},
		never: []string{cobra},
	},
	{
		// The program at the door: small, and unable to map.
		of:    []string{"deploy/cmd/ingress", "deploy/ingressd"},
		may:   []string{"deploy/ingressd", "ingress/...", "config", "schemas/delivery", "schemas/provider", "schemas/providers"},
		never: []string{cel, celBefore, watermill, cloudEvents, cobra, tracing},
	},
	{
		of:    []string{"deploy/cmd/normalizer", "deploy/normalizerd"},
		may:   []string{"deploy/normalizerd", "deploy/jetstream", "normalizer/...", "config", "schemas/..."},
		never: []string{cobra},
	},
	{
		of:    []string{"..."},
		but:   []string{"deploy/cmd/paybridge", "deploy/jetstream/jetstreamtest"},
		may:   []string{"..."},
		never: []string{natsServer, grpc},
	},
}

// TestImports holds the tree to the table. It reads the files itself, so that the
// test's cache knows them.
func TestImports(t *testing.T) {
	tree, err := readTree("..")
	if err != nil {
		t.Fatal(err)
	}
	found, err := tree.violations(rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range found {
		t.Error(violation)
	}
}

// The table would hold of nothing if its names were wrong.
func TestRulesAreAboutWhatIsThere(t *testing.T) {
	tree, err := readTree("..")
	if err != nil {
		t.Fatal(err)
	}
	packages, err := tree.packages()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		for _, pattern := range slices.Concat(r.of, r.but, r.may) {
			if !slices.ContainsFunc(packages, func(p string) bool { return matches(pattern, p) }) {
				t.Errorf("%s is no package", pattern)
			}
		}
	}
	for _, module := range []string{natsServer, watermill, cloudEvents, cel, zap, cobra, tracing} {
		if !slices.ContainsFunc(tree.modules, func(m requirement) bool { return within(m.path, module) }) {
			t.Errorf("%s is no module of go.mod", module)
		}
	}
}

// violations lists what breaks a rule, each with the way from one to the other.
func (t *tree) violations(rules []rule) ([]string, error) {
	packages, err := t.packages()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, r := range rules {
		for _, p := range packages {
			if !matchesAny(r.of, p) || matchesAny(r.but, p) {
				continue
			}
			broken, err := t.breaks(r, p)
			if err != nil {
				return nil, err
			}
			found = append(found, broken...)
		}
	}
	return found, nil
}

// breaks lists how one package breaks a rule.
func (t *tree) breaks(r rule, p string) ([]string, error) {
	start := t.module + "/" + p
	reached, err := t.reach(start)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, other := range reached.order[1:] {
		if ours, ok := strings.CutPrefix(other, t.module+"/"); ok && !matchesAny(r.may, ours) {
			found = append(found, fmt.Sprintf("%s may not reach %s: %s", p, ours, reached.way(other)))
		}
	}
	for _, m := range r.never {
		if i := slices.IndexFunc(reached.order, func(other string) bool { return within(other, m) }); i >= 0 {
			found = append(found, fmt.Sprintf("%s may not reach %s: %s", p, m, reached.way(reached.order[i])))
		}
	}
	direct, err := t.imports(start)
	if err != nil {
		return nil, err
	}
	for _, std := range r.std {
		if slices.Contains(direct, std) {
			found = append(found, fmt.Sprintf("%s may not import %s", p, std))
		}
	}
	return found, nil
}

// matches says that a package is what a pattern names.
func matches(pattern, p string) bool {
	folder, all := strings.CutSuffix(pattern, "...")
	folder = strings.TrimSuffix(folder, "/")
	return p == pattern || all && (folder == "" || within(p, folder))
}

func matchesAny(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, p) })
}

// within says that a path is a folder, or below it.
func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }
