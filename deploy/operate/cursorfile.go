package operate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// CursorFile keeps how far a command has come, so that the same command goes on from
// there. It is replaced whole, and on the disk before it has its name: after a crash it
// is the last one or the one before, and a command of which it says less than is done
// finds out. It goes when the command is through.
type CursorFile struct {
	Path string // "" for none
	Of   []Same // what has to be the same for the command to go on
}

// Same is one thing that a cursor file is of: the packs, a flag as it was typed.
type Same struct {
	What  string `json:"what"`
	Value string `json:"value"`
}

// sameStream is a stream and no other of its name, on another server or later.
func sameStream(info *natsjs.StreamInfo) Same {
	return Same{"the stream " + info.Config.Name, jetstream.Life(info)}
}

// The head of a cursor file.
const (
	cursorFormat  = "paybridge cursor"
	cursorVersion = 1
)

// cursorText is a cursor file. State is the command's own.
type cursorText struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	Command string          `json:"command"`
	Of      []Same          `json:"of"`
	State   json.RawMessage `json:"state"`
}

// keptCursor is a cursor file that a command holds. One of no path keeps nothing.
type keptCursor struct {
	CursorFile
	command string
	lock    *Lock
}

// hold takes the file for a command, and reads its state; found is false where there is
// none. One of another command, or of something else, is refused.
func (c CursorFile) hold(command string, state any) (k *keptCursor, found bool, err error) {
	k = &keptCursor{CursorFile: c, command: command}
	if c.Path == "" {
		return k, false, nil
	}
	if k.lock, err = lockNamed(c.Path); errors.Is(err, errLocked) {
		return nil, false, advise(fmt.Errorf("%s: another command holds this cursor", c.Path), "wait for it, or name another file")
	}
	if err != nil {
		return nil, false, advise(err, "what is kept of how far it is has to be a file, in a folder that is there")
	}
	if found, err = k.read(state); err != nil {
		return nil, false, errors.Join(err, k.release())
	}
	return k, found, nil
}

// lockNamed locks the file that has a name, and makes it where none has. It may get
// another one while the lock is taken.
func lockNamed(path string) (*Lock, error) {
	for {
		lock, err := takeLock(path, syscall.LOCK_EX)
		if err != nil {
			return nil, err
		}
		held, err := lock.file.Stat()
		if err != nil {
			return nil, errors.Join(err, lock.Release())
		}
		if named, err := os.Stat(path); err == nil && os.SameFile(held, named) {
			return lock, nil
		}
		if err := lock.Release(); err != nil {
			return nil, err
		}
	}
}

// read reads the state; nothing was found in a file that has just been made.
func (k *keptCursor) read(state any) (found bool, err error) {
	text, err := io.ReadAll(k.lock.file)
	if err != nil || len(text) == 0 {
		return false, err
	}
	var had cursorText
	if err := json.Unmarshal(text, &had); err != nil || had.Format != cursorFormat {
		return false, advise(fmt.Errorf("%s: is no cursor of this program", k.Path), "name another file")
	}
	anew := "go on with what it is of, or remove it to begin anew"
	if had.Version != cursorVersion || had.Command != k.command {
		return false, advise(fmt.Errorf("%s: it is of %s, version %d, and this is %s, version %d", k.Path, had.Command, had.Version, k.command, cursorVersion), anew)
	}
	if difference := differs(had.Of, k.Of); difference != "" {
		return false, advise(fmt.Errorf("%s: it is of something else: %s", k.Path, difference), anew)
	}
	if err := json.Unmarshal(had.State, state); err != nil {
		return false, advise(fmt.Errorf("%s: %w", k.Path, err), "remove it to begin anew")
	}
	return true, nil
}

// differs is the first thing that is not the same; "" where all is.
func differs(had, have []Same) string {
	for i, h := range have {
		switch {
		case i >= len(had) || had[i].What != h.What:
			return "another version of this program wrote it"
		case had[i].Value != h.Value:
			return fmt.Sprintf("%s was %s, and is %s", h.What, orNothing(had[i].Value), orNothing(h.Value))
		}
	}
	return ""
}

func orNothing(text string) string {
	if text == "" {
		return "not given"
	}
	return text
}

// save replaces the file. The new one is locked before it has the name.
func (k *keptCursor) save(state any) error {
	if k.Path == "" {
		return nil
	}
	text, err := json.Marshal(state)
	if err == nil {
		text, err = json.MarshalIndent(cursorText{cursorFormat, cursorVersion, k.command, k.Of, text}, "", "  ")
	}
	if err != nil {
		return err
	}
	before := k.lock
	after, err := k.write(append(text, '\n'))
	if err != nil {
		return fmt.Errorf("cursor %s: %w", k.Path, err)
	}
	k.lock = after
	return before.Release()
}

// write writes the file beside, onto the disk, and gives it the name.
func (k *keptCursor) write(text []byte) (*Lock, error) {
	beside := k.Path + ".new"
	if err := os.Remove(beside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err // only the holder of the lock writes it: what is there is a dead one's
	}
	lock, err := takeLock(beside, syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	_, err = lock.file.Write(text)
	if err = errors.Join(err, lock.file.Sync()); err == nil {
		err = os.Rename(beside, k.Path)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return lock, nil
}

// done removes the file: the command is through.
func (k *keptCursor) done() error {
	if k.lock == nil {
		return nil
	}
	err := errors.Join(os.Remove(k.Path), k.lock.Release())
	k.lock = nil
	return err
}

// release gives the file back; one that nothing was written to goes.
func (k *keptCursor) release() error {
	if k == nil || k.lock == nil {
		return nil
	}
	var err error
	if info, statErr := k.lock.file.Stat(); statErr == nil && info.Size() == 0 {
		err = os.Remove(k.Path)
	}
	err = errors.Join(err, k.lock.Release())
	k.lock = nil
	return err
}
