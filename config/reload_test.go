package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"paybridge/config"
)

// follower is a part that remembers what it was given, and refuses on demand.
type follower struct {
	mu        sync.Mutex
	inForce   []string // the names of the sources of each configuration, "a b"
	discarded int
	refuse    error // by Prepare
	fail      error // by Commit
}

func (f *follower) part(stage int, order *[]int) config.Part {
	return config.Part{
		Stage: stage, Reads: []string{"ingress"},
		Prepare: func(c *config.Config) (config.Prepared, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			var names []string
			for _, s := range c.Sources {
				names = append(names, s.Name)
			}
			return config.Prepared{
				Commit: func() error {
					f.mu.Lock()
					defer f.mu.Unlock()
					if f.fail == nil {
						f.inForce = append(f.inForce, strings.Join(names, " "))
						*order = append(*order, stage)
					}
					return f.fail
				},
				Discard: func() { f.mu.Lock(); f.discarded++; f.mu.Unlock() },
			}, f.refuse
		},
	}
}

// rig is a reloader with a folder, two parts and its log.
type rig struct {
	t        *testing.T
	folder   string
	logs     *observer.ObservedLogs
	registry *prometheus.Registry
	one, two follower
	order    []int
	lines    int
}

const firstFile = `seal: {keys: [{id: k1, file: seal}]}
providers_dir: packs
sources:
  - {name: a, provider: p, secrets: [{id: old, file: a-old}]}
`

// newRig starts a reloader on firstFile.
func newRig(t *testing.T) *rig {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	r := &rig{t: t, folder: t.TempDir(), logs: logs, registry: prometheus.NewRegistry()}
	for name, text := range map[string]string{
		"paybridge.yaml": firstFile, "seal": canary, "a-old": canary + "old", "a-new": canary + "new",
		"packs/acme/provider.yaml": "name: acme", "packs/.git/x": "",
	} {
		r.write(name, text)
	}
	reload := config.NewReloader(config.FromFile(filepath.Join(r.folder, "paybridge.yaml")), zap.New(core))
	reload.Every, reload.Parts = 5*time.Millisecond, 2
	reload.Now = func() time.Time { return time.Unix(1000, 0) }
	reload.Version = "v-test"
	c, err := reload.Load()
	if err != nil {
		t.Fatal(err)
	}
	first := r.next()
	if fields := first.ContextMap(); first.Message != "starting" || fields["version"] != "v-test" || fields["config"] != c.File || fields["fingerprint"] != c.Fingerprint || len(c.Fingerprint) != 16 {
		t.Errorf("the first line is %s %v", first.Message, fields)
	}
	t.Cleanup(reload.Start())
	for stage, f := range []*follower{&r.one, &r.two} {
		if err := reload.Join(f.part(stage, &r.order), r.registry); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *rig) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	// Whole or not at all, as who looks every few milliseconds must see it.
	aside := filepath.Join(r.folder, ".aside")
	write(r.t, aside, text)
	if err := os.Rename(aside, path); err != nil {
		r.t.Fatal(err)
	}
}

// next waits for the next log line.
func (r *rig) next() observer.LoggedEntry {
	r.t.Helper()
	for end := time.After(20 * time.Second); ; {
		if all := r.logs.All(); len(all) > r.lines {
			r.lines++
			entry := all[r.lines-1]
			shows(r.t, "the log", fmt.Sprint(entry.Message, entry.ContextMap()))
			return entry
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-end:
			r.t.Fatal("nothing is logged")
		}
	}
}

// reloaded waits for a reload that says what changed, and what needs a restart.
func (r *rig) reloaded(changed, restart string) {
	r.t.Helper()
	e := r.next()
	fields := e.ContextMap()
	if e.Message != "configuration reloaded" || join(fields["changed"]) != changed || join(fields["needs_restart"]) != restart {
		r.t.Errorf("%s %v, want %s; %s", e.Message, fields, changed, restart)
	}
}

// rejected waits for a refusal that says all of says.
func (r *rig) rejected(says ...string) {
	r.t.Helper()
	e := r.next()
	got := join(e.ContextMap()["problems"])
	for _, want := range says {
		if e.Level != zap.ErrorLevel || strings.Count(got, want) != 1 {
			r.t.Errorf("%s %q, want %q once", e.Message, got, want)
		}
	}
}

func join(list any) string {
	var all []string
	for _, one := range list.([]any) {
		all = append(all, one.(string))
	}
	return strings.Join(all, "; ")
}

// counted reads a metric, by the value of its label where it has one.
func (r *rig) counted(name, label string) float64 {
	families, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

// A rotation: another key, another value, and the old key's end. Then a setting that
// needs a restart is named for as long as it differs.
func TestReload(t *testing.T) {
	r := newRig(t)
	both := strings.Replace(firstFile, "[{id: old, file: a-old}]", "[{id: new, file: a-new}, {id: old, file: a-old}]", 1)
	r.write("paybridge.yaml", both)
	r.reloaded("source a: key new added", "")
	r.write("a-new", canary+"another")
	r.reloaded("source a: key new has another value", "")
	alone := strings.Replace(both, ", {id: old, file: a-old}", "", 1)
	r.write("paybridge.yaml", alone)
	r.reloaded("source a: key old removed", "")
	r.write("paybridge.yaml", "ingress: {max_body: 1KiB}\nnormalizer: {admin: \"127.0.0.1:1\"}\n"+alone+"  - {name: b, provider: p, endpoints: {E: {secrets: [{id: x, env: NOT_SET}]}}}\n")
	r.reloaded("source b added with keys E/x", "ingress.max_body")
	r.write("paybridge.yaml", "providers_dir: packs\nevents: {native: none}\n")
	r.reloaded("source a removed; source b removed; seal: key k1 removed; events.native", "")
	if want := []string{"a", "a", "a", "a b", ""}; !reflect.DeepEqual(r.one.inForce, want) || !reflect.DeepEqual(r.two.inForce, want) {
		t.Errorf("in force: %q and %q", r.one.inForce, r.two.inForce)
	}
	if r.order[0] != 1 || r.order[1] != 0 {
		t.Errorf("the parts took over in the order %v", r.order[:2])
	}
	if ok := r.counted("paybridge_config_reloads_total", "ok"); ok != 5 {
		t.Errorf("%v reloads", ok)
	}
	if at := r.counted("paybridge_config_last_reload_success_timestamp_seconds", ""); at != 1000 {
		t.Errorf("last at %v", at)
	}
	if r.counted("paybridge_build_info", "") != 1 || r.counted("process_open_fds", "") < 1 || r.counted("go_goroutines", "") < 1 {
		t.Error("the process does not show itself")
	}
}

// A key of the seal is rotated under an id of its own: beside the old one, before it,
// alone. One that has another value under the old id is refused: what is stored and
// not yet normalized names its key by the id.
func TestReloadSeal(t *testing.T) {
	r := newRig(t)
	r.write("seal", canary+"sealed anew")
	r.rejected(`paybridge.yaml:1: seal.keys[0]: has another value than the key "k1" that is in force`)
	r.write("seal", canary)
	r.reloaded("", "")
	r.write("next", canary+"sealed anew")
	keys := func(list string) string {
		return strings.Replace(firstFile, "[{id: k1, file: seal}]", "["+list+"]", 1)
	}
	for _, step := range []struct{ keys, changed string }{
		{"{id: k1, file: seal}, {id: k2, file: next}", "seal: key k2 added"},
		{"{id: k2, file: next}, {id: k1, file: seal}", "seal: key k2 seals"},
		{"{id: k2, file: next}", "seal: key k1 removed"},
	} {
		r.write("paybridge.yaml", keys(step.keys))
		r.reloaded(step.changed, "")
	}
}

// A pack that comes, changes or goes is a change, and what is hidden beside it is none.
func TestReloadPacks(t *testing.T) {
	r := newRig(t)
	r.write("packs/.git/x", "y")
	for _, step := range []func(){
		func() { r.write("packs/acme/provider.yaml", "name: other") },
		func() { r.write("packs/new/x.schema.json", "{}") },
		func() {
			if err := os.RemoveAll(filepath.Join(r.folder, "packs", "new")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		step()
		if files := join(r.next().ContextMap()["files"]); !strings.Contains(files, "packs") || strings.Contains(files, ".git") {
			t.Errorf("changed: %s", files)
		}
	}
}

// What is refused leaves everything in force, whoever refuses it, is said once with
// all that is wrong, and is tried again when a file that it names is cured.
func TestReloadRejects(t *testing.T) {
	r := newRig(t)
	r.write("empty", "")
	r.write("paybridge.yaml", strings.Replace(firstFile, "file: a-old}", "file: empty}, {id: x, value: }", 1)+"unknown: 1\n")
	r.rejected("paybridge.yaml:4: sources[0].secrets[0].file: is empty", "sources[0].secrets[1].value: is empty", "paybridge.yaml:5: unknown")
	r.write("paybridge.yaml", strings.Replace(firstFile, "a-old", "empty", 1))
	r.rejected("is empty")
	r.write("empty", canary+"cured")
	r.reloaded("source a: key old has another value", "")

	refusal := config.Problems{{Message: "one thing"}, {Message: "another thing"}}
	r.two.mu.Lock()
	r.one.mu.Lock()
	r.one.refuse, r.two.refuse = refusal, refusal
	r.one.mu.Unlock()
	r.two.mu.Unlock()
	r.write("empty", canary+"again")
	r.rejected("one thing", "another thing")
	r.one.mu.Lock()
	r.one.refuse = nil
	r.one.mu.Unlock()
	r.write("empty", canary+"and again")
	r.rejected("one thing", "another thing")
	if len(r.one.inForce) != 1 || len(r.two.inForce) != 1 || r.one.discarded != 1 || r.two.discarded != 0 {
		t.Errorf("in force: %q and %q; discarded: %d and %d", r.one.inForce, r.two.inForce, r.one.discarded, r.two.discarded)
	}
	r.two.mu.Lock()
	r.two.refuse, r.two.fail = nil, errors.New("does not fit")
	r.two.mu.Unlock()
	r.write("empty", canary+"a last time")
	r.rejected("does not fit")
	if len(r.one.inForce) != 1 || r.one.discarded != 2 {
		t.Errorf("in force: %q, discarded %d", r.one.inForce, r.one.discarded)
	}
	if bad := r.counted("paybridge_config_reloads_total", "rejected"); bad != 5 {
		t.Errorf("%v rejected", bad)
	}
}

// SIGHUP reloads although no file has changed.
func TestReloadOnHangup(t *testing.T) {
	r := newRig(t)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.reloaded("", "")
}

// A volume of Kubernetes changes by a link that leads elsewhere.
func TestReloadFollowsLinks(t *testing.T) {
	r := newRig(t)
	r.write("v1/s", canary+"one")
	r.write("v2/s", canary+"two")
	link := func(name, to string) {
		if err := errors.Join(os.Symlink(to, filepath.Join(r.folder, name+".tmp")), os.Rename(filepath.Join(r.folder, name+".tmp"), filepath.Join(r.folder, name))); err != nil {
			t.Fatal(err)
		}
	}
	link("data", "v1")
	r.write("paybridge.yaml", strings.Replace(firstFile, "file: a-old", "file: data/s", 1))
	r.reloaded("source a: key old has another value", "")
	link("data", "v2")
	r.reloaded("source a: key old has another value", "")
}

func TestReloaderLoads(t *testing.T) {
	reload := config.NewReloader(config.FromFile(filepath.Join(t.TempDir(), "none.yaml")), zap.NewNop())
	if _, err := reload.Load(); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
}
