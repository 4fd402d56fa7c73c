package deploy_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// smallTree is a tree with one package of each kind and a module cache beside it;
// it breaks no rule.
func smallTree() map[string]string {
	return map[string]string{
		"go.mod":                                  "module small\n\ngo 1.26\n\nrequire (\n\texample.com/Bus v1.0.0\n\texample.com/Bus/server v2.0.0+incompatible // indirect\n)\n",
		"shapes/event/event.go":                   "package event\n\nimport _ \"strings\"\n",
		"shapes/event/event_test.go":              "package event\n\nimport _ \"os\"\n",
		"half/half.go":                            "package half\n\nimport (\n\t_ \"example.com/Bus/client\"\n\t_ \"small/shapes/event\"\n)\n",
		"half/testdata/broken.go":                 "not Go",
		"half/half_plan9.go":                      "package half\n\nimport _ \"example.com/Bus/server\"\n",
		"half/tool.go":                            "//go:build ignore\n\npackage main\n\nimport _ \"example.com/Bus/server\"\n",
		"deploy/cmd/half/main.go":                 "package main\n\nimport _ \"small/half\"\n",
		"deploy/tools/go.mod":                     "module tools\n",
		"deploy/tools/tools.go":                   "package tools\n\nimport _ \"example.com/nobody/requires/me\"\n",
		"mod/example.com/!bus@v1.0.0/client/c.go": "package client\n\nimport _ \"net\"\n",
		"mod/example.com/!bus/server@v2.0.0+incompatible/s.go": "package server\n",
	}
}

// smallRules is a table for smallTree.
func smallRules() []rule {
	return []rule{
		{of: []string{"shapes/..."}, may: []string{"shapes/..."}, std: []string{"os", "net"}},
		{of: []string{"half", "deploy/cmd/half"}, may: []string{"half", "shapes/..."}, never: []string{"example.com/Bus/server"}},
		{of: []string{"..."}, but: []string{"deploy/..."}, may: []string{"half", "shapes/..."}},
	}
}

// Each planted violation is found, and named with the way that leads to it.
func TestPlantedViolations(t *testing.T) {
	tests := map[string]struct {
		file, text string
		want       []string
	}{
		"none": {"half/more.go", "package half\n", nil},
		"upwards": {"shapes/event/more.go", "package event\n\nimport _ \"small/half\"\n", []string{
			"shapes/event may not reach half: small/shapes/event → small/half",
		}},
		"the standard library, directly": {"shapes/event/more.go", "package event\n\nimport _ \"os\"\n", []string{
			"shapes/event may not import os",
		}},
		"a module, directly": {"half/more.go", "package half\n\nimport _ \"example.com/Bus/server\"\n", []string{
			"half may not reach example.com/Bus/server: small/half → example.com/Bus/server",
			"deploy/cmd/half may not reach example.com/Bus/server: small/deploy/cmd/half → small/half → example.com/Bus/server",
		}},
		"a module, through another module": {"mod/example.com/!bus@v1.0.0/client/more.go", "package client\n\nimport _ \"example.com/Bus/server\"\n", []string{
			"half may not reach example.com/Bus/server: small/half → example.com/Bus/client → example.com/Bus/server",
			"deploy/cmd/half may not reach example.com/Bus/server: small/deploy/cmd/half → small/half → example.com/Bus/client → example.com/Bus/server",
		}},
		"something imports deploy": {"half/more.go", "package half\n\nimport _ \"small/deploy/cmd/half\"\n", []string{
			"half may not reach deploy/cmd/half: small/half → small/deploy/cmd/half",
			"half may not reach deploy/cmd/half: small/half → small/deploy/cmd/half",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found, err := plant(t, map[string]string{test.file: test.text}).violations(smallRules())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(slices.Sorted(slices.Values(found)), slices.Sorted(slices.Values(test.want))) {
				t.Errorf("found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// What the checker cannot follow is an error, never a pass.
func TestTheCheckerDoesNotGuess(t *testing.T) {
	for name, test := range map[string]struct{ file, text, want string }{
		"no module":   {"half/more.go", "package half\n\nimport _ \"example.org/unknown\"\n", "example.org/unknown: in no module that go.mod requires"},
		"no package":  {"half/more.go", "package half\n\nimport _ \"small/nowhere\"\n", "nowhere"},
		"no Go there": {"half/more.go", "package half\n\nimport _ \"small/half/testdata\"\n", "expected 'package'"},
		"not Go":      {"half/more.go", "package\n", "expected 'IDENT'"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plant(t, map[string]string{test.file: test.text}).violations(smallRules())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
	t.Run("replaced modules", func(t *testing.T) {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "go.mod"), "module small\n\nreplace example.com/Bus => ../bus\n")
		if _, err := readTree(dir); err == nil {
			t.Error("no error")
		}
	})
}

// plant writes smallTree with more files, and reads it.
func plant(t *testing.T, more map[string]string) *tree {
	t.Helper()
	files := smallTree()
	maps.Copy(files, more)
	root, cache := t.TempDir(), t.TempDir()
	for name, text := range files {
		folder := root
		if inCache, ok := strings.CutPrefix(name, "mod/"); ok {
			folder, name = cache, inCache
		}
		writeFile(t, filepath.Join(folder, name), text)
	}
	planted, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	planted.cache = cache
	return planted
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
