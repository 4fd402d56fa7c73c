package proof

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// Marker begins the comment of a fixture that Update made and may remove or rewrite.
const Marker = "Machine-made by `paybridge provider check --update`"

// Updated is what Update did to a pack's folder.
type Updated struct {
	Written []string // files, in the order in which they were written
	Removed []string // machine-made fixtures that nothing needs any more
	Failing int      // fixtures that do not come out as they say; where there are any, no machine-made one was touched
}

// Update writes what a pack's fixtures lack into the pack's folder: the events of
// fixtures that have none, as they come out today (read them: they are what the pack
// does, not what is right), and one machine-made fixture for each parameter of the
// auth half that no other fixture pins. Fixtures that people wrote are only added to,
// and what becomes a dead letter is for a person to expect. The error is in the pack.
func Update(dir string) (Updated, error) {
	lib, name, err := Folder(dir)
	if err != nil {
		return Updated{}, err
	}
	u := &updater{dir: filepath.Join(dir, "fixtures"), was: map[string][]byte{}, made: map[string][]byte{}}
	if u.pack, err = halves(lib, name); err != nil {
		return Updated{}, err
	}
	if err := os.MkdirAll(u.dir, 0o755); err != nil {
		return Updated{}, err
	}
	if err := u.read(); err != nil {
		return u.done, err
	}
	// A pack that fails for another reason says nothing about what has to be pinned.
	for _, f := range u.pack.fixtures {
		if len(u.pack.try(f).Problems) > 0 {
			u.done.Failing++
		}
	}
	if u.done.Failing > 0 {
		return u.done, nil
	}
	if err := u.pinAll(); err != nil {
		return u.done, err
	}
	return u.done, u.replace()
}

// updater is one run of Update.
type updater struct {
	pack      *pack
	dir       string
	was, made map[string][]byte // the machine-made fixtures before and after, by file
	done      Updated
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
// outcome, and sets aside those that a machine made.
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
			u.was[file] = text
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

// complete adds to a fixture the events that come of it, where it does not say.
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
	placeholder := append(lines(text), "-- event-0.json --\nnull\n"...)
	f, err := provider.ReadFixture(file, placeholder)
	if err != nil {
		return f, err
	}
	f, dead, err := u.outcome(f)
	if err != nil {
		return f, err
	}
	if len(dead) > 0 {
		return f, notExpected(f, dead[0])
	}
	// What the person wrote stays as it is, byte for byte.
	whole := lines(text)
	for i, e := range f.Events {
		whole = append(fmt.Appendf(whole, "-- event-%d.json --\n", i), e...)
	}
	return f, u.write(file, whole)
}

// lines is a copy of text that ends in a line end.
func lines(text []byte) []byte {
	whole := slices.Clone(text)
	if !bytes.HasSuffix(whole, []byte("\n")) {
		whole = append(whole, '\n')
	}
	return whole
}

// notExpected says what to do about a dead letter that a fixture does not name: it is
// a mistake of the mapping far more often than what is meant.
func notExpected(f provider.Fixture, dead string) error {
	reason, problem, _ := strings.Cut(dead, ": ")
	reason = strings.Fields(reason)[0]
	mend := "mend events"
	if key, _, ok := strings.Cut(problem, ":"); ok && !strings.Contains(key, " ") {
		mend += "." + key
	}
	return fmt.Errorf("%s: becomes a dead letter (%s); %s, or write `dead_letter: %s` into case.yaml if that is meant", f.At, dead, mend, reason)
}

// outcome is the fixture with the events that come of it today, and the dead letters.
func (u *updater) outcome(f provider.Fixture) (provider.Fixture, []string, error) {
	f.Events, f.DeadLetter = nil, ""
	d, err := u.pack.store(f)
	if err != nil {
		help := u.pack.refusal(f, err)
		if help == "" {
			help = "is the secret in case.yaml the one that it was signed with?"
		}
		return f, nil, fmt.Errorf("%s: is refused (%w), and has to be accepted; %s", f.At, err, help)
	}
	events, dead := u.pack.mapped(d, f)
	for _, e := range events {
		structured, err := e.AppendStructured(nil)
		if err != nil {
			return f, nil, fmt.Errorf("%s: %w", f.At, err)
		}
		text, err := eventFile(structured)
		if err != nil {
			return f, nil, fmt.Errorf("%s: %w", f.At, err)
		}
		f.Events = append(f.Events, text)
	}
	return f, dead, nil
}

// pinAll makes a fixture for every mutation that no fixture notices.
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

// keep takes up a machine-made fixture.
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
		var dead []string
		var err error
		if f, dead, err = u.outcome(f); err != nil {
			return err
		}
		// The base is expected to become one, and this is the same but for its signature.
		for _, text := range dead {
			f.DeadLetter, _, _ = strings.Cut(strings.Fields(text)[0], ":")
		}
	}
	text, err := archive(f)
	if err != nil {
		return err
	}
	u.pack.fixtures = append(u.pack.fixtures, f)
	u.made[file] = text
	return nil
}

// replace puts the machine-made fixtures of now in place of those of before.
func (u *updater) replace() error {
	for _, file := range slices.Sorted(maps.Keys(u.made)) {
		if bytes.Equal(u.made[file], u.was[file]) {
			continue
		}
		if err := u.write(file, u.made[file]); err != nil {
			return err
		}
	}
	for _, file := range slices.Sorted(maps.Keys(u.was)) {
		if _, stays := u.made[file]; stays {
			continue
		}
		if err := os.Remove(file); err != nil {
			return err
		}
		u.done.Removed = append(u.done.Removed, file)
	}
	return nil
}

// write writes a file and remembers to say so.
func (u *updater) write(file string, text []byte) error {
	u.done.Written = append(u.done.Written, file)
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
