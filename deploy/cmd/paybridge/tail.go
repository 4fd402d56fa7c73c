package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/operate"
)

// tailCommand is `tail`. It runs until it is interrupted, which is a clean end.
func (p *Program) tailCommand() *cobra.Command {
	var (
		pl      place
		tail    = operate.Tail{Stream: jetstream.Payments}
		since   string
		timeout time.Duration
	)
	cmd := &cobra.Command{
		Use:   "tail [FILTER]",
		Short: "watch the events as they come",
		Long: `Prints one line per event: when it happened, source, kind, state, amount, payment
id and native type. It makes no consumer and disturbs nobody.

FILTER narrows by subject: payments.<source>.<kind>.<state>.<native type>. The
head and the tail may be left out, and * stands for any one word:

  pik                    everything from source pik
  '*.payin.confirmed'    money confirmed coming in, any source
  '*.refund'             refunds

A source that is neither configured nor stored, or a kind or state that no event has, is
an error: it would wait for ever. A subject as NATS writes it, such as 'payments.shop.>',
is taken as it stands, so that one can wait for a source that is to come. A source of
another bridge is on that bridge's bus: --config names its configuration.

--source, --kind, --state and --payment narrow by word, beside or instead of FILTER;
each may be repeated but the last. --since begins with what is stored already.`,
		Example: `  paybridge tail
  paybridge tail '*.payin.confirmed' --json
  paybridge tail pik --since 1h --count 10
  paybridge tail --kind payin --state confirmed,settled --since 7d
  paybridge tail --payment txn_def456 --since 7d`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if tail.Count < 0 || timeout < 0 {
				return &operate.Advice{Err: fmt.Errorf("--count %d --timeout %s: neither can be less than 0", tail.Count, timeout), Do: "leave them out to go on until Ctrl-C"}
			}
			var err error
			tail.Away = func(away bool) {
				if away {
					fmt.Fprintln(p.Stderr, "the bus does not answer, waiting")
					return
				}
				fmt.Fprintln(p.Stderr, "the bus answers again")
			}
			tail.Select.Filter = first(args)
			if tail.Filter, err = tail.Select.Subject(); err != nil {
				return err
			}
			if tail.Since, err = operate.Moment(since, p.Now()); err != nil {
				return err
			}
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			if timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, timeout)
				defer cancel()
			}
			return b.onBus(ctx, roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				if err := b.known(ctx, js, tail.Select.Sources...); err != nil {
					return err
				}
				if err := p.knownFilter(ctx, js, b, tail.Select.Filter); err != nil {
					return err
				}
				return tail.Run(ctx, js, p.Stdout, nil)
			})
		},
	}
	pl.flags(cmd)
	cmd.Flags().BoolVar(&tail.JSON, "json", false, "print each CloudEvent as JSON, one a line")
	cmd.Flags().StringVar(&since, "since", "", "begin with events stored since then: a duration (1h) or a time (2026-01-31T12:00:00Z)")
	cmd.Flags().StringSliceVar(&tail.Select.Sources, "source", nil, "only events of this source")
	cmd.Flags().StringSliceVar(&tail.Select.Kinds, "kind", nil, "only this kind: payin, payout, transfer, refund, fee, dispute, unknown")
	cmd.Flags().StringSliceVar(&tail.Select.States, "state", nil, "only this state, such as confirmed")
	cmd.Flags().StringVar(&tail.Select.Payment, "payment", "", "only events of this payment: its id, your reference, or its parent")
	cmd.Flags().IntVar(&tail.Count, "count", 0, "stop after so many events (0: go on)")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "stop after this long; with --count, a failure if too few came")
	return cmd
}

// knownFilter is an error where a filter names a source that nobody knows. Where it is
// written as a subject that is said, and no error: the source may be to come.
func (p *Program) knownFilter(ctx context.Context, js natsjs.JetStream, b *bridge, filter string) error {
	source, subject := operate.FilterSource(filter)
	err := b.known(ctx, js, source)
	if !errors.Is(err, operate.ErrUnknownSource) {
		return err
	}
	if subject {
		fmt.Fprintf(p.Stderr, "%v yet: waiting for its first event\n", err)
		return nil
	}
	var advice *operate.Advice
	errors.As(err, &advice)
	return &operate.Advice{Err: err, Do: advice.Do + fmt.Sprintf("; `%s tail 'payments.%s.>'` waits for it all the same", p.Name, source)}
}

// first is the first of optional arguments.
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
