package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// TestOnlyYesIsYes says that a typo, a mere return and the end of the input change nothing.
func TestOnlyYesIsYes(t *testing.T) {
	for typed, want := range map[string]bool{
		"y\n": true, "Y\n": true, " yes \n": true, "y": true,
		"\n": false, "": false, "n\n": false, "yy\n": false, "no\ny\n": false,
	} {
		var said bytes.Buffer
		err := ask(t.Context(), &said, strings.NewReader(typed))
		if want != (err == nil) || !want && !errors.Is(err, errDeclined) {
			t.Errorf("%q: %v", typed, err)
		}
		if !strings.HasPrefix(said.String(), "apply this? [y/N] ") {
			t.Errorf("%q: said %q", typed, said.String())
		}
	}
}

// TestInterruptedAtTheQuestion says that ^C is no answer, and what is typed after it none
// either.
func TestInterruptedAtTheQuestion(t *testing.T) {
	from, person := io.Pipe()
	defer person.Close() //nolint:errcheck // a pipe's writer never fails to close
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan struct{})
	over := make(chan error, 1)
	go func() { over <- ask(ctx, sayWhen{asked}, from) }()
	<-asked
	cancel()
	if err := <-over; err == nil || err.Error() != "interrupted: nothing is changed" {
		t.Errorf("%v", err)
	}
}

// sayWhen closes its channel at the first write.
type sayWhen struct{ written chan struct{} }

func (s sayWhen) Write(p []byte) (int, error) {
	select {
	case <-s.written:
	default:
		close(s.written)
	}
	return len(p), nil
}

// TestNobodyIsAskedWithoutATerminal says that a program that calls this one is never kept
// waiting: an end that is no terminal is enough.
func TestNobodyIsAskedWithoutATerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // nothing is written
	p, _, errs := testProgram()
	for _, stdin := range []io.Reader{nil, strings.NewReader("n\n"), file} {
		p.Stdin = stdin
		for _, asJSON := range []bool{false, true} {
			if err := p.agreed(t.Context(), asking{}, asJSON); err != nil || errs.Len() > 0 {
				t.Errorf("%T: %v, %s", stdin, err, errs)
			}
		}
	}
}
