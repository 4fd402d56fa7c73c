package operate

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Lock is an exclusive hold on a data folder. The kernel drops it when the
// process ends, however it ends, so a crash leaves nothing to clean up.
type Lock struct{ file *os.File }

// errLocked means that another process holds the lock.
var errLocked = errors.New("locked by another process")

// takeLock takes the lock file at path without waiting. how is LOCK_EX for a
// holder and LOCK_SH for one that only asks.
func takeLock(path string, how int) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	switch err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, errors.Join(errLocked, f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return &Lock{file: f}, nil
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.file.Close() }
