package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
)

// statusCommand is `status`: one screen, at one moment.
func (p *Program) statusCommand() *cobra.Command {
	var pl place
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "what is stored, how far behind the normalizer is, what died",
		Example: "  paybridge status\n  paybridge status --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				status, err := operate.ReadStatus(ctx, js, p.Now())
				if err != nil {
					return err
				}
				if asJSON {
					return p.printJSON(status)
				}
				return p.printStatus(status)
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// printStatus prints the streams, the normalizer and the sources, in the order of
// the flow.
func (p *Program) printStatus(s operate.Status) error {
	t := p.table("STREAM", "MESSAGES", "SIZE", "OF", "OLDEST", "NEWEST")
	for _, stream := range s.Streams {
		t.row(stream.Name, stream.Messages, operate.Bytes(stream.Bytes), operate.Bytes(stream.MaxBytes), ago(s.At, stream.First), ago(s.At, stream.Last))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if n := s.Normalizer; n == nil {
		fmt.Fprintln(p.Stdout, "\nthe consumer normalizer does not exist: nothing becomes an event")
	} else {
		fmt.Fprintf(p.Stdout, "\nnormalizer: %d waiting, %d in hand, %d redelivered; done up to delivery %d\n", n.Pending, n.InHand, n.Redelivered, n.AckFloor)
	}
	if len(s.Sources) == 0 {
		return nil
	}
	fmt.Fprintln(p.Stdout)
	t = p.table("SOURCE", "DELIVERIES", "EVENTS", "DEAD LETTERS")
	for _, source := range s.Sources {
		var dead []string
		for _, reason := range slices.Sorted(maps.Keys(source.DeadLetters)) {
			dead = append(dead, fmt.Sprintf("%d %s", source.DeadLetters[reason], reason))
		}
		t.row(source.Name, source.Deliveries, source.Events, orDash(strings.Join(dead, ", ")))
	}
	return t.flush()
}

// ago is how long before now something was, "-" where it never was.
func ago(now, at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return operate.Age(now.Sub(at).Round(time.Second)) + " ago"
}

// orDash is text, or a dash where there is none.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
