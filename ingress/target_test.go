package ingress

import (
	"strings"
	"testing"
)

func TestTraceparent(t *testing.T) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, c := range []struct {
		name string
		sent []string
		want string
	}{
		{"none", nil, ""},
		{"good", []string{good}, good},
		{"not sampled", []string{good[:53] + "00"}, good[:53] + "00"},
		{"two", []string{good, good}, ""},
		{"empty", []string{""}, ""},
		{"short", []string{good[:54]}, ""},
		{"long", []string{good + "-x"}, ""},
		{"longer digits", []string{good + "0"}, ""},
		{"upper case", []string{strings.ToUpper(good)}, ""},
		{"no trace", []string{"00-" + strings.Repeat("0", 32) + good[35:]}, ""},
		{"no parent", []string{good[:36] + strings.Repeat("0", 16) + good[52:]}, ""},
		{"version ff", []string{"ff" + good[2:]}, ""},
		{"a version to come", []string{"01" + good[2:]}, good},
		{"a version to come with more", []string{"01" + good[2:] + "-more"}, good},
		{"a version to come that runs on", []string{"01" + good[2:] + "more"}, ""},
		{"a dash astray", []string{"00-0af7651916cd43dd8448eb211c80319cb-7ad6b7169203331-01"}, ""},
		{"not hex", []string{strings.Replace(good, "a", "g", 1)}, ""},
		{"a line end", []string{good[:54] + "\n"}, ""},
	} {
		if got := traceparent(c.sent); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if traceID("") != "" || traceID(good) != "0af7651916cd43dd8448eb211c80319c" {
		t.Error("trace id")
	}
	for flags, want := range map[string]bool{"00": false, "01": true, "02": false, "03": true, "1f": true, "fe": false} {
		if isSampled(good[:53]+flags) != want {
			t.Errorf("sampled with flags %s: %v", flags, !want)
		}
	}
	if isSampled("") {
		t.Error("nothing is sampled")
	}
}

func FuzzTraceparent(f *testing.F) {
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Add("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x")
	f.Fuzz(func(t *testing.T, value string) {
		got := traceparent([]string{value})
		if got == "" {
			return
		}
		if len(got) != traceparentLength || !strings.HasPrefix(got, "00-") || traceparent([]string{got}) != got || strings.Trim(got, "0123456789abcdef-") != "" {
			t.Errorf("%q became %q", value, got)
		}
	})
}
