package operate

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"paybridge/config"
	"paybridge/schemas/provider"
)

// parsed is a configuration whose environment has only SET.
func parsed(t *testing.T, text string) *config.Config {
	t.Helper()
	env := func(name string) (string, bool) { return "a-value-from-the-environment", name == "SET" }
	c, err := config.Parse("test.yaml", []byte(text), env, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const threeSources = `
seal: {keys: [{id: s1, file: /nowhere/seal}]}
sources:
  - {name: pik, provider: pik, secrets: [{id: current, env: UNSET}]}
  - {name: bidali, provider: bidali, secrets: [{id: current, env: SET}]}
  - name: orders
    provider: pixorder
    endpoints:
      Fee: {secrets: [{id: current, env: UNSET}]}
`

// TestFillMakesOnce says that what is missing is made, kept with mode 0600, and the
// same at the next start; and that what the operator gave stays.
func TestFillMakesOnce(t *testing.T) {
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	s := Secrets{Folder: Folder{t.TempDir()}, Library: lib}

	looking := parsed(t, threeSources)
	if found, err := s.Fill(looking, false); len(found) != 0 || err != nil || !looking.Sources[0].Secrets[0].Missing() {
		t.Fatalf("looking made something: %v, %v", found, err)
	}
	first := parsed(t, threeSources)
	made, err := s.Fill(first, true)
	if err != nil {
		t.Fatal(err)
	}
	var of []string
	for _, g := range made {
		of = append(of, g.Of)
		info, err := os.Stat(g.File)
		if err != nil || info.Mode().Perm() != 0o600 || !g.New {
			t.Errorf("%+v: %v, %v", g, info, err)
		}
	}
	if got := strings.Join(of, "; "); got != "seal; source pik; source orders, endpoint Fee" {
		t.Errorf("made for %s", got)
	}
	if got := first.Sources[1].Secrets[0].Reveal(); got != "a-value-from-the-environment" {
		t.Errorf("the operator's own secret became %q", got)
	}
	if err := first.Check(); err != nil {
		t.Errorf("after filling: %v", err)
	}
	if got := first.Seal.Keys[0]; got.ID != "s1" || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(got.Reveal()) {
		t.Errorf("seal key %q has %d characters", got.ID, len(got.Reveal()))
	}

	second := parsed(t, threeSources)
	kept, err := s.Fill(second, true)
	if err != nil || len(kept) != len(made) || kept[0].New {
		t.Errorf("second start: %v, %v", kept, err)
	}
	if second.Sources[0].Secrets[0].Reveal() != first.Sources[0].Secrets[0].Reveal() {
		t.Error("the second start has another secret")
	}
	if first.Sources[0].Secrets[0].Reveal() == first.Seal.Keys[0].Reveal() {
		t.Error("two secrets are the same")
	}
}

// TestFillLeavesPartOfAListAlone says that one present secret makes the list the
// operator's: a missing one beside it is his mistake to hear of.
func TestFillLeavesPartOfAListAlone(t *testing.T) {
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	c := parsed(t, `
seal: {keys: [{id: s1, env: SET}]}
sources:
  - {name: pik, provider: pik, secrets: [{id: next, env: UNSET}, {id: current, env: SET}]}
`)
	found, err := Secrets{Folder: Folder{t.TempDir()}, Library: lib}.Fill(c, true)
	if len(found) != 0 || err != nil {
		t.Errorf("made %v, %v", found, err)
	}
	if err := c.Check(); err == nil {
		t.Error("the missing secret is no problem any more")
	}
}

// TestFillRefusesAnEmptyFile says that a secret that was lost is not replaced in silence.
func TestFillRefusesAnEmptyFile(t *testing.T) {
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	folder := Folder{t.TempDir()}
	if err := os.MkdirAll(filepath.Join(folder.Path, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder.Path, "secrets", "seal.s1"), []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Secrets{Folder: folder, Library: lib}.Fill(parsed(t, threeSources), true)
	if err == nil || !strings.Contains(err.Error(), "seal.s1 is empty") {
		t.Errorf("got %v", err)
	}
}

// TestFillBasic says that a provider with user and password gets both.
func TestFillBasic(t *testing.T) {
	files := t.TempDir()
	if err := os.MkdirAll(filepath.Join(files, "basicpay"), 0o755); err != nil {
		t.Fatal(err)
	}
	pack := "name: basicpay\ntitle: Basic\nconfidence: unconfirmed\nauth: {scheme: basic}\nevents: {type_prefix: com.basic, type: '\"x\"', derived_id: [type]}\n"
	if err := os.WriteFile(filepath.Join(files, "basicpay", "provider.yaml"), []byte(pack), 0o600); err != nil {
		t.Fatal(err)
	}
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	if lib, err = lib.With(os.DirFS(files), files); err != nil {
		t.Fatal(err)
	}
	c := parsed(t, "seal: {keys: [{id: s1, env: SET}]}\nsources: [{name: b, provider: basicpay, secrets: [{id: current, env: UNSET}]}]\n")
	if _, err := (Secrets{Folder: Folder{t.TempDir()}, Library: lib}).Fill(c, true); err != nil {
		t.Fatal(err)
	}
	if got := c.Sources[0].Secrets[0].Reveal(); !strings.HasPrefix(got, "paybridge:") {
		t.Errorf("the secret has no user: %d characters", len(got))
	}
}
