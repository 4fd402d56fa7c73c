package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
	"paybridge/normalizer"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
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
	var asJSON, each, open bool
	var source, reason, since string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "count them by source and reason, or list each",
		Long: `A dead letter stays until it reaches its age, also when it was redriven: --open leaves out
those whose events are all in PAYMENTS, which is the record of what was redriven. It maps
each again with today's packs and searches PAYMENTS, so it takes as long as a redrive.`,
		Example: "  paybridge deadletters list\n  paybridge deadletters list --open\n  paybridge deadletters list --each --source pik --since 1d",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := (&deadFlags{since: since, reason: reason, s: operate.DeadSelection{Source: source}}).read(p)
			if err != nil {
				return err
			}
			find := p.findBus
			if open {
				find = p.find
			}
			b, err := find(pl)
			if err != nil {
				return err
			}
			r := operate.Range{Subject: operate.DeadFilter(source, reason), Since: s.Since}
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				if err := b.checkDeadSource(ctx, js, source); err != nil {
					return err
				}
				var done map[uint64]bool
				if open {
					if done, err = p.redriven(ctx, js, b, s); err != nil {
						return err
					}
				}
				if each {
					return p.listEach(ctx, js, r, done, asJSON)
				}
				groups, err := operate.DeadLetters(ctx, js, r, done)
				if err != nil {
					return err
				}
				return p.printGroups(groups, open, asJSON)
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&open, "open", false, "only those whose events are not all in PAYMENTS by now")
	cmd.Flags().BoolVar(&each, "each", false, "one line per dead letter")
	cmd.Flags().StringVar(&source, "source", "", "only this source")
	cmd.Flags().StringVar(&reason, "reason", "", "only this reason, such as mapping_failed")
	cmd.Flags().StringVar(&since, "since", "", "only what died since then: a duration or a time")
	return cmd
}

// redriven is the dead letters that a redrive would add nothing to.
func (p *Program) redriven(ctx context.Context, js natsjs.JetStream, b *bridge, s operate.DeadSelection) (map[uint64]bool, error) {
	programs, err := b.programs()
	if err != nil {
		return nil, err
	}
	seals, err := b.seals()
	if err != nil {
		return nil, err
	}
	return operate.Redrive{
		Programs: programs, Seals: seals, Mode: event.Mode(b.Config.Events.Mode), Select: s, Progress: p.progress,
	}.Done(ctx, js)
}

// checkDeadSource refuses a source that nobody knows.
func (b *bridge) checkDeadSource(ctx context.Context, js natsjs.JetStream, source string) error {
	var configured []string
	for _, s := range b.Config.Sources {
		configured = append(configured, s.Name)
	}
	return operate.CheckDeadSource(ctx, js, source, configured)
}

// printGroups prints the groups, the largest first, and how to look at one of it.
func (p *Program) printGroups(groups []operate.DeadGroup, open, asJSON bool) error {
	if asJSON {
		return p.printJSON(groups)
	}
	if len(groups) == 0 {
		if open {
			fmt.Fprintln(p.Stdout, "no open dead letters")
		} else {
			fmt.Fprintln(p.Stdout, "no dead letters")
		}
		return nil
	}
	t := p.table("SOURCE", "REASON", "COUNT", "OLDEST", "NEWEST", "LAST")
	for _, g := range groups {
		t.row(g.Source, g.Reason, g.Count, ago(p.Now(), g.Oldest), ago(p.Now(), g.Newest), g.Last)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(p.Stdout)
	if !open {
		fmt.Fprintf(p.Stdout, "those that were redriven are among them; without these: %s deadletters list --open\n", p.Name)
	}
	fmt.Fprintf(p.Stdout, "one of them: %s deadletters show %d\n", p.Name, groups[0].Last)
	return nil
}

// listEach prints every dead letter of a range, without its body.
func (p *Program) listEach(ctx context.Context, js natsjs.JetStream, r operate.Range, done map[uint64]bool, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(p.Stdout)
		return operate.EachDead(ctx, js, r, done, func(d operate.Dead) error { return encoder.Encode(d) })
	}
	t := p.table("SEQUENCE", "STORED", "SOURCE", "REASON", "DELIVERY", "ITEM", "AT")
	err := operate.EachDead(ctx, js, r, done, func(d operate.Dead) error {
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
		Long: `SEQUENCE is the dead letter's own, as ` + "`deadletters list`" + ` prints it. It is mapped again with
today's packs, and what these say is printed: which key of the pack, what went wrong and
where, or how many events it would become. Nothing is published, and no value is printed.

The body holds people's data: it is printed only with --body, byte for byte.`,
		Example: "  paybridge deadletters show 1\n  paybridge deadletters show 1 --body",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			sequence, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || sequence == 0 {
				return &operate.Advice{Err: fmt.Errorf("%q is no sequence: the first is 1", args[0]), Do: "`paybridge deadletters list --each` lists them"}
			}
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				d, err := operate.ShowDead(ctx, js, sequence, body)
				if err != nil {
					return err
				}
				if d.Today, err = b.today(ctx, js, d); err != nil {
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

// today is what today's packs make of a dead letter. Packs that cannot be read, or that
// do not know its source any more, are a problem like others.
func (b *bridge) today(ctx context.Context, js natsjs.JetStream, d operate.Dead) (*operate.Today, error) {
	seals, err := b.seals()
	if err != nil {
		return nil, err
	}
	programs, err := b.programs()
	if mine := (normalizer.Pack{Source: d.Source, Provider: b.provider(d.Source)}); err != nil && programs[mine] == nil {
		return &operate.Today{Problems: []string{err.Error()}}, nil
	}
	today, err := operate.Redrive{Programs: programs, Seals: seals}.Foresee(ctx, js, d)
	return &today, err
}

// provider is the pack of a source; "" where it is not configured.
func (b *bridge) provider(source string) string {
	for _, s := range b.Config.Sources {
		if s.Name == source {
			return s.Provider
		}
	}
	return ""
}

// printDead prints where a dead letter is from and its headers. A header may hold
// what a stranger sent, and is printed so that it cannot drive the terminal; the
// body was asked for and is printed as it is.
func (p *Program) printDead(d operate.Dead, body bool) error {
	fmt.Fprintf(p.Stdout, "%s  %s, stored %s, %d bytes\n", d.Subject, d.Reason, d.Stored.UTC().Format(time.RFC3339), d.Bytes)
	fmt.Fprintf(p.Stdout, "delivery %d of WEBHOOKS, item %d", d.Raw, d.Item)
	if d.Pointer != "" {
		fmt.Fprintf(p.Stdout, ", at %s", operate.Printable(d.Pointer))
	}
	fmt.Fprintln(p.Stdout)
	if d.Today != nil {
		p.printToday(*d.Today, d.Reason)
	}
	fmt.Fprintln(p.Stdout)
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

// printToday prints what today's packs say, without the reason where it is the old one.
func (p *Program) printToday(t operate.Today, died delivery.Reason) {
	if t.Events > 0 {
		fmt.Fprintf(p.Stdout, "today: %d events\n", t.Events)
	}
	const most = 10
	for i, problem := range t.Problems {
		if i == most {
			fmt.Fprintf(p.Stdout, "today: %d more problems, see --json\n", len(t.Problems)-most)
			return
		}
		fmt.Fprintf(p.Stdout, "today: %s\n", operate.Printable(strings.TrimPrefix(problem, string(died)+": ")))
	}
}
