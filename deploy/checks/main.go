// Command checks runs what "make check" and "make fuzz" promise.
//
// # The promise
//
// Every check runs, however many fail, so that one call shows all there is to
// mend. A check passes only if its command ran, exited with 0 and, where silence
// is the proof, printed nothing.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// check is one command.
type check struct {
	name   string
	args   []string
	silent bool   // anything printed is a finding
	mend   string // what to do about a finding
}

const tool = "-modfile=deploy/tools/go.mod"

// checks are those of "make check", cheapest first.
func checks() []check {
	return []check{
		{"format", []string{"go", "tool", tool, "gofumpt", "-l", "config", "deploy", "ingress", "normalizer", "schemas"}, true, "run: go tool " + tool + " gofumpt -w FILE"},
		{"go.mod", []string{"go", "mod", "tidy", "-diff"}, true, "run: go mod tidy"},
		{"tools go.mod", []string{"go", "-C", "deploy/tools", "mod", "tidy", "-diff"}, true, "run: go -C deploy/tools mod tidy"},
		{"vet", []string{"go", "vet", "./..."}, true, "mend what it names"},
		{"staticcheck", []string{"go", "tool", tool, "staticcheck", "./..."}, true, "mend what it names"},
		{"provider table", []string{"go", "run", "./deploy/cmd/paybridge", "provider", "list", "--check-readme", "README.md"}, true, "run: go generate ./..."},
	}
}

func main() { os.Exit(run(os.Args[1:], os.Stdout)) }

func run(args []string, out io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	flags := flag.NewFlagSet("checks", flag.ContinueOnError)
	fuzz := flags.Duration("fuzz", 0, "run every fuzz target for this long instead of the checks")
	if err := flags.Parse(args); err != nil {
		return 1
	}
	list := checks()
	if *fuzz > 0 {
		var err error
		if list, err = fuzzTargets(ctx, *fuzz); err != nil {
			fmt.Fprintln(out, err)
			return 1
		}
	}
	return report(ctx, list, out)
}

// report runs every check and counts.
func report(ctx context.Context, list []check, out io.Writer) int {
	failed := 0
	for _, c := range list {
		begin := time.Now()
		text, err := c.run(ctx)
		if err != nil {
			failed++
			fmt.Fprintf(out, "FAIL  %s (%.1fs): %v\n%s", c.name, time.Since(begin).Seconds(), err, text)
			continue
		}
		fmt.Fprintf(out, "ok    %s (%.1fs)\n", c.name, time.Since(begin).Seconds())
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", len(list)-failed, failed)
	if failed > 0 {
		return 1
	}
	return 0
}

// run returns what the command printed, and an error where that is a finding.
func (c check) run(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	if err == nil && c.silent && len(findings(text.String())) > 0 {
		err = errors.New("findings")
	}
	if err != nil {
		err = fmt.Errorf("%w; %s", err, c.mend)
	}
	return text.String(), err
}

// findings are the lines that are not the go command's own news of downloads.
func findings(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "go: downloading ") && strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// fuzzTargets lists the fuzz targets of every package.
func fuzzTargets(ctx context.Context, length time.Duration) ([]check, error) {
	listed, err := exec.CommandContext(ctx, "go", "test", "-list", "^Fuzz", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go test -list: %w", err)
	}
	list := targets(string(listed), length)
	if len(list) == 0 {
		return nil, errors.New("no fuzz target found")
	}
	return list, nil
}

// targets reads what go test -list printed: the names of a package's targets, then
// the package.
func targets(listed string, length time.Duration) []check {
	var list []check
	var names []string
	for line := range strings.Lines(listed) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) > 1 && fields[0] == "ok":
			for _, name := range names {
				list = append(list, check{
					name: name + " " + fields[1],
					// The default minimizes each interesting input for up to a minute: all of the time.
					args: []string{"go", "test", "-run", "^$", "-fuzz", "^" + name + "$", "-fuzztime", length.String(), "-fuzzminimizetime", "1s", fields[1]},
					mend: "the input that fails is kept under the package's testdata/fuzz: commit it with the mend",
				})
			}
			names = nil
		}
	}
	return list
}
