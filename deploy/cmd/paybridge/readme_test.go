package main

import (
	"os"
	"strings"
	"testing"

	"paybridge/schemas/provider"
)

// TestReadmeTableIsCurrent says that the README lists the packs that there are.
func TestReadmeTableIsCurrent(t *testing.T) {
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	all, err := list(lib)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkBetween("../../../README.md", markdownTable(all)); err != nil {
		t.Errorf("%v: run `go generate ./...`", err)
	}
}

func TestWriteBetweenNeedsMarkers(t *testing.T) {
	file := t.TempDir() + "/x.md"
	if err := os.WriteFile(file, []byte("a\n"+tableBegin+"old\n"+tableEnd+"b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeBetween(file, "new\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != "a\n"+tableBegin+"new\n"+tableEnd+"b\n" {
		t.Errorf("got %s, %v", got, err)
	}
	if checkBetween(file, "new\n") != nil || checkBetween(file, "old\n") == nil {
		t.Error("a table that is current, or one that is not, is taken for the other")
	}
	if err := os.WriteFile(file, []byte("no markers"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeBetween(file, "new\n"); err == nil || !strings.Contains(err.Error(), "providers: written by") {
		t.Errorf("got %v", err)
	}
}
