package event

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCleanID(t *testing.T) {
	long := strings.Repeat("x", 128)
	for in, want := range map[string]string{
		"evt_xyz789": "evt_xyz789",
		"!~":         "!~",
		long:         long,
		long + "x":   "~" + hashText(long+"x"),
		"":           "~47DEQpj8HBSa-_TImW-5JC", // SHA-256 of nothing
		"a b":        "~" + hashText("a b"),
		" a":         "~" + hashText(" a"),
		"a\r\n":      "~" + hashText("a\r\n"),
		"é":          "~" + hashText("é"),
		"\x7f":       "~" + hashText("\x7f"),
	} {
		if got := CleanID(in); got != want {
			t.Errorf("CleanID(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanIDIsCleanAndStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := CleanID(anyText().Draw(t, "id"))
		if !isID(id) || CleanID(id) != id {
			t.Fatalf("%q is not clean", id)
		}
	})
}

func TestSequence(t *testing.T) {
	for want, in := range map[string]struct {
		stream uint64
		item   int
	}{
		"00000000000000000042.0000": {42, 0},
		"00000000000000000000.0000": {0, 0},
		"18446744073709551615.9999": {math.MaxUint64, 9999},
		"00000000000000000001.0012": {1, 12},
	} {
		if got := Sequence(in.stream, in.item); got != want {
			t.Errorf("Sequence(%d, %d) = %q, want %q", in.stream, in.item, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		i, j := rapid.IntRange(0, 9999).Draw(t, "i"), rapid.IntRange(0, 9999).Draw(t, "j")
		if less := a < b || a == b && i < j; (Sequence(a, i) < Sequence(b, j)) != less {
			t.Fatalf("(%d, %d) and (%d, %d) do not compare as their sequences do", a, i, b, j)
		}
	})
}

func TestRawDigest(t *testing.T) {
	if got, want := RawDigest(nil), "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; got != want {
		t.Errorf("digest %q, want %q", got, want)
	}
}
