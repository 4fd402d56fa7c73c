package provider

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
)

func TestBuiltInPacksAreInOrder(t *testing.T) {
	l, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	if names := strings.Join(l.Names(), " "); !strings.Contains(names, "bidali") || !strings.Contains(names, "pik") {
		t.Fatalf("built in: %s", names)
	}
	for _, name := range l.Names() {
		if _, err := l.About(name); err != nil {
			t.Error(err)
		}
		if _, err := l.Auth(name); err != nil {
			t.Error(err)
		}
		if _, err := l.Events(name); err != nil {
			t.Error(err)
		}
		if fixtures, err := l.Fixtures(name); err != nil || len(fixtures) == 0 {
			t.Errorf("%s: %d fixtures: %v", name, len(fixtures), err)
		}
		if _, err := fs.Stat(l.Files(name), "README.md"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPackThatIsNotThere(t *testing.T) {
	l := acme(t, good)
	_, aboutErr := l.About("acne")
	_, authErr := l.Auth("acne")
	_, eventsErr := l.Events("acne")
	_, fixturesErr := l.Fixtures("acne")
	for _, err := range []error{aboutErr, authErr, eventsErr, fixturesErr} {
		if err == nil || err.Error() != `pack "acne": not found; there are acme` {
			t.Errorf("%v", err)
		}
	}
	if l.Files("acne") != nil {
		t.Error("there are files")
	}
}

func TestWithMorePacks(t *testing.T) {
	built, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	before := strings.Join(built.Names(), " ")
	more := folder(good)
	more["README.md"] = &fstest.MapFile{Data: []byte("about these packs")}
	more[".git/config"] = &fstest.MapFile{}
	l, err := built.With(more, "/packs")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(l.Names(), " "); got != "acme "+before {
		t.Errorf("%s, want acme and %s", got, before)
	}
	if got := strings.Join(built.Names(), " "); got != before {
		t.Errorf("the first library became %s", got)
	}
	if _, err := l.Auth("acme"); err != nil {
		t.Error(err)
	}
	if _, err := l.Auth("pik"); err != nil {
		t.Error(err)
	}
	_, err = l.With(folder(good), "/others")
	if err == nil || err.Error() != "/others/acme: redefines the pack in /packs/acme; remove one of them" {
		t.Errorf("%v", err)
	}
}

func TestFoldersThatAreNoPacks(t *testing.T) {
	built, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	_, err = built.With(fstest.MapFS{
		"pik/provider.yaml":                              {Data: []byte(good)},
		"Acme/provider.yaml":                             {Data: []byte(good)},
		"a.b/provider.yaml":                              {Data: []byte(good)},
		strings.Repeat("a", 65) + "/provider.yaml":       {Data: []byte(good)},
		"empty/README.md":                                {Data: []byte("x")},
		"folder/provider.yaml/provider.yaml":             {Data: []byte(good)},
		"good_1-x/provider.yaml":                         {Data: []byte(good)},
		"0" + strings.Repeat("b", 63) + "/provider.yaml": {Data: []byte(good)},
	}, "/packs")
	want := []string{
		"/packs/Acme: is not a pack's name; rename the folder",
		"/packs/a.b: is not a pack's name; rename the folder",
		"/packs/" + strings.Repeat("a", 65) + ": is not a pack's name",
		"/packs/empty: has no file provider.yaml; write it",
		"/packs/folder: has no file provider.yaml",
		"/packs/pik: redefines the built-in pack of that name",
	}
	if err == nil {
		t.Fatal("all were taken")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%v", err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("%s, want %s", lines[i], want[i])
		}
	}
}

// packs writes a folder of packs to disk and opens it as the programs do.
func packs(t *testing.T, write func(root string)) fs.FS {
	t.Helper()
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "acme", "fixtures"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"provider.yaml": good, "paid.schema.json": "{}", "any.schema.json": "{}",
	} {
		if err := os.WriteFile(filepath.Join(folder, "acme", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(folder)
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root.FS()
}

// TestHostileFolders are files that lead out of the folder, block, or never end.
func TestHostileFolders(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.MkdirAll(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"provider.yaml", "secret.schema.json"} {
		if err := os.WriteFile(filepath.Join(outside, name), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	replace := func(name string, with func(path string) error) func(string) {
		return func(root string) {
			path := filepath.Join(root, "acme", name)
			os.RemoveAll(path)
			if err := with(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	link := func(to string) func(string) error {
		return func(path string) error { return os.Symlink(to, path) }
	}
	large := func(path string) error { return os.WriteFile(path, make([]byte, maxPack+1), 0o644) }
	for name, c := range map[string]struct {
		write func(root string)
		want  string
	}{
		"a folder outside":     {func(root string) { os.Symlink(outside, filepath.Join(root, "evil")) }, "/packs/evil: path escapes from parent"},
		"a folder upwards":     {func(root string) { os.Symlink("../../../..", filepath.Join(root, "evil")) }, "/packs/evil: path escapes from parent"},
		"a link to nothing":    {func(root string) { os.Symlink("nothing", filepath.Join(root, "evil")) }, "/packs/evil: is not there"},
		"the pack outside":     {replace("provider.yaml", link(filepath.Join(outside, "provider.yaml"))), "/packs/acme: has no file provider.yaml"},
		"a schema outside":     {replace("any.schema.json", link(filepath.Join(outside, "secret.schema.json"))), `events.schemas.*: any.schema.json: path escapes from parent`},
		"a named pipe":         {replace("provider.yaml", func(path string) error { return syscall.Mkfifo(path, 0o644) }), "/packs/acme: has no file provider.yaml"},
		"a schema that blocks": {replace("any.schema.json", func(path string) error { return syscall.Mkfifo(path, 0o644) }), "events.schemas.*: any.schema.json: is not a regular file"},
		"a large pack":         {replace("provider.yaml", large), "/packs/acme/provider.yaml: is larger than 1048576 bytes"},
		"a large schema":       {replace("any.schema.json", large), "any.schema.json: is larger than 1048576 bytes"},
		"an endless schema":    {replace("any.schema.json", link("/dev/zero")), "any.schema.json: path escapes from parent"},
		"a schema of no JSON":  {replace("any.schema.json", func(path string) error { return os.WriteFile(path, []byte("[1]"), 0o644) }), "any.schema.json: is not a JSON object"},
		"fixtures that block":  {replace("fixtures", func(path string) error { return syscall.Mkfifo(path, 0o644) }), "/packs/acme/fixtures: is not a folder"},
		"a fixture outside":    {replace("fixtures/x.txtar", link(filepath.Join(outside, "provider.yaml"))), "/packs/acme/fixtures/x.txtar: path escapes from parent"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := (&Library{}).With(packs(t, c.write), "/packs")
			for _, half := range []func() error{
				func() error { _, err := l.Auth("acme"); return err },
				func() error { _, err := l.Events("acme"); return err },
				func() error { _, err := l.Fixtures("acme"); return err },
			} {
				if err == nil {
					err = half()
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// TestFilesIsAFileSystem holds a pack's folder to the contract of io/fs.
func TestFilesIsAFileSystem(t *testing.T) {
	onDisk, err := (&Library{}).With(packs(t, func(string) {}), "")
	if err != nil {
		t.Fatal(err)
	}
	built, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]*Library{"acme": onDisk, "pik": built} {
		if err := fstest.TestFS(l.Files(name), "provider.yaml"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, outside := range []string{"../provider.yaml", "/provider.yaml", ".."} {
			if _, err := l.Files(name).Open(outside); err == nil {
				t.Errorf("%s: %s was opened", name, outside)
			}
			if _, err := fs.Stat(l.Files(name), outside); err == nil {
				t.Errorf("%s: %s was described", name, outside)
			}
		}
	}
}

// TestFoldersBehindLinks reads a volume as Kubernetes mounts it.
func TestFoldersBehindLinks(t *testing.T) {
	fsys := packs(t, func(root string) {
		for _, err := range []error{
			os.Mkdir(filepath.Join(root, "..2026_01_15"), 0o755),
			os.Rename(filepath.Join(root, "acme"), filepath.Join(root, "..2026_01_15", "acme")),
			os.Symlink("..2026_01_15", filepath.Join(root, "..data")),
			os.Symlink("..data/acme", filepath.Join(root, "acme")),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	l, err := (&Library{}).With(fsys, "/packs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Events("acme"); err != nil {
		t.Error(err)
	}
	if names := strings.Join(l.Names(), " "); names != "acme" {
		t.Error(names)
	}
}
