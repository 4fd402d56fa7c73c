package operate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paybridge/schemas/delivery"
)

// died stores dead letters: two of text, one of bytes that are no text.
func (r *rig) died(bodies ...string) {
	r.t.Helper()
	for _, body := range bodies {
		r.receive(body)
		r.normalize(all)
	}
}

func (r *rig) exportedDead(x DeadExport) DeadExported {
	r.t.Helper()
	sum, err := x.Run(r.t.Context(), r.js)
	if err != nil {
		r.t.Fatal(err)
	}
	return sum
}

// TestDeadExport says that an export holds every byte and header, in either form, and
// that without Act nothing is written.
func TestDeadExport(t *testing.T) {
	r := newRig(t)
	bodies := []string{"{\"a\":\"é \u2028 <&> \x00\"", "\xff\x00{", `{"b":`}
	r.died(bodies...)
	file := filepath.Join(t.TempDir(), "dead.jsonl")
	sum := r.exportedDead(DeadExport{To: file})
	if sum.DeadLetters != 3 || sum.Groups["pik.malformed_json"] != 3 || sum.Bytes != int64(len(strings.Join(bodies, ""))) {
		t.Errorf("the preview says %+v", sum)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a preview has written")
	}
	if sum = r.exportedDead(DeadExport{To: file, Act: true}); sum.DeadLetters != 3 || !strings.HasPrefix(sum.Digest, "sha256-") {
		t.Errorf("got %+v", sum)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for i := 0; lines.Scan(); i++ {
		var d DeadRecord
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		if got := d.Body + string(d.Base64); got != bodies[i] {
			t.Errorf("body %d is %q, want %q", i, got, bodies[i])
		}
		l, err := delivery.DecodeDeadLetter(d.Subject, d.Headers, []byte(bodies[i]))
		if err != nil || l.StreamSequence != uint64(i+1) || d.Sequence != uint64(i+1) || d.Stored.IsZero() {
			t.Errorf("got %+v, %v", d, err)
		}
		for name := range d.Headers {
			if strings.HasPrefix(name, "Nats-") && name != delivery.MessageIDHeader {
				t.Errorf("%s is no header of it", name)
			}
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	_, err = DeadExport{To: file, Act: true}.Run(t.Context(), r.js)
	checkAdvice(t, err, "is there already", "another")

	folder := filepath.Join(t.TempDir(), "dead") + string(filepath.Separator)
	r.exportedDead(DeadExport{To: folder, Act: true, Select: DeadSelection{Limit: 2}})
	for i, name := range []string{"1", "2"} {
		if body, err := os.ReadFile(filepath.Join(folder, name+".body")); err != nil || string(body) != bodies[i] {
			t.Errorf("%s: %q, %v", name, body, err)
		}
		if text, err := os.ReadFile(filepath.Join(folder, name+".json")); err != nil || !strings.Contains(string(text), `"Deadletter-Reason"`) || strings.Contains(string(text), `"body`) {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 4 {
		t.Errorf("got %v, %v", entries, err)
	}
}

// TestDeadSelection says what each flag means, for a redrive and an export alike.
func TestDeadSelection(t *testing.T) {
	r := newRig(t)
	r.died(`{"a":`, `{"b":`)
	r.store(r.delivery("gocardless", "hmac", `{"events":[7]}`))
	r.normalize(all)
	second, err := ShowDead(t.Context(), r.js, 2, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		s    DeadSelection
		want int
	}{
		{"all", DeadSelection{}, 3},
		{"a source", DeadSelection{Source: "pik"}, 2},
		{"a reason", DeadSelection{Reason: delivery.MappingFailed}, 1},
		{"one", DeadSelection{Sequence: 3}, 1},
		{"one of another source", DeadSelection{Sequence: 3, Source: "pik"}, 0},
		{"since", DeadSelection{Since: second.Stored}, 2},
		{"until", DeadSelection{Until: second.Stored}, 1},
		{"limit", DeadSelection{Limit: 2}, 2},
	} {
		if sum := r.exportedDead(DeadExport{To: "nowhere", Select: test.s}); sum.DeadLetters != test.want {
			t.Errorf("%s: export means %d, want %d", test.name, sum.DeadLetters, test.want)
		}
		if sum := r.redrive(test.s, false); sum.Letters != test.want {
			t.Errorf("%s: redrive means %d, want %d", test.name, sum.Letters, test.want)
		}
	}
}
