package operate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Folder is the data folder of `paybridge up`: the streams, the secrets that it
// made, a lock and, while it runs, where it listens.
//
//	jetstream/     the embedded server's files
//	secrets/       generated secrets, mode 0600
//	lock           held while an up runs
//	running.json   where that up listens; see Running
type Folder struct{ Path string }

// DefaultFolder is where `up` keeps its data unless it is told: a per-user state
// folder, so that the other commands find it from any working directory.
func DefaultFolder(lookupEnv func(string) (string, bool)) Folder {
	if state, ok := lookupEnv("XDG_STATE_HOME"); ok && filepath.IsAbs(state) {
		return Folder{filepath.Join(state, "paybridge")}
	}
	if home, ok := lookupEnv("HOME"); ok && filepath.IsAbs(home) {
		return Folder{filepath.Join(home, ".local", "state", "paybridge")}
	}
	return Folder{"paybridge-data"}
}

// Streams is the folder of the embedded server's files.
func (f Folder) Streams() string { return filepath.Join(f.Path, "jetstream") }

// Make creates the folder, readable by its owner alone: it holds payments.
func (f Folder) Make() error {
	if err := os.MkdirAll(f.Path, 0o700); err != nil {
		return advise(fmt.Errorf("data folder: %w", err), "name a folder that you may write with --data DIR")
	}
	return nil
}

// lockTries bounds how often Lock looks again: another command may hold the lock
// for the microsecond in which it asks whether an up runs.
const (
	lockTries = 5
	lockPause = 20 * time.Millisecond
)

// Lock holds the folder for one `up`, or says who does.
func (f Folder) Lock() (*Lock, error) {
	for try := 1; ; try++ {
		lock, err := takeLock(f.lockFile(), syscall.LOCK_EX)
		if !errors.Is(err, errLocked) {
			return lock, err
		}
		if try == lockTries {
			return nil, f.taken()
		}
		time.Sleep(lockPause)
	}
}

// taken describes the other up that holds the folder.
func (f Folder) taken() error {
	who := ""
	if r, err := f.readRunning(); err == nil {
		who = fmt.Sprintf(" (process %d, since %s)", r.PID, r.Started.Format(time.RFC3339))
	}
	return advise(
		fmt.Errorf("data folder %s: another `paybridge up` uses it%s", f.Path, who),
		"use the one that runs, stop it first, or give this one a folder of its own with --data DIR")
}

// The names of the folder's own files; see Folder.
func (f Folder) lockFile() string    { return filepath.Join(f.Path, "lock") }
func (f Folder) runningFile() string { return filepath.Join(f.Path, "running.json") }

// Running is what an `up` says of itself while it runs, so that the other
// commands find it without being told a port.
type Running struct {
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	Config   string    `json:"config"`   // absolute path; "" for the shipped one
	NATS     string    `json:"nats"`     // nats://host:port
	Webhooks string    `json:"webhooks"` // http(s)://host:port of the public listener
	Admin    string    `json:"admin"`    // http://host:port of the admin listener
}

// Announce writes r for the other commands to find.
func (f Folder) Announce(r Running) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(f.runningFile(), append(text, '\n'))
}

// Retire removes what Announce wrote.
func (f Folder) Retire() error {
	err := os.Remove(f.runningFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Running finds the `up` that runs on this folder. ok is false where none does;
// a file that a crash left behind does not count, because the lock is free then.
func (f Folder) Running() (r Running, ok bool, err error) {
	if _, err := os.Stat(f.lockFile()); errors.Is(err, fs.ErrNotExist) {
		return Running{}, false, nil
	}
	lock, err := takeLock(f.lockFile(), syscall.LOCK_SH)
	if err == nil {
		return Running{}, false, lock.Release()
	}
	if !errors.Is(err, errLocked) {
		return Running{}, false, err
	}
	r, err = f.readRunning()
	if errors.Is(err, fs.ErrNotExist) {
		return Running{}, false, nil // it starts, or it stops
	}
	return r, err == nil, err
}

// readRunning reads what Announce wrote, whether its up still runs or not.
func (f Folder) readRunning() (r Running, err error) {
	text, err := os.ReadFile(f.runningFile())
	if err != nil {
		return Running{}, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return Running{}, fmt.Errorf("%s: %w", f.runningFile(), err)
	}
	return r, nil
}

// writeWhole writes a file of mode 0600 that is there whole or not at all.
func writeWhole(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
