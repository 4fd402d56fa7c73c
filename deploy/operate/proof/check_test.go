package proof_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paybridge/deploy/operate/proof"
	"paybridge/schemas/provider"
)

// copied is a writable copy of a built-in pack.
func copied(t *testing.T, name string) string {
	t.Helper()
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, lib.Files(name)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit replaces text in a file of a pack.
func edit(t *testing.T, file, before, after string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), before) {
		t.Fatalf("%s does not hold %q", file, before)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), before, after, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// checked is everything that Check has to say against the pack in dir.
func checked(t *testing.T, dir string) []string {
	t.Helper()
	lib, name, err := proof.Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	report, err := proof.Check(lib, name)
	if err != nil {
		t.Fatal(err)
	}
	lines := complaints(report)
	if report.OK() != (len(lines) == 0) {
		t.Errorf("OK is %v, and the complaints are %q", report.OK(), lines)
	}
	return lines
}

// TestCheckFinds breaks a good pack in every way that Check is there for.
func TestCheckFinds(t *testing.T) {
	const yaml = "provider.yaml"
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string // part of a complaint
	}{
		{"nothing", func(*testing.T, string) {}, ""},
		{"a mapping that means something else", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, yaml), `"payment.failed"', kind: payin, direction: in, state: failed`, `"payment.failed"', kind: payin, direction: in, state: expired`)
		}, `/data/payment/state: is "expired", want "failed"`},
		{"an expression that does not compile", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, yaml), "time: time(item.created_at)", "time: tiem(item.created_at)")
		}, "pik/provider.yaml:"},
		{"a header that is not stored", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, yaml), "type: item.event", `type: 'has(item.event) ? item.event : header[?"x-pik-event"].orValue("")'`)
		}, "events.type: reads the header x-pik-event, which is not stored; add `keep: [X-Pik-Event]` under auth"},
		{"a header that is stored for its signature", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, yaml), "type: item.event", `type: 'header["pik-signature"] == "" ? "none" : item.event'`)
		}, ""},
		{"an auth half with a mistake", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, yaml), "hash: sha256", "hash: sha257")
		}, "auth.hash"},
		{"a hash that is another", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, yaml), "hash: sha256", "hash: sha512")
		}, "is refused"},
		{"an encoding too many", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, yaml), "[hex, base64]", "[hex, base64, base64url]")
		}, "is accepted, and has to be refused"},
		{"a parameter that nothing pins any more", func(t *testing.T, dir string) {
			for _, name := range []string{"auth-refuses-base64url.txtar"} {
				if err := os.Remove(filepath.Join(dir, "fixtures", name)); err != nil {
					t.Fatal(err)
				}
			}
		}, "not pinned by any fixture: signature.encoding: base64url added"},
		{"an event that its schema forbids", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "event.schema.json"), `"type": "object"`, `"type": "array"`)
		}, "event-0.json: schema: event.schema.json: at '/native'"},
		{"a schema that is none", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "event.schema.json"), `"type": "object"`, `"type": "nonsense"`)
		}, "jsonschema"},
		{"a schema that refers elsewhere", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "event.schema.json"), `"type": "object"`, `"$ref": "https://example.com/other.json", "type": "object"`)
		}, "a schema may refer to itself only"},
		{"an event too many", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "fixtures", "payment-failed.txtar"), "-- event-0.json --", "-- event-0.json --\n{}\n-- event-1.json --")
		}, "event-1.json: nothing becomes that event"},
		{"a dead letter that is none", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "fixtures", "payment-failed.txtar"), "answer: 200", "answer: 200\ndead_letter: mapping_failed")
		}, "nothing of it becomes a dead letter mapping_failed"},
		{"a dead letter that nobody expects", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, yaml), "type: item.event", "type: item.data.no_such_member")
		}, "becomes a dead letter: mapping_failed"},
		{"no fixture", func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "fixtures")); err != nil {
				t.Fatal(err)
			}
		}, "has no fixture"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := copied(t, "pik")
			test.spoil(t, dir)
			lines := checked(t, dir)
			if test.want == "" && len(lines) > 0 || test.want != "" && !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, test.want) }) {
				t.Errorf("got %q, want %q", lines, test.want)
			}
		})
	}
}

// TestCheckUnknownPack says which packs there are.
func TestCheckUnknownPack(t *testing.T) {
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := proof.Check(lib, "nobody"); err == nil || !strings.Contains(err.Error(), "bidali") {
		t.Errorf("got %v", err)
	}
}

// TestFolder says that a folder is read alone, under the name that it has.
func TestFolder(t *testing.T) {
	dir := copied(t, "pik")
	if err := os.MkdirAll(filepath.Join(filepath.Dir(dir), "Not A Pack"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	lib, name, err := proof.Folder(".")
	if err != nil || name != "pik" || !slices.Equal(lib.Names(), []string{"pik"}) {
		t.Errorf("got %q, %v", name, err)
	}
	if _, _, err := proof.Folder(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a pack") {
		t.Errorf("an empty folder: %v", err)
	}
}
