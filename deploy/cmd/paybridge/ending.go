package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
)

// goOn is the annotation of a command that says how it goes on after an interruption.
const goOn = "go on"

// goesOn is the annotations of a command that says how it goes on.
func goesOn(how string) map[string]string { return map[string]string{goOn: how} }

// ending is what a command's end is to the person who typed it: the one place that knows
// an interruption from a failure, and what was typed wrong from what went wrong. began
// says that the command itself ran.
func ending(ctx context.Context, cmd *cobra.Command, began bool, err error) error {
	switch {
	case err == nil && !began && !cmd.Runnable() && cmd.HasParent() && cmd.Flags().NArg() > 0:
		// Cobra prints the help of a group, and calls that a success.
		return misspelled(cmd, fmt.Errorf("unknown command %q for %q", cmd.Flags().Arg(0), cmd.CommandPath()))
	case err == nil:
		return nil
	case !began:
		return misspelled(cmd, err)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		do := cmd.Annotations[goOn]
		if do == "" {
			do = "run it again"
		}
		return &operate.Advice{Err: errInterrupted, Do: do}
	}
	return err
}

// errInterrupted means that ^C ended a command, and not a failure.
var errInterrupted = errors.New("interrupted")

// misspelled adds to what cobra says of words and flags how the command is typed.
func misspelled(cmd *cobra.Command, err error) error {
	do := fmt.Sprintf("type %s; `%s --help` has examples", cmd.UseLine(), cmd.CommandPath())
	if !cmd.Runnable() {
		do = fmt.Sprintf("`%s --help` lists the commands", cmd.CommandPath())
	}
	return &operate.Advice{Err: err, Do: do}
}

// interrupted adds to an error of a command that was interrupted how it goes on, where
// that depends on what it did.
func interrupted(ctx context.Context, err error, do string) error {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return &operate.Advice{Err: errInterrupted, Do: do}
	}
	return err
}
