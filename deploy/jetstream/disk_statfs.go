//go:build linux || darwin || freebsd

package jetstream

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"paybridge/config"
)

// FreeDisk is how many bytes an ordinary user may still write where dir is, or
// will be: config.Streams.Disk of an embedded server. The error names dir.
func FreeDisk(dir string) (config.Size, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", dir, err)
	}
	for {
		var s syscall.Statfs_t
		switch err := syscall.Statfs(dir, &s); {
		case err == nil:
			return config.Size(uint64(s.Bavail) * uint64(s.Bsize)), nil
		case !os.IsNotExist(err) || dir == filepath.Dir(dir):
			return 0, fmt.Errorf("%s: free disk space: %w", dir, err)
		}
		dir = filepath.Dir(dir)
	}
}
