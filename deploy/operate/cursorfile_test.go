package operate

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestCursorFile says that what is kept is found by the same command about the same
// thing alone, by one at a time, and that a command which is through leaves none.
func TestCursorFile(t *testing.T) {
	type state struct{ Next int }
	path := filepath.Join(t.TempDir(), "here")
	c := CursorFile{path, []Same{{"--source", "pik"}, {"the packs", "abc"}}}
	var at state
	k, found, err := c.hold("count", &at)
	if err != nil || found {
		t.Fatalf("at first: %v, %v", found, err)
	}
	_, _, err = c.hold("count", &at)
	checkAdvice(t, err, "another command holds this cursor", "wait for it")
	for i := range 3 {
		if err := k.save(state{i}); err != nil {
			t.Fatal(err)
		}
		_, _, err = c.hold("count", &at)
		checkAdvice(t, err, "another command holds this cursor", "wait for it")
	}
	if err := k.release(); err != nil {
		t.Fatal(err)
	}
	for want, test := range map[string]struct {
		command string
		of      []Same
	}{
		"it is of count, version 1, and this is sum": {"sum", c.Of},
		"--source was pik, and is not given":         {"count", []Same{{"--source", ""}, {"the packs", "abc"}}},
		"the packs was abc, and is xyz":              {"count", []Same{{"--source", "pik"}, {"the packs", "xyz"}}},
		"another version of this program":            {"count", []Same{{"--source", "pik"}, {"the server", "a"}}},
		"another version of this program wrote it":   {"count", append(slices.Clone(c.Of), Same{"the server", "a"})},
	} {
		_, _, err := CursorFile{path, test.of}.hold(test.command, &at)
		checkAdvice(t, err, want, "remove it to begin anew")
	}
	// What a crash left beside it is in nobody's way.
	if err := os.WriteFile(path+".new", bytes.Repeat([]byte("half"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if k, found, err = c.hold("count", &at); err != nil || !found || at.Next != 2 {
		t.Fatalf("again: %v, %+v, %v", found, at, err)
	}
	if err := k.save(state{3}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := k.release(); err != nil {
		t.Fatal(err)
	}
	if k, found, err = c.hold("count", &at); err != nil || !found || at.Next != 3 {
		t.Fatalf("once more: %v, %+v, %v", found, at, err)
	}
	if err := k.done(); err != nil {
		t.Fatal(err)
	}
	// One that has saved nothing leaves nothing either.
	if k, found, err = c.hold("count", &at); err != nil || found {
		t.Fatalf("when it was through: %v, %v", found, err)
	}
	if err := k.release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing was saved, and it is there: %v", err)
	}
	if k, _, err = c.hold("count", &at); err != nil {
		t.Fatal(err)
	}
	if err := k.done(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	for text, want := range map[string]string{
		"my shopping list": "is no cursor of this program",
		`{"format":"shopping list","version":1,"command":"count"}`:    "is no cursor of this program",
		`{"format":"paybridge cursor","version":2,"command":"count"}`: "it is of count, version 2, and this is count, version 1",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err = c.hold("count", &at)
		checkAdvice(t, err, want, "")
		if left, err := os.ReadFile(path); err != nil || string(left) != text {
			t.Errorf("it was changed: %q, %v", left, err)
		}
	}
}

// TestCursorFileIsTheNamedOne has commands that come and go at once: who holds the file
// holds the one that has the name, and not one that another has just removed.
func TestCursorFileIsTheNamedOne(t *testing.T) {
	c := CursorFile{Path: filepath.Join(t.TempDir(), "here")}
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			for held := 0; held < 1000; {
				k, _, err := c.hold("count", nil)
				if err != nil {
					continue // the other one has it
				}
				held++
				mine, err := k.lock.file.Stat()
				if err != nil {
					t.Error(err)
				}
				if named, err := os.Stat(c.Path); err != nil || !os.SameFile(mine, named) {
					t.Errorf("it holds a file without a name: %v", err)
				}
				if err := k.release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
}

// TestSyncedBeforeItIsNamed reads the source: what has to be there after a power cut is on
// the disk before it gets its name, or is named in another file. No test can cut the power.
func TestSyncedBeforeItIsNamed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	syncs := map[string]int{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), ".Sync()"); n > 0 {
			syncs[file] = n
		}
		before, _, renames := strings.Cut(string(text), "os.Rename(")
		if renames && file != "deadexport.go" && !strings.Contains(before, ".Sync()") { // that one's are in deadrecord.go
			t.Errorf("%s gives a file its name and has not synced it", file)
		}
	}
	want := map[string]int{"backup.go": 1, "cursorfile.go": 1, "deadrecord.go": 1, "export.go": 1, "folder.go": 1}
	if !maps.Equal(syncs, want) {
		t.Errorf("synced are files in %v, want %v", syncs, want)
	}
}
