package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
)

// paymentCommand is `payment`.
func (p *Program) paymentCommand() *cobra.Command {
	var pl place
	var asJSON bool
	var source, since string
	cmd := &cobra.Command{
		Use:   "payment ID",
		Short: "the events of one payment, in order",
		Long: `Prints every stored event whose payment id, merchant's reference or parent is ID, in
the order in which the deliveries came. It reads the whole stream: --source and
--since make it read less.`,
		Example: "  paybridge payment txn_def456\n  paybridge payment order-17 --source pik --since 7d",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := operate.Range{}
			var err error
			if source != "" {
				if r.Subject, err = operate.EventFilter(source); err != nil {
					return err
				}
			}
			if r.Since, err = operate.Moment(since, p.Now()); err != nil {
				return err
			}
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				steps, err := operate.Timeline(ctx, js, args[0], r)
				if err != nil {
					return err
				}
				if len(steps) == 0 {
					return &operate.Advice{
						Err: fmt.Errorf("payment %q: no stored event is of it", args[0]),
						Do:  "the id is the provider's (payment.id of an event) or your reference; `paybridge deadletters list` shows what became no event",
					}
				}
				return p.printSteps(steps, asJSON)
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&source, "source", "", "only events of this source, or any subject filter as for tail")
	cmd.Flags().StringVar(&since, "since", "", "only events stored since then: a duration or a time")
	return cmd
}

// printSteps prints a timeline, or one JSON object an event.
func (p *Program) printSteps(steps []operate.Step, asJSON bool) error {
	for _, step := range steps {
		if !asJSON {
			fmt.Fprintf(p.Stdout, "%s  stored %s as %s\n", operate.EventLine(step.Subject, &step.Event), step.Stored.UTC().Format(time.RFC3339), step.Event.Sequence)
			continue
		}
		line, err := operate.StructuredLine(&step.Event)
		if err != nil {
			return err
		}
		err = json.NewEncoder(p.Stdout).Encode(struct {
			operate.Step
			Event json.RawMessage `json:"event"`
		}{step, line})
		if err != nil {
			return err
		}
	}
	return nil
}
