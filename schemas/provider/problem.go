package provider

import "strings"

// Problem is one mistake in a pack.
type Problem struct {
	At      Position
	Key     string // as written in the file: "auth.signature.encoding"; "" for the whole file
	Message string // what is wrong
	Hint    string // what to write instead; "" where the message says it
}

// Error is the problem on one line: place, key, what is wrong, what to write.
func (p Problem) Error() string {
	text := p.At.String() + ": "
	if p.Key != "" {
		text += p.Key + ": "
	}
	text += p.Message
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

// Problems is every mistake of one half of a pack, in the order of the file. It
// is the error of all readers of this package; where it is an error it is not
// empty.
type Problems []Problem

// Error has one problem a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Error()
	}
	return strings.Join(lines, "\n")
}

// err is p as an error: nil where there is no problem.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
