package proof_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paybridge/deploy/operate/proof"
)

// TestUpdateWritesWhatIsMissing takes events and cases out of packs of every shape
// and has them written again, until Check has nothing against them.
func TestUpdateWritesWhatIsMissing(t *testing.T) {
	for pack, shape := range map[string]string{
		"pik":               "two encodings, an optional prefix",
		"stripe":            "a dated signature in pairs",
		"standard-webhooks": "two alternatives, a signed id",
		"mercado-pago":      "a template over query and header, with optional segments",
		"pixorder":          "endpoints",
	} {
		t.Run(pack+": "+shape, func(t *testing.T) {
			t.Parallel()
			dir := copied(t, pack)
			fixtures, err := filepath.Glob(filepath.Join(dir, "fixtures", "*.txtar"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range fixtures {
				// What remains are requests as they came; all else is to be found again.
				if strings.HasPrefix(filepath.Base(file), "auth-refuses") {
					if err := os.Remove(file); err != nil {
						t.Fatal(err)
					}
					continue
				}
				forgetEvents(t, file)
			}
			updated, err := proof.Update(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(updated.Written) == 0 || updated.Failing > 0 {
				t.Errorf("got %+v", updated)
			}
			for _, line := range checked(t, dir) {
				t.Error(line)
			}
			again, err := proof.Update(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(again.Written)+len(again.Removed) > 0 {
				t.Errorf("a second update did %+v", again)
			}
		})
	}
}

// forgetEvents cuts the events off a fixture.
func forgetEvents(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(text), "-- event-0.json --\n")
	if !ok {
		return
	}
	if err := os.WriteFile(file, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestUpdateKeepsWhatPeopleWrote says that an update only adds.
func TestUpdateKeepsWhatPeopleWrote(t *testing.T) {
	dir := copied(t, "pik")
	file := filepath.Join(dir, "fixtures", "payment-confirmed.txtar")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	forgetEvents(t, file)
	head, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := proof.Update(dir); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(after), string(head)) || !strings.Contains(string(after), `"id": "evt_xyz789"`) || len(before) == len(head) {
		t.Errorf("got %s", after)
	}
}

// TestUpdateLeavesDeadLettersToPeople says that what becomes a dead letter is not
// taken for the expectation, and that the fixture keeps its bytes.
func TestUpdateLeavesDeadLettersToPeople(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	if _, err := proof.Scaffold(filepath.Dir(dir), "acme"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "fixtures", "example.txtar")
	forgetEvents(t, file)
	edit(t, filepath.Join(dir, "provider.yaml"), "  # items: body.events", "  items: body.itemz #")
	before := folderText(t, dir)
	_, err := proof.Update(dir)
	for _, want := range []string{"example.txtar", "becomes a dead letter (mapping_failed: items: ", "body.itemz", "mend events.items, or write `dead_letter: mapping_failed`"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if after := folderText(t, dir); after != before {
		t.Errorf("got %s", after)
	}
	// Where it is said, it is what is expected.
	edit(t, file, "answer: 200\n", "answer: 200\ndead_letter: mapping_failed\n")
	if _, err := proof.Update(dir); err != nil {
		t.Error(err)
	}
}

// folderText is every fixture of a pack, name and bytes.
func folderText(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "fixtures", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(file + "\n" + string(text))
	}
	return all.String()
}

// TestUpdateKeepsCasesOfAFailingPack says that a pack that fails for another reason
// keeps its machine-made cases, and gets no verdict about its parameters.
func TestUpdateKeepsCasesOfAFailingPack(t *testing.T) {
	for name, spoil := range map[string][2]string{
		"another hash":    {"hash: sha256", "hash: sha512"},
		"another mapping": {"kind: payin, direction: in, state: confirmed", "kind: payin, direction: in, state: settled"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "acme")
			if _, err := proof.Scaffold(filepath.Dir(dir), "acme"); err != nil {
				t.Fatal(err)
			}
			edit(t, filepath.Join(dir, "provider.yaml"), spoil[0], spoil[1])
			before := folderText(t, dir)
			updated, err := proof.Update(dir)
			if err != nil || updated.Failing != 1 || len(updated.Written)+len(updated.Removed) > 0 {
				t.Errorf("got %+v, %v", updated, err)
			}
			if after := folderText(t, dir); after != before {
				t.Errorf("got %s", after)
			}
			lib, pack, err := proof.Folder(dir)
			if err != nil {
				t.Fatal(err)
			}
			report, err := proof.Check(lib, pack)
			if err != nil || report.OK() || report.Failing() == 0 || len(report.Mutations) > 0 {
				t.Errorf("got %d failing and %d mutations, %v", report.Failing(), len(report.Mutations), err)
			}
		})
	}
}

// TestUpdateRemovesWhatNothingNeeds says that a machine-made case goes once a person
// has written its like.
func TestUpdateRemovesWhatNothingNeeds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	if _, err := proof.Scaffold(filepath.Dir(dir), "acme"); err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(dir, "fixtures", "auth-refuses-signature-encoding-base64-added.txtar")
	text, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	own := strings.Replace(string(text), proof.Marker, "Written by hand", 1)
	if err := os.WriteFile(filepath.Join(dir, "fixtures", "own.txtar"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	updated, err := proof.Update(dir)
	if err != nil || len(updated.Removed) != 1 || updated.Removed[0] != made || len(updated.Written) > 0 {
		t.Errorf("got %+v, %v", updated, err)
	}
}

// TestUpdateExplains says what is wrong with a captured request that does not
// verify, and with a pack that does not compile.
func TestUpdateExplains(t *testing.T) {
	dir := copied(t, "pik")
	file := filepath.Join(dir, "fixtures", "payment-confirmed.txtar")
	forgetEvents(t, file)
	edit(t, file, "whsec_pik-fixture-key-0001", "whsec_pik-fixture-key-0009")
	if _, err := proof.Update(dir); err == nil || !strings.Contains(err.Error(), "is the secret in case.yaml the one") {
		t.Errorf("another secret: %v", err)
	}
	edit(t, filepath.Join(dir, "provider.yaml"), "scheme: hmac", "scheme: hamc")
	if _, err := proof.Update(dir); err == nil || !strings.Contains(err.Error(), "auth.scheme") {
		t.Errorf("a broken pack: %v", err)
	}
}
