package jetstream_test

import (
	"path/filepath"
	"testing"

	"paybridge/deploy/jetstream"
)

// The folder need not exist yet: the disk is that of the nearest one that does.
func TestFreeDisk(t *testing.T) {
	dir := t.TempDir()
	here, err := jetstream.FreeDisk(dir)
	if err != nil || here <= 0 {
		t.Fatalf("%v, %v", here, err)
	}
	there, err := jetstream.FreeDisk(filepath.Join(dir, "not", "yet"))
	if err != nil || there <= 0 {
		t.Errorf("%v, %v", there, err)
	}
}
