package main

import (
	"context"
	"errors"
	"fmt"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/operate"
)

// consumerCommand is `consumer`: the only durable consumers that it knows are those
// on the events; the normalizer's own belongs to `streams`.
func (p *Program) consumerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "consumer",
		Short: "durable consumers of the events, one for each team",
		Long: `A durable pull consumer is a team's own place in the stream of events: it loses
nothing while the team's service is down, and nobody else is disturbed.`,
	}
	cmd.AddCommand(p.consumerAdd(), p.consumerList(), p.consumerShow(), p.consumerRemove())
	return cmd
}

// consumerAdd is `consumer add`. It writes topology, so it takes the provisioner's
// rights.
func (p *Program) consumerAdd() *cobra.Command {
	var pl place
	var filter, since, why string
	var onlyNew, asJSON bool
	var a asking
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "create one",
		Long: `Creates a durable pull consumer with explicit acks: what is not acknowledged in 30 s
comes again. It begins with everything that is stored, unless told otherwise. One that is
there with the same settings stays as it is; with others it is refused, and they are named.

` + askingLong,
		Example: `  paybridge consumer add ledger --filter '*.payin.confirmed' --dry-run
  paybridge consumer add ledger --filter '*.payin.confirmed'
  paybridge consumer add fraud --since 7d`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			team := operate.Team{Name: args[0], New: onlyNew}
			var err error
			if team.Filter, err = operate.EventFilter(filter); err != nil {
				return err
			}
			if team.Since, err = operate.Moment(since, p.Now()); err != nil {
				return err
			}
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleProvisioner, func(ctx context.Context, js natsjs.JetStream) error {
				source, _ := operate.FilterSource(filter)
				if err := b.known(ctx, js, source); errors.Is(err, operate.ErrUnknownSource) {
					fmt.Fprintf(p.Stderr, "%v: the consumer stays empty until it is\n", err)
				}
				return p.addTeam(ctx, js, team, a, why, asJSON, b.NATS().URL)
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	a.flags(cmd)
	cmd.Flags().StringVar(&filter, "filter", "", "which events, as for tail (default: all)")
	cmd.Flags().StringVar(&since, "since", "", "begin with events stored since then: a duration or a time")
	cmd.Flags().BoolVar(&onlyNew, "new", false, "begin with what is stored from now on")
	cmd.Flags().StringVar(&why, "why", "", "why, for the audit line")
	cmd.MarkFlagsMutuallyExclusive("since", "new")
	return cmd
}

// addTeam says what it would create, asks where somebody is there to be asked, and does it.
func (p *Program) addTeam(ctx context.Context, js natsjs.JetStream, team operate.Team, a asking, why string, asJSON bool, url string) error {
	plan, err := team.Plan(ctx, js)
	if err != nil {
		return err
	}
	if !asJSON || p.asks(a, asJSON) {
		to := p.talk(asJSON)
		printPlan(to, []jetstream.Change{plan.Change})
		fmt.Fprintf(to, "  waiting: %d events that are stored now\n", plan.Waiting)
	}
	missing := plan.Action != jetstream.Unchanged
	switch {
	case a.dry:
		return p.looked(plan, asJSON)
	case missing:
		if err := p.agreed(ctx, a, asJSON); err != nil {
			return err
		}
		err = team.Add(ctx, js)
	}
	p.auditLine("consumer add", why, err, zap.String("consumer", team.Name), zap.String("filter", team.Filter),
		zap.Any("action", plan.Action), zap.Any("counts", map[string]int{"consumers": done(err, missing)}))
	switch {
	case err != nil:
		return err
	case asJSON:
		return p.printJSON(plan)
	}
	fmt.Fprintf(p.Stdout, "consumer %s reads %s of stream %s\n\nread from it with the nats CLI, or any NATS client:\n  nats --server %s consumer next %s %s --count 10\n",
		team.Name, team.Filter, jetstream.Payments, url, jetstream.Payments, team.Name)
	return nil
}

// consumerList is `consumer list`.
func (p *Program) consumerList() *cobra.Command {
	var pl place
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "list them, and how far behind each is",
		Example: "  paybridge consumer list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.lags(cmd.Context(), pl, asJSON, operate.Teams)
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// consumerShow is `consumer show`: the same line for one, and a failure where it is
// not there.
func (p *Program) consumerShow() *cobra.Command {
	var pl place
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show NAME",
		Short:   "how far behind one is",
		Example: "  paybridge consumer show ledger --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.lags(cmd.Context(), pl, asJSON, func(ctx context.Context, js natsjs.JetStream) ([]operate.Lag, error) {
				lag, err := p.team(ctx, js, args[0])
				if err != nil {
					return nil, err
				}
				return []operate.Lag{*lag}, nil
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// lags prints what read finds.
func (p *Program) lags(ctx context.Context, pl place, asJSON bool, read func(context.Context, natsjs.JetStream) ([]operate.Lag, error)) error {
	b, err := p.findBus(pl)
	if err != nil {
		return err
	}
	return b.onBus(ctx, roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
		lags, err := read(ctx, js)
		if err != nil {
			return err
		}
		if asJSON {
			return p.printJSON(notNil(lags))
		}
		if len(lags) == 0 {
			fmt.Fprintf(p.Stdout, "no team has a consumer yet: %s consumer add NAME\n", p.Name)
			return nil
		}
		t := p.table("CONSUMER", "FILTER", "WAITING", "IN HAND", "REDELIVERED")
		for _, lag := range lags {
			filter := filterText(lag.Filter)
			if lag.Filling {
				filter += " (half made: a replay fills it, or was killed)"
			}
			t.row(operate.Printable(lag.Name), filter, lag.Pending, lag.InHand, lag.Redelivered)
		}
		return t.flush()
	})
}

// consumerRemove is `consumer remove`. What it loses, a place in the stream, cannot
// be brought back, so it says what that is and wants to be told twice.
func (p *Program) consumerRemove() *cobra.Command {
	var pl place
	var apply bool
	var why string
	cmd := &cobra.Command{
		Use:     "remove NAME",
		Short:   "delete one; its place in the stream is lost",
		Long:    "Without --apply it says what would be lost, and fails.",
		Example: "  paybridge consumer remove ledger --apply --why 'the team has moved'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleProvisioner, func(ctx context.Context, js natsjs.JetStream) error {
				lag, err := p.team(ctx, js, args[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(p.Stdout, "consumer %s: its place after event %d, with %d waiting and %d in hand\n", lag.Name, lag.AckFloor, lag.Pending, lag.InHand)
				if !apply {
					return &operate.Advice{Err: errors.New("removing a consumer loses its place in the stream"), Do: "say --apply if that is meant"}
				}
				err = operate.RemoveTeam(ctx, js, args[0])
				p.auditLine("consumer remove", why, err, zap.Any("consumer", lag), zap.Any("counts", map[string]int{"consumers": done(err, true)}))
				if err == nil {
					fmt.Fprintf(p.Stdout, "consumer %s is removed\n", args[0])
				}
				return err
			})
		},
	}
	pl.flags(cmd)
	cmd.Flags().BoolVar(&apply, "apply", false, "do it")
	cmd.Flags().StringVar(&why, "why", "", "why, for the audit line")
	return cmd
}

// team is how far behind a consumer is that must be there.
func (p *Program) team(ctx context.Context, js natsjs.JetStream, name string) (*operate.Lag, error) {
	lag, err := operate.ReadLag(ctx, js, jetstream.Payments, name)
	if err == nil && lag == nil {
		err = &operate.Advice{Err: fmt.Errorf("consumer %s does not exist", name), Do: "list them with `paybridge consumer list`"}
	}
	return lag, err
}

// done counts one consumer that was written, or none where that failed or was not needed.
func done(err error, needed bool) int {
	if err != nil || !needed {
		return 0
	}
	return 1
}

// filterText is a filter as it is: one that another tool made may hold anything, or
// nothing at all.
func filterText(filter string) string {
	if filter == "" {
		return "(none: every event)"
	}
	return operate.Printable(filter)
}
