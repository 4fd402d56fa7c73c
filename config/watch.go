package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// watched is what a configuration is made of on the disk.
type watched struct {
	files []string // that were or would be read; they need not exist
	packs string   // the folder of more packs; "" for none
}

// snapshot is what the file system says of files: their size, time of change and
// identity. nil stands for a file that does not exist.
type snapshot map[string]os.FileInfo

// look takes a snapshot. It follows links, which is how Kubernetes swaps a volume.
func (w watched) look() snapshot {
	s := snapshot{}
	for _, name := range w.files {
		s[name] = identify(name)
	}
	if w.packs == "" {
		return s
	}
	s[w.packs] = identify(w.packs)
	for _, pack := range entries(w.packs) {
		s[pack] = identify(pack)
		for _, file := range entries(pack) {
			s[file] = identify(file)
		}
	}
	return s
}

// entries are the paths in a folder, without those that begin with a dot, as the
// library of packs sees it.
func entries(folder string) []string {
	list, err := os.ReadDir(folder)
	if err != nil {
		return nil // a plain file, or gone by now, which its own entry says
	}
	var all []string
	for _, entry := range list {
		if !strings.HasPrefix(entry.Name(), ".") {
			all = append(all, filepath.Join(folder, entry.Name()))
		}
	}
	return all
}

func identify(name string) os.FileInfo {
	info, err := os.Stat(name)
	if err != nil {
		return nil
	}
	return info
}

// changed lists the paths that differ, in order.
func (s snapshot) changed(now snapshot) []string {
	paths := maps.Clone(s)
	maps.Copy(paths, now)
	var all []string
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if !same(s[path], now[path]) {
			all = append(all, path)
		}
	}
	return all
}

// same compares two looks at one path. Of a folder only its identity counts: what
// is in it has entries of its own.
func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if a.IsDir() && b.IsDir() {
		return os.SameFile(a, b)
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}
