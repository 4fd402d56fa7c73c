package operate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paybridge/deploy/jetstream"
)

// contentsOf is what a file or a folder holds.
func contentsOf(t *testing.T, path string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(path, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		fmt.Fprintf(&all, "%s %q\n", strings.TrimPrefix(name, path), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// cutLine is what a kill leaves at the end of a file of lines.
func cutLine(partial string) error {
	f, err := os.OpenFile(partial, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(`{"sequence":8,"stored":"2026`)
	return errors.Join(err, f.Close())
}

// TestDeadExportGoesOn interrupts an export, cuts what it wrote last as a kill would, and
// runs it again: it holds what an export holds that was never interrupted, as of when it
// was begun, and each dead letter is counted once.
func TestDeadExportGoesOn(t *testing.T) {
	r := newRig(t)
	for i := range 6 {
		r.died(fmt.Sprintf(`{"a":%d`, i), fmt.Sprintf("\xff\x00%d", i))
	}
	dir := t.TempDir()
	for form, cut := range map[string]func(partial string) error{
		"dead.jsonl": cutLine,
		"folder/": func(partial string) error {
			return os.WriteFile(filepath.Join(partial, "7.json"), []byte(`{"sequ`), 0o600)
		},
	} {
		whole := filepath.Join(dir, "whole-") + form
		want := r.exportedDead(DeadExport{To: whole, Act: true, Select: DeadSelection{Limit: 10}})

		to := filepath.Join(dir, "cut-") + form
		path := filepath.Clean(to)
		ctx, cancel := context.WithCancel(t.Context())
		x := DeadExport{To: to, Act: true, Select: DeadSelection{Limit: 10}, Of: []Same{{"--limit", "10"}}}
		x.Progress = func(done, _ int) {
			if done == 7 {
				cancel()
			}
		}
		stop := x
		if _, err := stop.Run(ctx, r.js); err == nil {
			// The rest of a batch was in memory; what was not read yet is to come.
			t.Fatalf("%s: it was not interrupted", form)
		}
		cancel()
		x.Progress = nil
		if err := cut(path + ".partial"); err != nil {
			t.Fatal(err)
		}
		other := x
		other.Of = []Same{{"--limit", "11"}}
		_, err := other.Run(t.Context(), r.js)
		checkAdvice(t, err, "--limit was 10, and is 11", "remove it to begin anew")
		got, err := x.Run(t.Context(), r.js)
		if err != nil || got.Before < 6 || got.Before >= 10 {
			t.Fatalf("%s: %+v, %v", form, got, err)
		}
		if want.To, want.Before = got.To, got.Before; fmt.Sprint(got) != fmt.Sprint(want) || contentsOf(t, path) != contentsOf(t, filepath.Clean(whole)) {
			t.Errorf("%s: got %+v, want %+v", form, got, want)
		}
		left, err := filepath.Glob(path + ".*")
		if err != nil || len(left) > 0 {
			t.Errorf("%s: left are %v, %v", form, left, err)
		}
	}
	// What came meanwhile is not of it.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	x := DeadExport{To: filepath.Join(dir, "then.jsonl"), Act: true}
	stop := x
	stop.Progress = func(int, int) { cancel() }
	if _, err := stop.Run(ctx, r.js); !errors.Is(err, context.Canceled) {
		t.Errorf("it was not interrupted: %v", err)
	}
	r.died(`{"new":`)
	if got := r.exportedDead(x); got.DeadLetters != 12 {
		t.Errorf("got %+v", got)
	}
	// A last line that is cut goes, also where the dead letter has expired and nothing is to
	// be written in its place.
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	x = DeadExport{To: filepath.Join(dir, "expired.jsonl"), Act: true}
	stop = x
	stop.Progress = func(int, int) { cancel() }
	if _, err := stop.Run(ctx, r.js); !errors.Is(err, context.Canceled) {
		t.Errorf("it was not interrupted: %v", err)
	}
	whole := contentsOf(t, x.To+".partial")
	if err := cutLine(x.To + ".partial"); err != nil {
		t.Fatal(err)
	}
	r.expire(jetstream.DeadLetters)
	if got := r.exportedDead(x); got.DeadLetters != got.Before || contentsOf(t, x.To) != whole {
		t.Errorf("got %+v, %s, want %s", got, contentsOf(t, x.To), whole)
	}
	// Something that nobody knows is not gone on with.
	if err := os.WriteFile(filepath.Join(dir, "who.jsonl.partial"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := DeadExport{To: filepath.Join(dir, "who.jsonl"), Act: true}.Run(t.Context(), r.js)
	checkAdvice(t, err, "who.jsonl.partial is there already", "nothing says what it is of")
	names, err := os.ReadDir(dir)
	if err != nil || slices.ContainsFunc(names, func(e os.DirEntry) bool { return e.Name() == "who.jsonl.cursor" }) {
		t.Errorf("left: %v, %v", names, err)
	}
}
