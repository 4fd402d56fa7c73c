package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	for _, tt := range []struct {
		name string
		list []check
		code int
		want string
	}{
		{"all pass", []check{{name: "a", args: []string{"go", "env", "GOOS"}}}, 0, "1 passed, 0 failed"},
		{"a command that fails", []check{{name: "a", args: []string{"go", "no-such-command"}}, {name: "b", args: []string{"go", "version"}}}, 1, "1 passed, 1 failed"},
		{"a command that is not there", []check{{name: "a", args: []string{"no-such-program"}}}, 1, "0 passed, 1 failed"},
		{"output where silence is the proof", []check{{name: "a", args: []string{"go", "version"}, silent: true, mend: "mend it"}}, 1, "findings; mend it"},
		{"silence", []check{{name: "a", args: []string{"go", "env", "NO_SUCH_VARIABLE"}, silent: true}}, 0, "1 passed, 0 failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if code := report(t.Context(), tt.list, &out); code != tt.code || !strings.Contains(out.String(), tt.want) {
				t.Errorf("code %d, want %d; printed:\n%s", code, tt.code, out.String())
			}
		})
	}
}

func TestFindings(t *testing.T) {
	if got := findings("go: downloading x v1\n\n"); got != nil {
		t.Errorf("news of a download is a finding: %q", got)
	}
	if got := findings("go: downloading x v1\nfile.go\n"); len(got) != 1 {
		t.Errorf("findings = %q, want one", got)
	}
}
