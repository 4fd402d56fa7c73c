package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// anAddress is what examples have where a script has $WEBHOOKS, the address of its up.
const anAddress = "https://pay.example.com"

// TestEveryExampleRuns says that every command that runs has an example about it, and
// that a script runs every example as it is typed. A script may add flags behind it, such
// as the data folder that it works on:
//
//	Example: "  paybridge tail pik --since 1h"
//	exec paybridge tail pik --since 1h --count 1 --data data
//
// To satisfy it, write what you would type at night as the Example, and run it in one of
// testdata/script/*.txtar.
func TestEveryExampleRuns(t *testing.T) {
	run, err := scripted(filepath.Join("testdata", "script"))
	if err != nil {
		t.Fatal(err)
	}
	p, _, _ := testProgram()
	for _, missing := range unproved(p.root(), run) {
		t.Error(missing)
	}
}

// unproved lists what commands lack: an example, or a script that runs it.
func unproved(cmd *cobra.Command, run [][]string) (missing []string) {
	for _, sub := range cmd.Commands() {
		missing = append(missing, unproved(sub, run)...)
	}
	if !cmd.Runnable() || cmd.Name() == "help" || cmd.Name() == "completion" {
		return missing
	}
	about := false
	for line := range strings.Lines(cmd.Example) {
		example := shellWords(line)
		if len(example) == 0 || example[0] != "paybridge" {
			continue // another program, that goes with it
		}
		about = about || strings.HasPrefix(strings.Join(example, " ")+" ", cmd.CommandPath()+" ")
		if !slices.ContainsFunc(run, func(words []string) bool { return isPrefix(example, words) }) {
			missing = append(missing, cmd.CommandPath()+": no script runs the example `"+strings.Join(example, " ")+"`")
		}
	}
	if !about {
		missing = append(missing, cmd.CommandPath()+": its help has no example of it")
	}
	return missing
}

// scripted are the commands that the scripts run, as words.
func scripted(dir string) ([][]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, err
	}
	var run [][]string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		script, _, _ := strings.Cut("\n"+string(text), "\n-- ")
		for line := range strings.Lines(script) {
			line = strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(line), "! "), "$WEBHOOKS", anAddress)
			for _, runs := range []string{"exec ", "eventually "} {
				if command, ok := strings.CutPrefix(line, runs); ok {
					run = append(run, shellWords(command))
				}
			}
		}
	}
	return run, nil
}

func isPrefix(head, words []string) bool {
	return len(head) <= len(words) && slices.Equal(head, words[:len(head)])
}

// shellWords splits a line as a shell and a script both do: at spaces that are not in
// single quotes, up to a comment.
func shellWords(line string) (words []string) {
	var word strings.Builder
	quoted, begun := false, false
	for _, r := range strings.TrimRight(line, "\n") + " " {
		switch {
		case r == '\'':
			quoted, begun = !quoted, true
		case quoted || r != ' ' && (r != '#' || begun):
			word.WriteRune(r)
			begun = true
		case r == '#':
			return words
		case begun:
			words = append(words, word.String())
			word.Reset()
			begun = false
		}
	}
	return words
}

// TestUnprovedIsNoticed says that the test above can fail.
func TestUnprovedIsNoticed(t *testing.T) {
	run := [][]string{shellWords("paybridge a b --data 'x y' --flag")}
	root := func(example string) *cobra.Command {
		cmd := &cobra.Command{Use: "paybridge"}
		cmd.AddCommand(&cobra.Command{Use: "a ID", Example: example, Run: func(*cobra.Command, []string) {}})
		return cmd
	}
	for example, want := range map[string]int{
		"  paybridge a b":                        0,
		"  paybridge a b --data 'x y'  # a word": 0,
		"  other --x\n  paybridge a b":           0,
		"":                                       1,
		"  paybridge a c":                        1,
		"  paybridge a b --data 'x z'":           1,
		"  paybridge a b --data 'x y' --flag more": 1,
		"  paybridge ab": 2,
		"  paybridge a b\n  paybridge a nothing of this b": 1,
	} {
		if got := unproved(root(example), run); len(got) != want {
			t.Errorf("%q: %v", example, got)
		}
	}
}
