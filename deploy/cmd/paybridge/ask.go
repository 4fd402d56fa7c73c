package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"paybridge/deploy/operate"
)

// asking is how a command that needs no --apply is told whether to act.
type asking struct{ yes, dry bool }

// flags declares --yes and --dry-run.
func (a *asking) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.yes, "yes", false, "do not ask at a terminal")
	cmd.Flags().BoolVar(&a.dry, "dry-run", false, "say what would be changed, and change nothing")
	cmd.MarkFlagsMutuallyExclusive("yes", "dry-run")
}

// askingLong is what the help of such a command says of it.
const askingLong = `It says first what it would change. At a terminal it then asks, and anything but y changes
nothing (exit code 1); --yes does not ask. Where input or output is no terminal, as in a
script, it does not ask. --dry-run only says it: exit code 0, whether or not there is
something to change.`

// errDeclined means that a person was asked and did not say yes.
var errDeclined = errors.New("not applied: nothing is changed")

// talk is where a command speaks to a person: with --json that is stderr, so that stdout
// stays one JSON document.
func (p *Program) talk(asJSON bool) io.Writer {
	if asJSON {
		return p.Stderr
	}
	return p.Stdout
}

// asks says whether a person will be asked, and so has to be shown first what about.
func (p *Program) asks(a asking, asJSON bool) bool {
	return !a.yes && !a.dry && terminal(p.Stdin) && terminal(p.Stdout) && terminal(p.talk(asJSON))
}

// agreed asks, where there is a person to ask, and is nil where the command may act.
func (p *Program) agreed(ctx context.Context, a asking, asJSON bool) error {
	if !p.asks(a, asJSON) {
		return nil
	}
	return ask(ctx, p.talk(asJSON), p.Stdin)
}

// ask is nil where the answer is y.
func ask(ctx context.Context, to io.Writer, from io.Reader) error {
	fmt.Fprint(to, "apply this? [y/N] ")
	answer := make(chan string, 1)
	// A read of a terminal cannot be called off: after an interruption it ends with the process.
	go func() {
		line, _ := bufio.NewReader(from).ReadString('\n') // the end of the input is a no
		answer <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(to)
		return &operate.Advice{Err: fmt.Errorf("%w: nothing is changed", errInterrupted), Do: "run it again"}
	case line := <-answer:
		if !strings.HasSuffix(line, "\n") {
			fmt.Fprintln(to)
		}
		if said := strings.ToLower(strings.TrimSpace(line)); said == "y" || said == "yes" {
			return nil
		}
	}
	return &operate.Advice{Err: errDeclined, Do: "run it again and answer y; --dry-run only looks"}
}

// looked ends a --dry-run.
func (p *Program) looked(plan any, asJSON bool) error {
	if asJSON {
		return p.printJSON(plan)
	}
	fmt.Fprintln(p.Stdout, "this is what it would do: nothing is changed")
	return nil
}

// terminal says that a person sits at the other end.
func terminal(end any) bool {
	file, ok := end.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
