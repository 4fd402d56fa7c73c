package proof_test

import (
	"os"
	"path/filepath"
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
}
