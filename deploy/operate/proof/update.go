package proof

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/tools/txtar"

	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// Marker begins the comment of a fixture that Update made and may remove or rewrite.
const Marker = "Machine-made by `paybridge provider check --update`"

// Update writes what a pack's fixtures lack into the pack's folder and lists the
// files that it wrote: the events of fixtures that have none, as they come out
// today (read them: they are what the pack does, not what is right), and one
// machine-made fixture for each parameter of the auth half that no other fixture
// pins. Fixtures that people wrote are only added to. The error is in the pack.
func Update(dir string) (written []string, err error) {
	lib, name, err := Folder(dir)
	if err != nil {
		return nil, err
	}
	u := &updater{dir: filepath.Join(dir, "fixtures")}
	if u.pack, err = halves(lib, name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(u.dir, 0o755); err != nil {
		return nil, err
	}
	if err := errors.Join(u.read(), u.pinAll()); err != nil {
		return u.written, err
	}
	return u.written, nil
}

// updater is one run of Update.
type updater struct {
	pack    *pack
	dir     string
	written []string
}

// halves is the pack without its fixtures: those may not be whole yet.
func halves(lib *provider.Library, name string) (*pack, error) {
	p, problems := compile(lib, name)
	if len(problems) > 0 {
		return nil, errors.New(strings.Join(problems, "\n"))
	}
	return p, nil
}

// read reads every fixture that a person wrote, completes it where it lacks its
// outcome, and removes those that a machine made.
func (u *updater) read() error {
	files, err := filepath.Glob(filepath.Join(u.dir, "*.txtar"))
	if err != nil {
		return err
	}
	var problems []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(text, []byte(Marker)) {
			problems = append(problems, os.Remove(file))
			continue
		}
		f, err := u.complete(file, text)
		problems = append(problems, err)
		u.pack.fixtures = append(u.pack.fixtures, f)
	}
	return errors.Join(problems...)
}

// refusedCase finds a case of a refused request.
var refusedCase = regexp.MustCompile(`(?m)^answer:\s*401\b`)

// complete adds to a fixture what comes of it, where it does not say.
func (u *updater) complete(file string, text []byte) (provider.Fixture, error) {
	a := txtar.Parse(text)
	for _, part := range a.Files {
		said := strings.HasPrefix(part.Name, "event-") ||
			part.Name == "case.yaml" && (bytes.Contains(part.Data, []byte("dead_letter:")) || refusedCase.Match(part.Data))
		if said {
			return provider.ReadFixture(file, text)
		}
	}
	// A placeholder lets the fixture be read: an accepted one has to have an outcome.
	placeholder := *a
	placeholder.Files = append(placeholder.Files[:len(a.Files):len(a.Files)], txtar.File{Name: "event-0.json", Data: []byte("null\n")})
	f, err := provider.ReadFixture(file, txtar.Format(&placeholder))
	if err != nil {
		return f, err
	}
	if f, err = u.outcome(f); err != nil {
		return f, err
	}
	for i, e := range f.Events {
		a.Files = append(a.Files, txtar.File{Name: fmt.Sprintf("event-%d.json", i), Data: e})
	}
	if f.DeadLetter != "" {
		for i := range a.Files {
			if a.Files[i].Name == "case.yaml" {
				a.Files[i].Data = append(a.Files[i].Data, "dead_letter: "+f.DeadLetter+"\n"...)
			}
		}
	}
	return f, u.write(file, txtar.Format(a))
}

// outcome is the fixture with what comes of it today.
func (u *updater) outcome(f provider.Fixture) (provider.Fixture, error) {
	f.Events, f.DeadLetter = nil, ""
	d, err := u.pack.store(f)
	if err != nil {
		return f, fmt.Errorf("%s: %w; is the secret in case.yaml the one that it was signed with?", f.At, err)
	}
	events, dead := u.pack.mapped(d, f)
	for _, e := range events {
		structured, err := e.AppendStructured(nil)
		if err != nil {
			return f, fmt.Errorf("%s: %w", f.At, err)
		}
		text, err := eventFile(structured)
		if err != nil {
			return f, fmt.Errorf("%s: %w", f.At, err)
		}
		f.Events = append(f.Events, text)
	}
	for _, text := range dead {
		f.DeadLetter, _, _ = strings.Cut(strings.Fields(text)[0], ":")
	}
	return f, nil
}

// pinAll writes a fixture for every mutation that no fixture notices.
func (u *updater) pinAll() error {
	var problems []error
	for _, m := range auth.Mutations(u.pack.auth) {
		if u.pack.notices(m) != "" {
			continue
		}
		for _, base := range u.pack.fixtures {
			secret, _, ok := u.pack.authentic(base)
			if !ok || strings.HasPrefix(base.Doc, Marker) {
				continue
			}
			if f, ok := u.pack.pin(m, base, secret); ok {
				problems = append(problems, u.keep(f, m))
				break
			}
		}
	}
	return errors.Join(problems...)
}

// keep writes a machine-made fixture.
func (u *updater) keep(f provider.Fixture, m auth.Mutation) error {
	verb := "refuses"
	if f.Answer == http.StatusOK {
		verb = "accepts"
	}
	f.Name = "auth-" + verb + "-" + slug(m.Name)
	f.Doc = Marker + ":\nwithout this case nothing would notice the change\n  " + m.Name
	file := filepath.Join(u.dir, f.Name+".txtar")
	f.At = provider.Position{File: file}
	if f.Answer == http.StatusOK {
		var err error
		if f, err = u.outcome(f); err != nil {
			return err
		}
	}
	text, err := archive(f)
	if err != nil {
		return err
	}
	u.pack.fixtures = append(u.pack.fixtures, f)
	return u.write(file, text)
}

// write writes a file and remembers to say so.
func (u *updater) write(file string, text []byte) error {
	u.written = append(u.written, file)
	return os.WriteFile(file, text, 0o644)
}

// notSlug is what a file's name does not have.
var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// slug is a mutation as a file's name: "hash-sha256-sha1".
func slug(text string) string {
	s := strings.Trim(notSlug.ReplaceAllString(strings.ToLower(text), "-"), "-")
	if len(s) > 60 {
		s = strings.Trim(s[:60], "-")
	}
	return s
}
