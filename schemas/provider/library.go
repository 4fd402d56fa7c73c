package provider

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"paybridge/schemas/providers"
)

// Library is a set of packs: the built-in ones, and those of the operator's
// providers_dir. It is immutable and safe for concurrent use. Halves are read when
// they are asked for, so that a pack that no source uses cannot stop a program.
type Library struct {
	packs map[string]pack
}

// pack is one folder.
type pack struct {
	files  fs.FS
	origin string // what stands before the folder's name in errors; "" for the built-in ones
	name   string
}

var packName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// BuiltIn is the library of the packs that are embedded in the program.
func BuiltIn() (*Library, error) { return (&Library{}).With(providers.FS, "") }

// With returns a library that also has the packs of fsys, one folder each. origin
// is what stands before a file's path in errors, such as "/etc/paybridge/packs".
// Plain files and names that begin with a dot are passed over. A folder that is
// not a pack, and one with the name of a pack that is already there, are
// [Problems]. fsys has to confine symbolic links itself, as [os.Root.FS] does.
func (l *Library) With(fsys fs.FS, origin string) (*Library, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("packs of %s: %w", origin, err)
	}
	all := maps.Clone(l.packs)
	if all == nil {
		all = map[string]pack{}
	}
	var problems Problems
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") {
			continue
		}
		p := pack{files: folderFS{fsys, name}, origin: origin, name: name}
		// Stat follows links: a Kubernetes volume has nothing else.
		info, err := fs.Stat(fsys, name)
		if err == nil && !info.IsDir() {
			continue
		}
		if problem := p.check(err, all); problem != nil {
			problems = append(problems, *problem)
			continue
		}
		all[name] = p
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	return &Library{all}, nil
}

// check says why a folder cannot be a pack beside those that are there.
func (p pack) check(err error, there map[string]pack) *Problem {
	at := Position{File: path.Join(p.origin, p.name)}
	other, taken := there[p.name]
	switch {
	case err != nil:
		return &Problem{At: at, Message: cause(err).Error(), Hint: "remove it, or make it a folder"}
	case !packName.MatchString(p.name):
		return &Problem{At: at, Message: "is not a pack's name", Hint: "rename the folder to lower-case letters, digits, - and _, at most 64"}
	case taken && other.origin == "":
		return &Problem{At: at, Message: "redefines the built-in pack of that name", Hint: "rename the folder, and name: in its provider.yaml"}
	case taken:
		return &Problem{At: at, Message: "redefines the pack in " + path.Join(other.origin, other.name), Hint: "remove one of them"}
	}
	if info, err := fs.Stat(p.files, "provider.yaml"); err != nil || !info.Mode().IsRegular() {
		return &Problem{At: at, Message: "has no file provider.yaml", Hint: "write it (`paybridge provider new` does), or move the folder out"}
	}
	return nil
}

// Names lists the packs in order of their names.
func (l *Library) Names() []string { return slices.Sorted(maps.Keys(l.packs)) }

// Files is the folder of a pack; nil where there is no such pack.
func (l *Library) Files(name string) fs.FS { return l.packs[name].files }

// About reads the head of a pack. Its error is [Problems], or says that there is
// no such pack.
func (l *Library) About(name string) (About, error) {
	r, root, err := l.open(name)
	if err != nil {
		return About{}, err
	}
	about := r.readAbout(root, name)
	return about, r.sorted()
}

// Auth reads the auth half of a pack. Its error is [Problems], or says that there
// is no such pack.
func (l *Library) Auth(name string) (*Auth, error) {
	r, root, err := l.open(name)
	if err != nil {
		return nil, err
	}
	r.readName(root, name)
	a := r.readAuth(root)
	if err := r.sorted(); err != nil {
		return nil, err
	}
	a.Name = name
	return a, nil
}

// Events reads the events half of a pack. Its error is [Problems], or says that
// there is no such pack.
func (l *Library) Events(name string) (*Events, error) {
	r, root, err := l.open(name)
	if err != nil {
		return nil, err
	}
	r.readName(root, name)
	e := r.readEvents(root, l.packs[name].files)
	if err := r.sorted(); err != nil {
		return nil, err
	}
	e.Name = name
	return e, nil
}

// open parses a pack's provider.yaml.
func (l *Library) open(name string) (*reader, object, error) {
	p, ok := l.packs[name]
	if !ok {
		return nil, object{}, fmt.Errorf("pack %q: not found; there are %s", name, strings.Join(l.Names(), ", "))
	}
	r := &reader{file: path.Join(p.origin, p.name, "provider.yaml")}
	data, err := readFile(p.files, "provider.yaml", maxPack)
	if err != nil {
		return nil, object{}, Problems{{At: Position{File: r.file}, Message: err.Error()}}
	}
	root, ok := r.parse(data)
	if !ok {
		return nil, object{}, r.sorted()
	}
	root.only("name", "title", "docs", "confidence", "endpoints", "auth", "events")
	return r, root, nil
}
