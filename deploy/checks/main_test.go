package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
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

// Each target runs by itself, in the package that it was listed for.
func TestTargets(t *testing.T) {
	list := targets("FuzzA\nFuzzB\nok  \tpaybridge/x\t0.01s\n?   \tpaybridge/y\t[no test files]\nok  \tpaybridge/z\t(cached)\nFuzzC\nok  \tpaybridge/w\t0.01s\n", 20*time.Second)
	var got []string
	for _, c := range list {
		got = append(got, c.name+": "+strings.Join(c.args, " "))
	}
	const command = ": go test -run ^$ -fuzz "
	const limits = "$ -fuzztime 20s -fuzzminimizetime 1s "
	want := []string{
		"FuzzA paybridge/x" + command + "^FuzzA" + limits + "paybridge/x",
		"FuzzB paybridge/x" + command + "^FuzzB" + limits + "paybridge/x",
		"FuzzC paybridge/w" + command + "^FuzzC" + limits + "paybridge/w",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("targets\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What has to be green names every tool once, and each says what to do.
func TestChecks(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range checks() {
		if seen[c.name] || !c.silent || c.mend == "" || c.args[0] != "go" {
			t.Errorf("%+v", c)
		}
		seen[c.name] = true
	}
}
