package proof

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

//go:embed pack
var scaffold embed.FS

// packName is what a pack, its folder and a source's provider are called.
var packName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// example is the request of a new pack, in the shape that most providers share.
const example = `{"type":"payment.paid","id":"evt_0001","created_at":"2026-01-15T10:45:00Z",` +
	`"data":{"id":"pay_0001","reference":"order-17","amount":"10.50","currency":"BRL","status":"paid","customer":{"name":"Ana"}}}`

// free is an error where no pack of that name can be made in dir.
func free(dir, name string) error {
	if !packName.MatchString(name) {
		return fmt.Errorf("pack %q: a name is 1 to 64 of a-z, 0-9, - and _, a letter or digit first", name)
	}
	lib, err := provider.BuiltIn()
	if err != nil {
		return err
	}
	if slices.Contains(lib.Names(), name) {
		return fmt.Errorf("pack %q: is a shipped pack's name, which no other may have: `paybridge provider show %s` shows it; choose another name, such as %s-own", name, name, name)
	}
	folder := filepath.Join(dir, name)
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is already there: choose another name, or another folder with --dir", folder)
	}
	return nil
}

// Scaffold writes the folder of a new pack, dir/name: commented, with an example
// that is signed and mapped, and passing Check. It returns the files.
func Scaffold(dir, name string) ([]string, error) {
	if err := free(dir, name); err != nil {
		return nil, err
	}
	folder := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Join(folder, "fixtures"), 0o755); err != nil {
		return nil, err
	}
	written, err := copyScaffold(folder, name)
	if err != nil {
		return written, err
	}
	file, err := writeExample(folder, name)
	if err != nil {
		return written, err
	}
	written = append(written, file)
	updated, err := Update(folder)
	for _, f := range updated.Written {
		if f != file {
			written = append(written, f)
		}
	}
	return written, err
}

// copyScaffold writes the embedded files with the pack's name in them.
func copyScaffold(folder, name string) (written []string, err error) {
	err = fs.WalkDir(scaffold, "pack", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(scaffold, path)
		if err != nil {
			return err
		}
		to, isTemplate := strings.CutSuffix(filepath.Base(path), ".tmpl")
		if isTemplate {
			parsed, err := template.New(to).Parse(string(text))
			if err != nil {
				return err
			}
			var filled bytes.Buffer
			if err := parsed.Execute(&filled, struct{ Name, Path string }{name, Typed(folder)}); err != nil {
				return err
			}
			text = filled.Bytes()
		}
		to = filepath.Join(folder, to)
		written = append(written, to)
		return os.WriteFile(to, text, 0o644)
	})
	return written, err
}

// Typed is a pack's folder as one names it to `provider check`: with a slash in it, so
// that it is no pack's name.
func Typed(folder string) string {
	if filepath.IsAbs(folder) || strings.HasPrefix(folder, "..") {
		return folder
	}
	return "." + string(filepath.Separator) + filepath.Clean(folder)
}

// writeExample signs the example as the new pack says.
func writeExample(folder, name string) (string, error) {
	lib, _, err := Folder(folder)
	if err != nil {
		return "", err
	}
	half, err := lib.Auth(name)
	if err != nil {
		return "", err
	}
	f := provider.Fixture{
		Doc:        "An example, not a request of the provider: replace it. " + "`paybridge provider new` signed it with the secret below.",
		ReceivedAt: time.Date(2026, 1, 15, 10, 45, 2, 0, time.UTC), Method: "POST", Body: []byte(example),
		Secrets: []provider.FixtureSecret{{ID: "current", Text: name + "-example-secret-0001"}}, Sequence: 1, Answer: 200,
		Header: map[string][]string{"Content-Type": {"application/json"}},
	}
	header, _, err := auth.Sign(half, auth.FixtureSecrets(&f)[0], auth.FixtureRequest(&f))
	if err != nil {
		return "", err
	}
	f.Header = map[string][]string(header)
	text, err := archive(f)
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "fixtures", "example.txtar")
	return file, os.WriteFile(file, text, 0o644)
}
