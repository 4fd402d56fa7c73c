package ingress

import (
	"fmt"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	v := token{"x", "X"}
	one := []Endpoint{{Verifier: v}}
	for _, c := range []struct {
		name    string
		sources []Source
		paths   []string // without /webhooks
		says    string
	}{
		{"nothing", nil, nil, ""},
		{"one", []Source{{Name: "a", Endpoints: one}}, []string{"/a"}, ""},
		{"a name of 64", []Source{{Name: strings.Repeat("a", 64), Endpoints: one}}, []string{"/" + strings.Repeat("a", 64)}, ""},
		{"endpoints", []Source{{Name: "a-1_b", Endpoints: []Endpoint{{Name: "X", Verifier: v}, {Name: "y-Z_0", Verifier: v}}}}, []string{"/a-1_b/X", "/a-1_b/y-Z_0"}, ""},
		{"no name", []Source{{Endpoints: one}}, nil, `source "": a name is`},
		{"upper case", []Source{{Name: "A", Endpoints: one}}, nil, `source "A": a name is`},
		{"a dot", []Source{{Name: "a.b", Endpoints: one}}, nil, `source "a.b": a name is`},
		{"a name of 65", []Source{{Name: strings.Repeat("a", 65), Endpoints: one}}, nil, "a name is 1 to 64"},
		{"a line end", []Source{{Name: "a\n", Endpoints: one}}, nil, `source "a\n": a name is`},
		{"no endpoint", []Source{{Name: "a"}}, nil, "source a: there is no endpoint"},
		{"the default endpoint by name", []Source{{Name: "a", Endpoints: []Endpoint{{Name: "default", Verifier: v}}}}, nil, `endpoint "default"`},
		{"a bad endpoint", []Source{{Name: "a", Endpoints: []Endpoint{{Name: "x/y", Verifier: v}}}}, nil, `endpoint "x/y"`},
		{"two without names", []Source{{Name: "a", Endpoints: []Endpoint{{Verifier: v}, {Verifier: v}}}}, nil, "names each"},
		{"twice", []Source{{Name: "a", Endpoints: one}, {Name: "a", Endpoints: one}}, nil, "/webhooks/a is there twice"},
		{"nobody verifies", []Source{{Name: "a", Endpoints: []Endpoint{{}}}}, nil, "has no verifier"},
		{"two problems", []Source{{Name: "A", Endpoints: one}, {Name: "b"}}, nil, "letter or digit\nsource b: there is"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := newTable(c.sources)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil || len(got) != len(c.paths) {
				t.Fatalf("%v %v", got, err)
			}
			for _, path := range c.paths {
				if got["/webhooks"+path] == nil {
					t.Errorf("no %s in %v", path, got)
				}
			}
		})
	}
}

// TestReplace swaps the sources under load: no request is refused that either table
// would have taken, and a table that cannot be served changes nothing.
func TestReplace(t *testing.T) {
	d := open(t)
	var l load
	stop := make(chan struct{})
	l.start(d, 4, stop)
	for i := range 20 {
		before := l.count.Load()
		eventually(t, "the load flows", func() bool { return l.count.Load() > before+10 })
		next := sources()
		next = append(next, Source{Name: fmt.Sprintf("new%d", i), Endpoints: []Endpoint{{Verifier: token{"t", "X"}}}})
		if err := d.Replace(next, sealKeys(t)); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	l.wait.Wait()
	if l.refused.Load() != 0 || l.broken.Load() != 0 {
		t.Errorf("%d refused, %d broken", l.refused.Load(), l.broken.Load())
	}
	if got := d.raw(request("POST /webhooks/new19", "x", "X: t")); got.status != 200 {
		t.Errorf("answered %+v", got)
	}
	checkProblem(t, d.raw(request("POST /webhooks/new18", "x", "X: t")), 404)
	if err := d.Replace([]Source{{Name: "BAD"}}, sealKeys(t)); err == nil {
		t.Error("served a bad source")
	}
	if got := d.raw(request("POST /webhooks/new19", "y", "X: t")); got.status != 200 {
		t.Errorf("answered %+v", got)
	}
}
