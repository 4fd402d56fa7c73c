package operate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDefaultFolder(t *testing.T) {
	for _, test := range []struct {
		name, want string
		env        map[string]string
	}{
		{"state home", "/state/paybridge", map[string]string{"XDG_STATE_HOME": "/state", "HOME": "/home/ana"}},
		{"a relative state home is not one", "/home/ana/.local/state/paybridge", map[string]string{"XDG_STATE_HOME": "state", "HOME": "/home/ana"}},
		{"home", "/home/ana/.local/state/paybridge", map[string]string{"HOME": "/home/ana"}},
		{"neither", "paybridge-data", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			lookup := func(name string) (string, bool) { v, ok := test.env[name]; return v, ok }
			if got := DefaultFolder(lookup).Path; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestLockIsExclusive says that a second up is told who holds the folder, and gets
// it once the first has gone.
func TestLockIsExclusive(t *testing.T) {
	f := Folder{filepath.Join(t.TempDir(), "data")}
	if err := f.Make(); err != nil {
		t.Fatal(err)
	}
	lock, err := f.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Announce(Running{PID: 4711, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	_, err = f.Lock()
	var advice *Advice
	if !errors.As(err, &advice) || !strings.Contains(err.Error(), "process 4711, since 2026-01-02T03:04:05Z") || !strings.Contains(advice.Do, "--data") {
		t.Errorf("a second lock: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := f.Lock()
	if err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
}

// TestRunning says that only an up that lives counts: not one that has announced
// itself and crashed.
func TestRunning(t *testing.T) {
	f := Folder{filepath.Join(t.TempDir(), "data")}
	none := func(when string) {
		t.Helper()
		if _, ok, err := f.Running(); ok || err != nil {
			t.Errorf("%s: running %v, %v", when, ok, err)
		}
	}
	none("no folder")
	if err := f.Make(); err != nil {
		t.Fatal(err)
	}
	none("an empty folder")
	lock, err := f.Lock()
	if err != nil {
		t.Fatal(err)
	}
	none("still starting")
	want := Running{PID: 1, NATS: "nats://127.0.0.1:1", Config: "/etc/paybridge.yaml"}
	if err := f.Announce(want); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := f.Running(); got != want || !ok || err != nil {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	none("crashed, its file left behind")
	if err := f.Retire(); err != nil {
		t.Error(err)
	}
	if err := f.Retire(); err != nil {
		t.Errorf("retire twice: %v", err)
	}
}

func TestRunningFileIsPrivateAndWhole(t *testing.T) {
	f := Folder{t.TempDir()}
	if err := f.Announce(Running{PID: 1}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(f.runningFile())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(f.Path)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := os.WriteFile(f.runningFile(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.readRunning(); err == nil || !strings.Contains(err.Error(), "running.json") {
		t.Errorf("a broken file: %v", err)
	}
}

func TestMakeNamesTheFlag(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := Folder{filepath.Join(file, "data")}.Make()
	var advice *Advice
	if !errors.As(err, &advice) || !strings.Contains(advice.Do, "--data") || errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
}
