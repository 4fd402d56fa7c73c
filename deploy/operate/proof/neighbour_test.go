package proof_test

import (
	"path/filepath"
	"strings"
	"testing"

	"paybridge/deploy/operate/proof"
)

// TestCheckNamesTheNeighbour spoils the auth half of good packs, and expects to be
// told what would make the request authentic again.
func TestCheckNamesTheNeighbour(t *testing.T) {
	for _, test := range []struct {
		name, pack, file, before, after string
		want                            string
	}{
		{"the hash", "pik", "provider.yaml", "hash: sha256", "hash: sha512", "is refused (auth: malformed), and has to be accepted; would be authentic with `hash: sha256`"},
		{"the key", "stripe", "provider.yaml", "key: text", "key: whsec", "would be authentic with `key: text`"},
		{"the key of the pair", "stripe", "provider.yaml", "take: v1", "take: v0", "would be authentic with `take: v1`"},
		{"the template", "stripe", "provider.yaml", `"{timestamp}.{body}"`, `"{timestamp}{body}"`, "would be authentic with `signed: \"{timestamp}.{body}\"`"},
		{"two at once", "pik", "provider.yaml", "hash: sha256\n  key: text ", "hash: sha512\n  key: hex ", "would be authentic with `hash: sha256` and `key: text`"},
		{"the header", "pik", "provider.yaml", "header: P", "header: X-Q", "the request has no header X-Q"},
		{"the moment", "stripe", "provider.yaml", "tolerance: 5m", "tolerance: 1s", "write into received_at"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := copied(t, test.pack)
			edit(t, filepath.Join(dir, test.file), test.before, test.after)
			lines := strings.Join(checked(t, dir), "\n")
			if !strings.Contains(lines, test.want) {
				t.Errorf("got %s\nwant %s", lines, test.want)
			}
		})
	}
}

// TestUpdateNamesTheHeader says which header a captured request lacks.
func TestUpdateNamesTheHeader(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	if _, err := proof.Scaffold(filepath.Dir(dir), "acme"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "fixtures", "example.txtar")
	forgetEvents(t, file)
	edit(t, file, "X-Signature:", "X-Acme-Sig:")
	if _, err := proof.Update(dir); err == nil || !strings.Contains(err.Error(), "the request has no header X-Signature") {
		t.Errorf("got %v", err)
	}
}
