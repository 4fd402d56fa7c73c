package main

import (
	"context"
	"fmt"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/config"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/operate"
)

// streamsCommand is `streams`.
func (p *Program) streamsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "streams",
		Short: "create, check, show, back up and restore the streams and their consumer",
		Long: `The topology is three streams (WEBHOOKS, PAYMENTS, DEADLETTERS) and the durable
consumer "normalizer". Only this command and ` + "`paybridge up`" + ` write it; services
verify what they use and refuse to start on a drift.`,
	}
	cmd.AddCommand(p.streamsApply(), p.streamsCheck(), p.streamsShow(), p.streamsBackup(), p.streamsRestore())
	return cmd
}

// streamsCheck is `streams check`. A drift is exit code 1, so that a deployment can
// ask before it starts.
func (p *Program) streamsCheck() *cobra.Command {
	var pl place
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "compare the bus with what it must be; exit code 1 on a drift",
		Example: "  paybridge streams check --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				drifts, err := jetstream.Check(ctx, js, b.Config.Streams)
				if err != nil {
					return err
				}
				if err := p.printDrifts(drifts, asJSON); err != nil || len(drifts) == 0 {
					return err
				}
				return &operate.Advice{
					Err: fmt.Errorf("streams: %d differences from the contract", len(drifts)),
					Do:  "look at each, then run `paybridge streams apply`: it refuses what would lose a message",
				}
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// printDrifts prints one line per difference.
func (p *Program) printDrifts(drifts []jetstream.Drift, asJSON bool) error {
	if asJSON {
		return p.printJSON(notNil(drifts))
	}
	if len(drifts) == 0 {
		fmt.Fprintln(p.Stdout, "the streams and the consumer are as they must be")
	}
	for _, d := range drifts {
		fmt.Fprintln(p.Stdout, d)
	}
	return nil
}

// streamsShow is `streams show`: the defaults made visible, and what an operator
// who writes topology by other means has to write.
func (p *Program) streamsShow() *cobra.Command {
	var pl place
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "print what the streams are to be, without asking the bus",
		Example: "  paybridge streams show --config paybridge.yaml",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			streams := jetstream.Streams(b.Config.Streams)
			consumers := jetstream.Consumers(b.Config.Streams)
			if asJSON {
				return p.printJSON(map[string]any{"streams": streams, "consumers": consumers})
			}
			t := p.table("STREAM", "SUBJECTS", "MAX AGE", "MAX BYTES", "DUPLICATE WINDOW", "MAX MESSAGE", "REPLICAS")
			for _, s := range streams {
				t.row(s.Name, s.Subjects[0], operate.Age(s.MaxAge), config.Size(s.MaxBytes), operate.Age(s.Duplicates),
					config.Size(s.MaxMsgSize), s.Replicas)
			}
			if err := t.flush(); err != nil {
				return err
			}
			fmt.Fprintln(p.Stdout)
			t = p.table("CONSUMER", "STREAM", "ACK WAIT", "MAX ACK PENDING", "MAX DELIVER")
			for _, c := range consumers {
				t.row(c.Config.Durable, c.Stream, operate.Age(c.Config.AckWait), c.Config.MaxAckPending, c.Config.MaxDeliver)
			}
			return t.flush()
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}
