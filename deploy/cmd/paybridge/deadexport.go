package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/deploy/operate"
	"paybridge/schemas/delivery"
)

// deadFlags are the flags that choose dead letters.
type deadFlags struct {
	since, until, reason string
	s                    operate.DeadSelection
}

// flags declares them.
func (d *deadFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&d.reason, "reason", "", "only this reason, such as mapping_failed")
	flags.StringVar(&d.since, "since", "", "only what died since then: a duration or a time")
	flags.StringVar(&d.until, "until", "", "only what died before then")
	flags.StringVar(&d.s.Source, "source", "", "only this source")
	flags.Uint64Var(&d.s.Sequence, "seq", 0, "only this dead letter, by its own sequence")
	flags.IntVar(&d.s.Limit, "limit", 0, "only the first so many")
}

// read makes a selection of what was typed.
func (d *deadFlags) read(p *Program) (s operate.DeadSelection, err error) {
	s = d.s
	s.Reason = delivery.Reason(d.reason)
	if d.reason != "" && !s.Reason.Valid() {
		return s, &operate.Advice{Err: fmt.Errorf("%q is no reason of dead letters", d.reason), Do: fmt.Sprintf("one of %v", delivery.Reasons())}
	}
	if s.Since, err = operate.Moment(d.since, p.Now()); err != nil {
		return s, err
	}
	s.Until, err = operate.Moment(d.until, p.Now())
	return s, err
}

// typed are the flags as they were typed.
func (d *deadFlags) typed() []operate.Same {
	return []operate.Same{
		{What: "--reason", Value: d.reason},
		{What: "--source", Value: d.s.Source},
		{What: "--since", Value: d.since},
		{What: "--until", Value: d.until},
		{What: "--seq", Value: strconv.FormatUint(d.s.Sequence, 10)},
		{What: "--limit", Value: strconv.Itoa(d.s.Limit)},
	}
}

// deadlettersExport is `deadletters export`.
func (p *Program) deadlettersExport() *cobra.Command {
	var pl place
	var asJSON, apply bool
	var why string
	var chosen deadFlags
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "write dead letters to a file or a folder, bytes and headers exactly",
		Long: `Without --apply it only says what it would write. With --apply it writes one JSON object a
line: sequence, stored, subject, headers, and body, or body_base64 where that is no text.
A name that ends with / is a folder: each dead letter as SEQUENCE.json, with its body
alone, byte for byte, in SEQUENCE.body.

An export that is interrupted or killed is continued by the same command: what is written
stays in FILE.partial, and FILE.cursor says what it is of.

What is written holds people's data. Only you can read the file: give it to nobody who
may not see them.`,
		Example: "  paybridge deadletters export dead.jsonl --reason mapping_failed --since 2d\n" +
			"  paybridge deadletters export dead/ --source gocardless --apply --why 'for the bug report'",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := chosen.read(p)
			if err != nil {
				return err
			}
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				if err := b.checkDeadSource(ctx, js, s.Source); err != nil {
					return err
				}
				sum, err := operate.DeadExport{To: args[0], Select: s, Of: chosen.typed(), Act: apply, Progress: p.progress("dead letters")}.Run(ctx, js)
				if apply {
					p.auditLine("deadletters export", why, err, zap.Any("selection", s), zap.Any("counts", sum))
				}
				if err != nil && apply {
					return interrupted(ctx, err, "run it again to go on: what is written stays in "+filepath.Clean(args[0])+".partial")
				}
				if err != nil {
					return interrupted(ctx, err, "run it again: nothing was written")
				}
				return p.printDeadExport(sum, apply, asJSON)
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	chosen.flags(cmd)
	cmd.Flags().StringVar(&why, "why", "", "why, for the audit line")
	cmd.Flags().BoolVar(&apply, "apply", false, "write; without it nothing is written")
	return cmd
}

func (p *Program) printDeadExport(sum operate.DeadExported, wrote, asJSON bool) error {
	if asJSON {
		return p.printJSON(sum)
	}
	verb := "would be"
	if wrote {
		verb = "are"
	}
	for _, group := range slices.Sorted(maps.Keys(sum.Groups)) {
		fmt.Fprintf(p.Stdout, "%d  %s\n", sum.Groups[group], group)
	}
	fmt.Fprintf(p.Stdout, "%d dead letters, %s of bodies, %s in %s", sum.DeadLetters, operate.Bytes(sum.Bytes), verb, sum.To)
	if sum.Digest != "" {
		fmt.Fprintf(p.Stdout, ", %s", sum.Digest)
	}
	fmt.Fprintln(p.Stdout, "\nit holds people's data")
	if sum.Before > 0 {
		fmt.Fprintf(p.Stdout, "%d of them were written before the export was interrupted\n", sum.Before)
	}
	if !wrote {
		fmt.Fprintln(p.Stdout, "nothing is written: say --apply to write it")
	}
	return nil
}
