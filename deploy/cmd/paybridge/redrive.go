package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/deploy/operate"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// roleReplay is the role of deploy/nats that publishes events a second time.
const roleReplay = "replay"

func (p *Program) deadlettersRedrive() *cobra.Command {
	var pl place
	var asJSON, apply bool
	var why string
	var chosen deadFlags
	cmd := &cobra.Command{
		Use:   "redrive",
		Short: "map dead letters again with today's packs, and publish what they become",
		Long: `Without --apply it only says what it would publish, by source and reason. With --apply it
publishes each event under its normal id and subject, as the normalizer would have.

Twice at once or a week apart is once: the message id keeps PAYMENTS from storing an
event twice, and before publishing PAYMENTS is searched for what is there already.
Dead letters are never deleted: what fails still stays, and is counted. What is
unsealed is never redriven. An interrupted redrive is continued by running it again.

It reads DEADLETTERS once, and PAYMENTS once from 48h before the oldest of them on, and
says on stderr how far it is, how fast, and how long it will take still.`,
		Example: "  paybridge deadletters redrive --reason mapping_failed --since 2d\n" +
			"  paybridge deadletters redrive --source pik --apply --why 'the pack knows the new type'",
		Args:        cobra.NoArgs,
		Annotations: goesOn("run it again to go on: what is stored is not published again"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := chosen.read(p)
			if err != nil {
				return err
			}
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			programs, err := b.programs()
			if err != nil {
				return err
			}
			seals, err := b.seals()
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleReplay, func(ctx context.Context, js natsjs.JetStream) error {
				if err := b.checkDeadSource(ctx, js, s.Source); err != nil {
					return err
				}
				sum, err := operate.Redrive{
					Programs: programs, Seals: seals, Mode: event.Mode(b.Config.Events.Mode),
					Select: s, Act: apply, Progress: p.progress,
				}.Run(ctx, js)
				if apply {
					p.auditLine("deadletters redrive", why, err, zap.Any("selection", s), zap.Any("counts", sum))
				}
				return errors.Join(err, p.printRedriven(sum, apply, asJSON))
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	chosen.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&why, "why", "", "why, for the audit line")
	flags.BoolVar(&apply, "apply", false, "publish; without it nothing is changed")
	return cmd
}

func (p *Program) printRedriven(sum operate.Redriven, act, asJSON bool) error {
	if asJSON {
		sum.Groups = notNil(sum.Groups)
		return p.printJSON(sum)
	}
	if len(sum.Groups) > 0 {
		published := "WOULD PUBLISH"
		if act {
			published = "PUBLISHED"
		}
		t := p.table("SOURCE", "REASON", "COUNT", "OLDEST", "NEWEST", published, "ALREADY", "FAIL STILL")
		for _, g := range sum.Groups {
			t.row(g.Source, g.Reason, g.Count, ago(p.Now(), g.Oldest), ago(p.Now(), g.Newest), g.Published, g.Already, stillText(g.Still))
		}
		if err := t.flush(); err != nil {
			return err
		}
		fmt.Fprintln(p.Stdout)
	}
	fmt.Fprintln(p.Stdout, sum.Text(act))
	if !act && sum.Events > 0 {
		fmt.Fprintln(p.Stdout, "nothing is changed: say --apply to publish them")
	}
	return nil
}

// stillText is why dead letters fail today: "2 mapping_failed, 1 malformed_json".
func stillText(still map[delivery.Reason]int) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(still)) {
		parts = append(parts, fmt.Sprintf("%d %s", still[reason], reason))
	}
	return orDash(strings.Join(parts, ", "))
}

// progress says on stderr, once a second, how far a long command is, how fast it is,
// and how long it will take still. Its clock begins with the first item: what it took to
// get there is in no rate.
func (p *Program) progress(what string) func(done, total int) {
	var began, said time.Time
	first := 0
	return func(done, total int) {
		now := p.Now()
		if began.IsZero() {
			began, said, first = now, now, done
		}
		if now.Sub(said) < time.Second {
			return
		}
		said = now
		rate := float64(done-first) / now.Sub(began).Seconds()
		if rate <= 0 {
			fmt.Fprintf(p.Stderr, "%d of %d %s\n", done, total, what)
			return
		}
		left := time.Duration(float64(max(total-done, 0)) / rate * float64(time.Second))
		fmt.Fprintf(p.Stderr, "%d of %d %s, %.0f/s, %s left\n", done, total, what, rate, operate.Age(left.Round(time.Second)))
	}
}
