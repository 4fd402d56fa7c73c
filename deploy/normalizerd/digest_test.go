package normalizerd

import (
	"os"
	"path/filepath"
	"testing"

	"paybridge/config"
	"paybridge/schemas/provider"
)

// TestDigest says that whatever changes what a delivery becomes changes the digest, and
// that nothing else does.
func TestDigest(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "acme", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "acme"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("provider.yaml", "name: acme\n")
	const plain = "sources: [{name: a, provider: acme, secrets: [{id: k, value: 0123456789abcdef-x}]}]\n"
	digest := func(text string) string {
		t.Helper()
		lib, err := new(provider.Library).With(os.DirFS(dir), dir)
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse("x.yaml", []byte(text), func(string) (string, bool) { return "", false }, os.ReadFile)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Digest(c, lib)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	seen := map[string]string{digest(plain): "at first"}
	differs := func(what, got string) {
		t.Helper()
		if before, twice := seen[got]; twice {
			t.Errorf("%s: the digest is the one %s", what, before)
		}
		seen[got] = what
	}
	write("README.md", "# Acme\n")
	if got := digest(plain); seen[got] != "at first" {
		t.Error("a README changes the digest")
	}
	differs("another type prefix", digest(plain+"events: {type_prefix: com.acme}\n"))
	differs("redacted", digest(plain+"events: {native: redacted}\n"))
	differs("another name", digest("sources: [{name: b, provider: acme, secrets: [{id: k, value: 0123456789abcdef-x}]}]\n"))
	write("x.schema.json", "{}")
	differs("a schema", digest(plain))
	write("provider.yaml", "name: acme \n")
	differs("a pack", digest(plain))
}
