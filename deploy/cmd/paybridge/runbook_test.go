package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRunbookCommandsRun says that every command of the runbook is run by a script, word
// by word. A script may add words behind it, such as the data folder that it works on,
// and put its own for what the runbook writes in capitals: `paybridge send SOURCE`.
func TestRunbookCommandsRun(t *testing.T) {
	runbook, err := os.ReadFile("../../RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	ran, err := scripted(filepath.Join("testdata", "script"))
	if err != nil {
		t.Fatal(err)
	}
	commands := runbookCommands(string(runbook))
	if len(commands) < 10 {
		t.Errorf("the runbook has %d commands: that is no runbook", len(commands))
	}
	for _, command := range commands {
		if !isRun(command, ran) {
			t.Errorf("no script runs `%s`", strings.Join(command, " "))
		}
	}
}

// runbookCommands are the commands in a text: `paybridge …` and lines of shell blocks.
func runbookCommands(text string) (commands [][]string) {
	for _, found := range regexp.MustCompile("(?m)`(paybridge [^`]+)`|^(paybridge [^#\n]+)").FindAllStringSubmatch(text, -1) {
		commands = append(commands, shellWords(found[1]+found[2]))
	}
	return commands
}

var placeholder = regexp.MustCompile(`^[A-Z]+$`)

// isRun says that one of the lines that ran begins with a command.
func isRun(command []string, ran [][]string) bool {
	return slices.ContainsFunc(ran, func(line []string) bool {
		if len(line) < len(command) {
			return false
		}
		return slices.EqualFunc(command, line[:len(command)], func(word, typed string) bool {
			return word == typed || placeholder.MatchString(word) && !strings.HasPrefix(typed, "-")
		})
	})
}

// TestUnrunIsNoticed says that the test above can fail.
func TestUnrunIsNoticed(t *testing.T) {
	dir := t.TempDir()
	script := "exec paybridge tail 'a.*' --since 1h --data data\n! exec paybridge send pik\n# exec paybridge doctor\neventually paybridge status\n"
	if err := os.WriteFile(filepath.Join(dir, "one.txtar"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	ran, err := scripted(dir)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"run `paybridge tail 'a.*' --since 1h` at once":        true,
		"```sh\npaybridge status    # how it stands\n```":      true,
		"`paybridge send SOURCE`":                              true,
		"`paybridge tail 'a.*' --until 1h`":                    false,
		"`paybridge tail SOURCE --data data`":                  false,
		"`paybridge doctor`":                                   false,
		"`paybridge send SOURCE FIXTURE`":                      false,
		"`paybridge status`, and then `paybridge send --vary`": false,
	} {
		all := true
		commands := runbookCommands(text)
		for _, command := range commands {
			all = all && isRun(command, ran)
		}
		if len(commands) == 0 || all != want {
			t.Errorf("%q: %v, run: %v", text, commands, all)
		}
	}
}
