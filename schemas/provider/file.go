package provider

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// Bounds of a pack's files, so that a hostile folder cannot exhaust the memory of
// the program that reads it.
const (
	maxPack     = 1 << 20 // bytes of provider.yaml and of each schema
	maxFixture  = 8 << 20 // bytes of one fixture
	maxFixtures = 1000
)

// folderFS is a folder of a file system. Unlike [fs.Sub] it can Stat without
// opening, which a named pipe would answer only when someone writes to it.
type folderFS struct {
	parent fs.FS
	name   string
}

// Open opens a file of the folder.
func (f folderFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return f.parent.Open(path.Join(f.name, name))
}

// Stat describes a file of the folder.
func (f folderFS) Stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrInvalid}
	}
	return fs.Stat(f.parent, path.Join(f.name, name))
}

// readFile reads a regular file of at most a given size. Its errors do not repeat
// the name: that is the caller's.
func readFile(fsys fs.FS, name string, most int64) ([]byte, error) {
	// Stat before Open: opening a named pipe would wait for its writer.
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	// The size that was said is not relied on: the file may grow meanwhile.
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, cause(err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("is larger than %d bytes", most)
	}
	return data, nil
}

// cause is a file error without operation and path.
func cause(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("is not there")
	}
	var wrapped *fs.PathError
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
