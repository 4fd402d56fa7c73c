package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"paybridge/config"
	"paybridge/deploy/operate"
	"paybridge/schemas/provider"
)

func replaceOnce(text, before, after string) string { return strings.Replace(text, before, after, 1) }

// testProgram runs in this process, with an empty environment.
func testProgram(args ...string) (*Program, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	return &Program{
		Name: "paybridge", Args: args, Stdout: &out, Stderr: &errs,
		LookupEnv: func(string) (string, bool) { return "", false },
		ReadFile:  os.ReadFile,
		Now:       func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	}, &out, &errs
}

// TestExitCodes says which kinds of error are the configuration's.
func TestExitCodes(t *testing.T) {
	c := config.Default()
	for _, test := range []struct {
		err  error
		want int
	}{
		{errors.New("x"), 1},
		{&operate.Advice{Err: errors.New("x"), Do: "y"}, 1},
		{config.Problems{c.Problem("nats.url", "is wrong", "")}, 78},
		{fmt.Errorf("wrapped: %w", c.Problem("nats.url", "is wrong", "")), 78},
		{provider.Problems{{Message: "is wrong"}}, 78},
		{&mistake{errors.New("no such file")}, 78},
	} {
		if got := exitCode(test.err); got != test.want {
			t.Errorf("%v exits with %d, want %d", test.err, got, test.want)
		}
	}
}

// TestEveryCommandIsNamed says that no command is without a line about it.
func TestEveryCommandIsNamed(t *testing.T) {
	p, _, _ := testProgram()
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short help is %q", cmd.CommandPath(), cmd.Short)
		}
	}
	visit(p.root())
}

func TestUnknownCommandAndFlag(t *testing.T) {
	for _, args := range [][]string{{"nonsense"}, {"tail", "--nonsense"}, {"send"}} {
		p, out, errs := testProgram(args...)
		if code := p.Run(t.Context()); code != 1 || !strings.HasPrefix(errs.String(), "paybridge: ") || out.Len() > 0 {
			t.Errorf("%v: %d, %s%s", args, code, out, errs)
		}
	}
}

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{
		"/var/lib/paybridge": "/var/lib/paybridge",
		"my data":            "'my data'",
		"it's":               `'it'\''s'`,
		"":                   "''",
		"$HOME":              "'$HOME'",
	} {
		if got := shellWord(word); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", word, got, want)
		}
	}
}

func TestInvocation(t *testing.T) {
	for arg0, want := range map[string]string{
		"paybridge":                         "paybridge",
		"bin/paybridge":                     "bin/paybridge",
		"/x/go-build123/b001/exe/paybridge": "go run ./deploy/cmd/paybridge",
	} {
		if got := invocation(arg0); got != want {
			t.Errorf("invocation(%q) = %q, want %q", arg0, got, want)
		}
	}
}
