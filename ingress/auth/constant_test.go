package auth

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestComparesInConstantTime reads the source (S-20): what a request claims is compared
// with what it should be in constant time, over all secrets, and nowhere else. Time
// itself is too noisy a witness for a test.
func TestComparesInConstantTime(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	leaky := regexp.MustCompile(`\b(bytes\.(Equal|Compare|HasPrefix)|reflect\.DeepEqual|strings\.Compare)\(|digests?(\[[^]]*\])* *[!=]= *`)
	comparing := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := leaky.Find(text); found != nil {
			t.Errorf("%s: %s tells by its time where two secrets differ", file, found)
		}
		if strings.Contains(string(text), "subtle.ConstantTimeCompare(") {
			comparing[file] = true
		}
		// A loop that ends at the first match tells which secret it was.
		for _, loop := range regexp.MustCompile(`(?s)ConstantTimeCompare\(.{0,200}`).FindAllString(string(text), -1) {
			if line, _, _ := strings.Cut(loop, "\n\t}\n"); strings.Contains(line, "break") || strings.Contains(line, "return") {
				t.Errorf("%s: stops comparing at the first match", file)
			}
		}
	}
	if !comparing["hmac.go"] || !comparing["token.go"] || len(comparing) != 2 {
		t.Errorf("compared in %v", comparing)
	}
}
