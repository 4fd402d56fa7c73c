package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/deploy/normalizerd"
	"paybridge/deploy/operate"
	"paybridge/deploy/operate/proof"
	"paybridge/schemas/delivery"
)

// deliverySelection is the flags of a selection of stored deliveries, with an id.
type deliverySelection struct {
	selection
	id string
}

// flags declares them.
func (s *deliverySelection) flags(cmd *cobra.Command) {
	s.selection.flags(cmd)
	cmd.Flags().StringVar(&s.id, "id", "", "only those that became an event with this id or of this payment, or the message or request with it")
}

// read makes a selection of what was typed.
func (s *deliverySelection) read(p *Program) (operate.Selection, error) {
	r, err := s.selection.read(p)
	return operate.Selection{Source: s.source, Since: r.Since, Until: r.Until, From: r.From, To: r.To, ID: s.id}, err
}

// replayExport is `replay export`.
func (p *Program) replayExport() *cobra.Command {
	var pl place
	var s deliverySelection
	var e operate.Export
	var asJSON, apply, redact, fixture bool
	var why string
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "stored deliveries into a portable file, for a bug report or another environment",
		Long: `Writes stored deliveries with all that it takes to verify them again: subject, headers with
seal and signature, the body byte for byte, and when it was stored. The file is JSON, one
delivery a line, under a first line with its version, counts and digest. It holds people's
data and payments: it is readable by its owner alone.

--redact hides what the packs list as personal, for a bug report. No seal and no signature
is right after that, and they are left out; a body that nobody knows how to redact is withheld.
A secret is in no file: none is ever stored.

--fixture writes one delivery as a fixture of its pack, signed anew with a secret that is none;
` + "`paybridge provider check PACK --update`" + ` adds what comes of it.

An export that is interrupted is continued by running it again.`,
		Example: "  paybridge replay export deliveries.jsonl --since 1d --source pik --apply\n" +
			"  paybridge replay export bug.jsonl --id txn_def456 --redact --apply\n" +
			"  paybridge replay export packs/acme/fixtures/case.txtar --fixture --seq 17 --apply",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notNegative("--rate", e.Rate); err != nil {
				return err
			}
			var err error
			e.File, e.Now, e.Progress = args[0], p.Now(), p.progress("deliveries")
			if e.Select, err = s.read(p); err != nil {
				return err
			}
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			if redact {
				if e.Redact, err = b.redactions(); err != nil {
					return err
				}
			}
			if fixture {
				e.Fixture = b.capture
			}
			return b.onBus(cmd.Context(), roleReplay, func(ctx context.Context, js natsjs.JetStream) error {
				if err := b.known(ctx, js, s.source); err != nil {
					return err
				}
				return p.export(ctx, js, e, apply, why, asJSON)
			})
		},
	}
	pl.flags(cmd)
	s.flags(cmd)
	jsonFlag(cmd, &asJSON)
	flags := cmd.Flags()
	flags.BoolVar(&redact, "redact", false, "hide what the packs list as personal")
	flags.BoolVar(&fixture, "fixture", false, "one delivery, as a fixture of its pack")
	flags.IntVar(&e.Rate, "rate", 0, "most deliveries a second; 0 is no limit")
	flags.BoolVar(&apply, "apply", false, "write the file; without it nothing is written")
	flags.StringVar(&why, "why", "", "why, for the audit line")
	return cmd
}

// redactions are what the packs list as personal.
func (b *bridge) redactions() (operate.Redactions, error) {
	programs, problems := normalizerd.Programs(b.Config, b.Library)
	if len(problems) > 0 {
		return nil, problems
	}
	return operate.NewRedactions(programs, b.Library)
}

// capture makes a fixture of a delivery.
func (b *bridge) capture(d *delivery.Delivery, doc string) ([]byte, error) {
	half, err := b.Library.Auth(d.Provider)
	if err != nil {
		return nil, err
	}
	url := ""
	for _, s := range b.Config.Sources {
		if s.Name != d.Source {
			continue
		}
		url = s.URL
		for _, e := range s.Endpoints {
			if e.Name == d.Endpoint {
				url = e.URL
			}
		}
	}
	return proof.Capture(d, half, url, doc)
}

func (p *Program) export(ctx context.Context, js natsjs.JetStream, e operate.Export, apply bool, why string, asJSON bool) error {
	if !apply {
		sum, err := e.Count(ctx, js)
		if err != nil {
			return err
		}
		return p.printExported(sum, false, asJSON)
	}
	sum, err := e.Run(ctx, js)
	p.auditLine("replay export", why, err, zap.Any("counts", sum))
	if err != nil {
		return interrupted(ctx, err, "run it again to go on: what is written stays in "+e.File+".partial")
	}
	return p.printExported(sum, true, asJSON)
}

func (p *Program) printExported(sum operate.Exported, done, asJSON bool) error {
	if asJSON {
		return p.printJSON(sum)
	}
	verb, kind := "would be written to", "whole, with people's data"
	if done {
		verb = "are in"
	}
	if sum.Redacted {
		kind = "redacted: no seal and no signature is right any more"
	}
	fmt.Fprintf(p.Stdout, "%d deliveries, %s, %s %s (%s)\n", sum.Deliveries, operate.Bytes(sum.Bytes), verb, sum.File, kind)
	for _, source := range slices.Sorted(maps.Keys(sum.Sources)) {
		fmt.Fprintf(p.Stdout, "  %d %s\n", sum.Sources[source], operate.Printable(source))
	}
	if sum.Before > 0 {
		fmt.Fprintf(p.Stdout, "%d of them were written before the export was interrupted\n", sum.Before)
	}
	if sum.Withheld > 0 {
		fmt.Fprintf(p.Stdout, "%d are without their body: nobody knows what in it is personal\n", sum.Withheld)
	}
	for _, provider := range slices.Sorted(maps.Keys(sum.Unlisted)) {
		fmt.Fprintf(p.Stdout, "%d of %s are as they were: its pack lists nothing as personal. Read them before you give them away\n", sum.Unlisted[provider], provider)
	}
	if !done {
		fmt.Fprintln(p.Stdout, "nothing is written: say --apply to write it")
		return nil
	}
	if sum.Digest == "" {
		fmt.Fprintf(p.Stdout, "add what comes of it, and read it: %s provider check PACK --update\n", p.Name)
		return nil
	}
	fmt.Fprintln(p.Stdout, sum.Digest)
	return nil
}
