package config

import (
	"fmt"
	"strings"
)

// ExitCode is what a program exits with when its configuration is refused:
// EX_CONFIG of sysexits.h.
const ExitCode = 78

// Position is a place in a file: "paybridge.yaml:12".
type Position struct {
	File string
	Line int // 1-based; 0 where the whole file is meant
}

// String is the position as compilers write it.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Problem is one thing that is wrong with a configuration. It holds no secret.
type Problem struct {
	At      Position
	Key     string // key path: "sources[0].secrets[1].env"; "" for the file as such
	Message string // what is wrong, lower case, no full stop
	Hint    string // what to write or do instead; may be empty
}

// Error is the problem on one line: position, key, message, hint.
func (p Problem) Error() string {
	var b strings.Builder
	for _, part := range []string{p.At.String(), p.Key} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (")
		b.WriteString(p.Hint)
		b.WriteString(")")
	}
	return b.String()
}

// Problems is everything that is wrong, in the file's order. As an error it
// prints one problem a line. A program that is refused by it exits with ExitCode.
type Problems []Problem

// Error prints all problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is p as an error, nil where there are no problems.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Problem is a problem with a key of this configuration, for those who know what
// the file may say and config does not. Where the file does not hold the key, it
// names the line of the nearest key around it.
func (c *Config) Problem(key, message, hint string) Problem {
	return Problem{At: c.at(key), Key: key, Message: message, Hint: hint}
}

// at is the line of a key path, or of the nearest path around it.
func (c *Config) at(key string) Position {
	for path := key; path != ""; {
		if line, ok := c.lines[path]; ok {
			return Position{File: c.File, Line: line}
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			break
		}
		path = path[:cut]
	}
	return Position{File: c.File}
}
