package auth

import (
	"fmt"
	"strings"
)

// Secret is one live secret of a source. It cannot be printed: no verb, logger or
// marshaller shows more than its id.
type Secret struct {
	ID        string
	AllowWeak bool
	At        string // where the operator wrote it, for errors: "paybridge.yaml:12"

	// reveal is the secret's text. It is a function because fmt prints the
	// unexported fields of structs, and marshallers and loggers cannot print a
	// function.
	reveal func() string
}

// NewSecret holds value as the operator wrote it; the pack's key coding is
// applied by New.
func NewSecret(id, value string, allowWeak bool, at string) Secret {
	return Secret{ID: id, AllowWeak: allowWeak, At: at, reveal: func() string { return value }}
}

// text is the secret's text; "" for the zero Secret.
func (s Secret) text() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Format prints the id alone, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "secret "+s.ID) }

// Problem is a secret that New refuses. It never holds the secret.
type Problem struct {
	At      string // where the operator wrote the secret; "" where that is not known
	ID      string // the secret's id
	Message string // what is wrong
	Hint    string // what to write instead
}

// Error is the problem on one line.
func (p Problem) Error() string {
	text := ""
	if p.At != "" {
		text = p.At + ": "
	}
	if p.ID != "" {
		text += "secret " + p.ID + ": "
	}
	return text + p.Message + "; " + p.Hint
}

// Problems is every bad secret, in the order they were given. Where it is an error
// it is not empty.
type Problems []Problem

// Error has one problem a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Error()
	}
	return strings.Join(lines, "\n")
}

// doubledIDs reports ids that stand twice: a key id names one secret.
func doubledIDs(secrets []Secret) Problems {
	var problems Problems
	seen := map[string]bool{}
	for _, s := range secrets {
		if seen[s.ID] {
			problems = append(problems, Problem{s.At, s.ID, "has the id of another secret", "give each its own id"})
		}
		seen[s.ID] = true
	}
	return problems
}
