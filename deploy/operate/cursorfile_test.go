package operate

import (
	"os"
	"path/filepath"
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
	} {
		_, _, err := CursorFile{path, test.of}.hold(test.command, &at)
		checkAdvice(t, err, want, "remove it to begin anew")
	}
	// What a crash left beside it is in nobody's way.
	if err := os.WriteFile(path+".new", []byte("half"), 0o600); err != nil {
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
	if k, _, err = c.hold("count", &at); err != nil {
		t.Fatal(err)
	}
	if err := k.done(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := os.WriteFile(path, []byte("my shopping list"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.hold("count", &at)
	checkAdvice(t, err, "is no cursor of this program", "another file")
	if text, err := os.ReadFile(path); err != nil || string(text) != "my shopping list" {
		t.Errorf("it was changed: %q, %v", text, err)
	}
}
