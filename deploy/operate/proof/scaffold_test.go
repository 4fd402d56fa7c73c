package proof_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paybridge/deploy/operate/proof"
)

// TestScaffoldPasses says that a new pack passes before anything is written in it.
func TestScaffoldPasses(t *testing.T) {
	dir := t.TempDir()
	written, err := proof.Scaffold(dir, "acme")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range written {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
	lib, name, err := proof.Folder(filepath.Join(dir, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := proof.Check(lib, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range complaints(report) {
		t.Error(line)
	}
	if _, err := proof.Scaffold(dir, "acme"); err == nil {
		t.Error("a folder that was there was written over")
	}
	if _, err := proof.Scaffold(dir, "../acme"); err == nil {
		t.Error("a name left the folder")
	}
	if _, err := proof.Scaffold(dir, "pik"); err == nil {
		t.Error("a shipped pack's name was taken")
	}
}

// TestScaffoldAllowsAnyBody says that a new pack's schema asks for nothing that a
// provider's body may lack: the first check is about the pack, not about the template.
func TestScaffoldAllowsAnyBody(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	if _, err := proof.Scaffold(filepath.Dir(dir), "acme"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "event.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "required") {
		t.Errorf("got %s", text)
	}
}
