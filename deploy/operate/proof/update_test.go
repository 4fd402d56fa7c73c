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
			written, err := proof.Update(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(written) == 0 {
				t.Error("nothing was written")
			}
			for _, line := range checked(t, dir) {
				t.Error(line)
			}
			again, err := proof.Update(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range again {
				if text, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(text), proof.Marker) {
					t.Errorf("a second update wrote %s, %v", file, err)
				}
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

// TestUpdateOfADeadLetter says that what becomes none is written as such.
func TestUpdateOfADeadLetter(t *testing.T) {
	dir := copied(t, "pixorder")
	file := filepath.Join(dir, "fixtures", "list.txtar")
	edit(t, file, "dead_letter: mapping_failed\n", "")
	if _, err := proof.Update(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "dead_letter: mapping_failed\n") {
		t.Errorf("got %s, %v", text, err)
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
