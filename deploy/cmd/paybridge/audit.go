package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/deploy/normalizerd"
	"paybridge/deploy/operate"
)

// auditCommand is `audit`. It needs the packs of the configuration, to map again
// what left no trace of its own.
func (p *Program) auditCommand() *cobra.Command {
	var pl place
	var asJSON, deep bool
	var seq string
	var metrics metricsFile
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "prove that every stored delivery ended as events, a duplicate or a dead letter",
		Long: `Walks WEBHOOKS, PAYMENTS and DEADLETTERS and compares them by sequence. A delivery
without a trace of its own is mapped again: what it becomes has to be stored already.
It covers what the normalizer is done with; the rest is counted as in hand.

Exit code 1 if anything is missing, with its sequence.`,
		Example:     "  paybridge audit\n  paybridge audit --seq 1000- --deep\n  paybridge audit --metrics-file audit.prom",
		Args:        cobra.NoArgs,
		Annotations: goesOn("run it again, or a part of it with --seq"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, to, err := operate.Sequences(seq)
			if err = errors.Join(err, metrics.check()); err != nil {
				return err
			}
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			programs, problems := normalizerd.Programs(b.Config, b.Library)
			if len(problems) > 0 {
				return problems
			}
			began := p.Now()
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				sum, err := operate.Audit{Programs: programs, Deep: deep, Progress: p.progress}.Run(ctx, js, from, to)
				if err != nil {
					return err
				}
				return errors.Join(p.printAudit(sum, asJSON), metrics.write(operate.AuditMeasures(began, sum)))
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&seq, "seq", "", "only these sequences of WEBHOOKS: A-B, A- or A")
	cmd.Flags().BoolVar(&deep, "deep", false, "map every delivery again, so that a missing last item of a batch is seen too")
	metrics.flag(cmd, "seq")
	return cmd
}

// printAudit prints the sum; its error makes the exit code 1 for scripts that run
// an audit every night.
func (p *Program) printAudit(sum operate.Audited, asJSON bool) error {
	if asJSON {
		sum.Lost = notNil(sum.Lost)
		if err := p.printJSON(sum); err != nil {
			return err
		}
	} else {
		p.printAudited(sum)
	}
	var err error
	if sum.Deleted > 0 {
		err = fmt.Errorf("audit: %d deliveries were deleted from the middle of WEBHOOKS", sum.Deleted)
	}
	if len(sum.Lost) > 0 {
		err = errors.Join(err, fmt.Errorf("audit: %d deliveries are not accounted for", len(sum.Lost)))
	}
	if err == nil {
		return nil
	}
	return &operate.Advice{Err: err, Do: "keep the streams as they are, and compare the sequences with the normalizer's log"}
}

// printAudited is the audit for people: what is missing first, the sum last.
func (p *Program) printAudited(sum operate.Audited) {
	for _, lost := range sum.Lost {
		fmt.Fprintf(p.Stdout, "%d  %s  stored %s  missing: %s\n", lost.Sequence, lost.Subject, lost.Stored.UTC().Format(time.RFC3339), lost.Missing)
	}
	if sum.To < sum.From {
		fmt.Fprintf(p.Stdout, "nothing to audit: the normalizer is done with no delivery in that range; %d in hand\n", sum.InHand)
		return
	}
	fmt.Fprintf(p.Stdout, "deliveries %d to %d: %d became events, %d duplicates, %d dead letters, %d unaccounted; %d in hand\n",
		sum.From, sum.To, sum.Events, sum.Duplicates, sum.Dead, len(sum.Lost), sum.InHand)
	if sum.NoEvents > 0 {
		fmt.Fprintf(p.Stdout, "%d messages in PAYMENTS are no events of this bridge\n", sum.NoEvents)
	}
}
