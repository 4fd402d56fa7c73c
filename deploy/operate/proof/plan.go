package proof

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// PlanUpdate says what Update would do to a pack's folder, and leaves it as it is: it
// updates a copy, which it removes again. Written and Removed are paths in dir.
func PlanUpdate(dir string) (Updated, error) {
	folder, err := filepath.Abs(dir)
	if err != nil {
		return Updated{}, err
	}
	var updated Updated
	err = aside(func(temporary string) error {
		// The pack is called as its folder is.
		copied := filepath.Join(temporary, filepath.Base(folder))
		if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
			return err
		}
		updated, err = Update(copied)
		updated.Written, updated.Removed = moved(updated.Written, copied, dir), moved(updated.Removed, copied, dir)
		if err != nil { // it names the copy, and is only printed
			err = errors.New(strings.ReplaceAll(err.Error(), copied, filepath.Clean(dir)))
		}
		return err
	})
	return updated, err
}

// PlanScaffold says which files Scaffold would write, and writes none.
func PlanScaffold(dir, name string) (files []string, err error) {
	if err := free(dir, name); err != nil {
		return nil, err
	}
	err = aside(func(temporary string) error {
		files, err = Scaffold(temporary, name)
		files = moved(files, temporary, dir)
		return err
	})
	return files, err
}

// aside does work in a temporary folder.
func aside(work func(dir string) error) error {
	dir, err := os.MkdirTemp("", "paybridge-plan-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system cleans its temporary folder
	return work(dir)
}

// moved is where files of one folder are in another one.
func moved(files []string, from, to string) (all []string) {
	for _, file := range files {
		all = append(all, filepath.Join(to, strings.TrimPrefix(file, from)))
	}
	return all
}
