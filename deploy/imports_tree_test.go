package deploy_test

import (
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// tree is a module's source and that of the modules it needs, read without the go
// command.
type tree struct {
	root    string // folder of go.mod
	module  string // the module's path
	cache   string // the module cache
	modules []requirement
	known   map[string][]string // imports by package path
}

// requirement is a module that go.mod requires.
type requirement struct{ path, version string }

// readTree reads go.mod in a folder.
func readTree(root string) (*tree, error) {
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		return nil, err
	}
	t := &tree{root: root, module: file.Module.Mod.Path, cache: moduleCache(), known: map[string][]string{}}
	for _, r := range file.Require {
		t.modules = append(t.modules, requirement{r.Mod.Path, r.Mod.Version})
	}
	if len(file.Replace) > 0 {
		return nil, fmt.Errorf("go.mod replaces modules, which this test does not follow")
	}
	return t, nil
}

// moduleCache is where the go command keeps modules.
func moduleCache() string {
	if dir := os.Getenv("GOMODCACHE"); dir != "" {
		return dir
	}
	return filepath.Join(filepath.SplitList(build.Default.GOPATH)[0], "pkg", "mod")
}

// packages lists ours that hold more than tests, without the module's name.
func (t *tree) packages() ([]string, error) {
	var all []string
	err := filepath.WalkDir(t.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || path == t.root {
			return err
		}
		if name := entry.Name(); name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
			return fs.SkipDir
		}
		files, err := sources(path)
		if err != nil {
			return err
		}
		if len(files) > 0 {
			ours, err := filepath.Rel(t.root, path)
			all = append(all, filepath.ToSlash(ours))
			return err
		}
		return nil
	})
	return all, err
}

// sources lists the files in a folder that a build here would compile.
func sources(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		compiled, err := build.Default.MatchFile(dir, e.Name())
		if err != nil {
			return nil, err
		}
		if compiled {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}

// imports lists what a package imports itself.
func (t *tree) imports(path string) ([]string, error) {
	if known, ok := t.known[path]; ok {
		return known, nil
	}
	dir, err := t.folder(path)
	if err != nil {
		return nil, err
	}
	files, err := sources(dir)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no Go files in %s", path, dir)
	}
	var all []string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return nil, err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if !slices.Contains(all, imported) {
				all = append(all, imported)
			}
		}
	}
	t.known[path] = all
	return all, nil
}

// folder is where a package's files are.
func (t *tree) folder(path string) (string, error) {
	if within(path, t.module) {
		return filepath.Join(t.root, strings.TrimPrefix(path, t.module)), nil
	}
	var of requirement
	for _, m := range t.modules {
		if within(path, m.path) && len(m.path) > len(of.path) {
			of = m
		}
	}
	if of.path == "" {
		return "", fmt.Errorf("%s: in no module that go.mod requires: run go mod tidy", path)
	}
	escaped, err := module.EscapePath(of.path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(of.version)
	if err != nil {
		return "", err
	}
	return filepath.Join(t.cache, escaped+"@"+version, strings.TrimPrefix(path, of.path)), nil
}

// reached is all that a package reaches, without the standard library.
type reached struct {
	order []string          // nearest first
	from  map[string]string // who imports it, on the shortest way
}

// way is how a package is reached: "a → b → c".
func (r reached) way(path string) string {
	steps := []string{path}
	for r.from[steps[0]] != "" {
		steps = slices.Insert(steps, 0, r.from[steps[0]])
	}
	return strings.Join(steps, " → ")
}

// reach follows a package's imports, and theirs.
func (t *tree) reach(start string) (reached, error) {
	r := reached{order: []string{start}, from: map[string]string{start: ""}}
	for i := 0; i < len(r.order); i++ {
		imported, err := t.imports(r.order[i])
		if err != nil {
			return r, fmt.Errorf("%s: %w", r.way(r.order[i]), err)
		}
		for _, path := range imported {
			if _, seen := r.from[path]; !seen && !t.isStandard(path) {
				r.order = append(r.order, path)
				r.from[path] = r.order[i]
			}
		}
	}
	return r, nil
}

// isStandard says that a package belongs to Go itself: its first element has no
// dot, and it is not ours.
func (t *tree) isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && !within(path, t.module)
}
