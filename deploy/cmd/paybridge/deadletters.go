package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
)

func (p *Program) deadlettersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "deadletters",
		Short: "deliveries that could not become events: which, and why",
	}
	cmd.AddCommand(p.deadlettersList(), p.deadlettersShow(), p.deadlettersRedrive(), p.deadlettersExport())
	return cmd
}

// deadlettersList is `deadletters list`: groups, because a broken pack makes
// thousands of one kind.
func (p *Program) deadlettersList() *cobra.Command {
	var pl place
	var asJSON, each bool
	var source, reason, since string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "count them by source and reason, or list each",
		Example: "  paybridge deadletters list\n  paybridge deadletters list --each --source pik --since 1d",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := operate.Moment(since, p.Now())
			if err != nil {
				return err
			}
			r := operate.Range{Subject: operate.DeadFilter(source, reason), Since: from}
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				if each {
					return p.listEach(ctx, js, r, asJSON)
				}
				groups, err := operate.DeadLetters(ctx, js, r)
				if err != nil {
					return err
				}
				return p.printGroups(groups, asJSON)
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&each, "each", false, "one line per dead letter")
	cmd.Flags().StringVar(&source, "source", "", "only this source")
	cmd.Flags().StringVar(&reason, "reason", "", "only this reason, such as mapping_failed")
	cmd.Flags().StringVar(&since, "since", "", "only what died since then: a duration or a time")
	return cmd
}

// printGroups prints the groups, the largest first, and how to look at one of it.
func (p *Program) printGroups(groups []operate.DeadGroup, asJSON bool) error {
	if asJSON {
		return p.printJSON(groups)
	}
	if len(groups) == 0 {
		fmt.Fprintln(p.Stdout, "no dead letters")
		return nil
	}
	t := p.table("SOURCE", "REASON", "COUNT", "OLDEST", "NEWEST", "LAST")
	for _, g := range groups {
		t.row(g.Source, g.Reason, g.Count, ago(p.Now(), g.Oldest), ago(p.Now(), g.Newest), g.Last)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "\none of them: %s deadletters show %d\n", p.Name, groups[0].Last)
	return nil
}

// listEach prints every dead letter of a range, without its body.
func (p *Program) listEach(ctx context.Context, js natsjs.JetStream, r operate.Range, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(p.Stdout)
		return operate.EachDead(ctx, js, r, func(d operate.Dead) error { return encoder.Encode(d) })
	}
	t := p.table("SEQUENCE", "STORED", "SOURCE", "REASON", "DELIVERY", "ITEM", "AT")
	err := operate.EachDead(ctx, js, r, func(d operate.Dead) error {
		t.row(d.Sequence, d.Stored.UTC().Format(time.RFC3339), d.Source, d.Reason, d.Raw, d.Item, orDash(d.Pointer))
		return nil
	})
	if err != nil {
		return err
	}
	return t.flush()
}

// deadlettersShow is `deadletters show`.
func (p *Program) deadlettersShow() *cobra.Command {
	var pl place
	var asJSON, body bool
	cmd := &cobra.Command{
		Use:   "show SEQUENCE",
		Short: "one dead letter: its headers, and its body only with --body",
		Long: `SEQUENCE is the dead letter's own, as ` + "`deadletters list`" + ` prints it. The body holds
people's data: it is printed only with --body, byte for byte.`,
		Example: "  paybridge deadletters show 1\n  paybridge deadletters show 1 --body",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			sequence, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return &operate.Advice{Err: fmt.Errorf("%q is no sequence", args[0]), Do: "`paybridge deadletters list --each` lists them"}
			}
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				d, err := operate.ShowDead(ctx, js, sequence, body)
				if err != nil {
					return err
				}
				if asJSON {
					return p.printJSON(d)
				}
				return p.printDead(d, body)
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&body, "body", false, "print the body too")
	return cmd
}

// printDead prints where a dead letter is from and its headers. A header may hold
// what a stranger sent, and is printed so that it cannot drive the terminal; the
// body was asked for and is printed as it is.
func (p *Program) printDead(d operate.Dead, body bool) error {
	fmt.Fprintf(p.Stdout, "%s  %s, stored %s, %d bytes\n", d.Subject, d.Reason, d.Stored.UTC().Format(time.RFC3339), d.Bytes)
	fmt.Fprintf(p.Stdout, "delivery %d of WEBHOOKS, item %d, at %s\n\n", d.Raw, d.Item, orDash(d.Pointer))
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		for _, value := range d.Headers[name] {
			fmt.Fprintf(p.Stdout, "%s: %s\n", name, operate.Printable(value))
		}
	}
	if !body {
		return nil
	}
	fmt.Fprintln(p.Stdout)
	_, err := p.Stdout.Write(d.Body)
	return err
}
