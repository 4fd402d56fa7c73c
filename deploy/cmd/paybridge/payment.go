package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
)

// paymentCommand is `payment`.
func (p *Program) paymentCommand() *cobra.Command {
	var pl place
	var asJSON, body bool
	var source, since string
	cmd := &cobra.Command{
		Use:   "payment ID",
		Short: "one payment's deliveries, events and dead letters, in order of time",
		Long: `Prints what is stored of the payment whose id, merchant's reference or parent is ID: the
deliveries, with received-at, request id and sequence, also those that became nothing
new; the events; and the dead letters. Bodies are not printed, nor is what of a body an
event holds as native: --json --body prints that too.

It reads the streams whole: --source and --since make it read less.`,
		Example:     "  paybridge payment txn_def456\n  paybridge payment pl_abc123xyz --source pik --since 7d\n  paybridge payment txn_def456 --json",
		Args:        cobra.ExactArgs(1),
		Annotations: goesOn("run it again; --source and --since make it read less"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if body && !asJSON {
				return &operate.Advice{Err: errors.New("--body is of --json: a line has no room for it"), Do: "say --json --body; `paybridge deadletters show SEQUENCE --body` prints a dead letter's"}
			}
			h := operate.History{ID: args[0], Source: source, Progress: p.progress}
			var err error
			if strings.ContainsAny(source, ".*>") {
				return &operate.Advice{Err: fmt.Errorf("%q is no source", source), Do: "name one source, as in the configuration; tail has filters"}
			}
			if source != "" {
				if h.Filter, err = operate.EventFilter(source); err != nil {
					return err
				}
			}
			if h.Since, err = operate.Moment(since, p.Now()); err != nil {
				return err
			}
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			var broken error
			if h.Programs, broken = b.programs(); broken != nil {
				fmt.Fprintf(p.Stderr, "paybridge: %v\n  → of its source, deliveries that became no event are found by the id in their body alone\n", broken)
			}
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				if err := b.known(ctx, js, source); err != nil {
					return err
				}
				steps, err := h.Read(ctx, js)
				if err != nil {
					return err
				}
				if len(steps) == 0 {
					return &operate.Advice{
						Err: fmt.Errorf("payment %q: nothing that is stored is of it", args[0]),
						Do:  "the id is the provider's (payment.id of an event) or your reference; `paybridge deadletters list` shows what became no event",
					}
				}
				return p.printHistory(steps, asJSON, body)
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&body, "body", false, "with --json: the events with native, the provider's own JSON")
	cmd.Flags().StringVar(&source, "source", "", "only what is of this source")
	cmd.Flags().StringVar(&since, "since", "", "only what was stored since then: a duration or a time")
	return cmd
}

// printHistory prints a line for each message, or one JSON object; native, which is
// people's data, only where bodies were asked for.
func (p *Program) printHistory(steps []operate.HistoryStep, asJSON, body bool) error {
	lines := json.NewEncoder(p.Stdout)
	for _, step := range steps {
		if !asJSON {
			fmt.Fprintf(p.Stdout, "%s  %s\n", step.Stored.UTC().Format("2006-01-02 15:04:05.000Z"), historyLine(step))
			continue
		}
		told := struct {
			operate.HistoryStep
			Event json.RawMessage `json:"event,omitempty"`
		}{HistoryStep: step}
		if step.Event != nil {
			e := step.Event.Event
			if !body {
				e.Native = nil
			}
			line, err := operate.StructuredLine(&e)
			if err != nil {
				return err
			}
			told.Event = line
		}
		if err := lines.Encode(told); err != nil {
			return err
		}
	}
	return nil
}

// historyLine is a step for people. What a stranger sent cannot drive the terminal.
func historyLine(s operate.HistoryStep) string {
	switch {
	case s.Delivery != nil:
		d := s.Delivery
		line := fmt.Sprintf("delivery %-6d     %s/%s received %s, request %s, %d bytes, %s %s", s.Sequence, d.Source, d.Endpoint,
			d.ReceivedAt.UTC().Format(time.RFC3339Nano), orDash(operate.Printable(d.RequestID)), d.Bytes, d.Scheme, operate.Printable(d.KeyID))
		if d.Events == 0 {
			line += ": no event is stored as its own"
		}
		return line
	case s.DeadLetter != nil:
		d := s.DeadLetter
		return fmt.Sprintf("dead letter %-6d  %s, delivery %d, item %d, at %s", s.Sequence, d.Reason, d.Raw, d.Item, orDash(operate.Printable(d.Pointer)))
	}
	e := &s.Event.Event
	amount := ""
	if m := e.Payment.Amount; m != nil {
		amount = " " + m.Value + " " + m.Currency
	}
	line := fmt.Sprintf("event %-6d        %s %s%s, %s of %s, id %s, as %s", s.Sequence, e.Payment.Kind, e.Payment.State, operate.Printable(amount),
		operate.Printable(e.Type), e.Time.UTC().Format(time.RFC3339), operate.Printable(e.ID), e.Sequence)
	if e.ReplayID != "" {
		line += fmt.Sprintf(", corrected by replay %s", operate.Printable(e.ReplayID))
	}
	return line
}
