package proof

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"paybridge/schemas/provider"
)

// Folder reads the one pack in dir, whatever is beside it, and returns its name.
// Links that lead out of the folder's parent are not followed.
func Folder(dir string) (lib *provider.Library, name string, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, "", err
	}
	if _, err := os.Stat(filepath.Join(abs, "provider.yaml")); err != nil {
		return nil, "", fmt.Errorf("%s: is not a pack: %w", dir, err)
	}
	parent, name := filepath.Split(abs)
	root, err := os.OpenRoot(parent)
	if err != nil {
		return nil, "", err
	}
	lib, err = (&provider.Library{}).With(one{root.FS(), name}, filepath.Dir(filepath.Clean(dir)))
	return lib, name, err
}

// one is a folder in which only one entry is seen.
type one struct {
	fs.FS
	name string
}

// ReadDir lists the entry alone at the top.
func (o one) ReadDir(dir string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(o.FS, dir)
	if dir != "." {
		return entries, err
	}
	for _, e := range entries {
		if e.Name() == o.name {
			return []fs.DirEntry{e}, nil
		}
	}
	return nil, err
}
