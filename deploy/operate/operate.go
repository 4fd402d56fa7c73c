// Package operate is the work behind the commands of paybridge: it signs and
// sends fixtures, reads the streams, and says what it found.
//
// # The promise
//
// What only looks never changes what it looks at: it reads by direct get, makes no
// consumer, and never moves one that a service depends on. What changes something says so before, and is asked for by name.
// No function prints a secret or a body unless the caller asked for bodies.
package operate

// Advice is a failure together with what to do about it: Err is for programs
// and logs, Do for the person who reads it.
type Advice struct {
	Err error
	Do  string // an imperative sentence, often a command to paste
}

// Error is the failure alone: what to do is for people, and printed on a line of its
// own.
func (a *Advice) Error() string { return a.Err.Error() }

// Unwrap gives programs the kind of the failure.
func (a *Advice) Unwrap() error { return a.Err }

// advise adds what to do to a failure.
func advise(err error, do string) error { return &Advice{Err: err, Do: do} }
