package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/operate"
)

// streamsApply is `streams apply`.
func (p *Program) streamsApply() *cobra.Command {
	var pl place
	var asJSON bool
	var a asking
	var why string
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "create what is missing and update what differs; never lose a message",
		Long: `Makes the bus what the contract and the configuration say, stream by stream and setting
by setting. A change that would lose a stored message is refused with exit code 78, and
then nothing is changed.

` + askingLong + ` For an exit code that tells whether there is, see streams check.`,
		Example: "  paybridge streams apply --dry-run\n" +
			"  paybridge streams apply --config paybridge.yaml --why 'a longer age'\n" +
			"  paybridge streams apply --yes --json",
		Args:        cobra.NoArgs,
		Annotations: goesOn("run it again: what is changed stays, and the rest follows"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleProvisioner, func(ctx context.Context, js natsjs.JetStream) error {
				return p.apply(ctx, js, b.Config.Streams, a, why, asJSON)
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	a.flags(cmd)
	cmd.Flags().StringVar(&why, "why", "", "why, for the audit line")
	return cmd
}

// apply says what the bus lacks, asks where somebody is there to be asked, and changes it.
func (p *Program) apply(ctx context.Context, js natsjs.JetStream, s config.Streams, a asking, why string, asJSON bool) error {
	audit := func(changes []jetstream.Change, err error) {
		p.auditLine("streams apply", why, err, zap.Any("changes", changes), zap.Any("counts", countChanges(changes)))
	}
	plan, err := jetstream.Preview(ctx, js, s)
	if err != nil {
		if !a.dry {
			audit(nil, err)
		}
		return err
	}
	if !asJSON || p.asks(a, asJSON) {
		printPlan(p.talk(asJSON), plan)
	}
	switch {
	case a.dry:
		return p.looked(plan, asJSON)
	case anyChange(plan) && p.asks(a, asJSON):
		if err := p.agreed(ctx, a, asJSON); err != nil {
			return err
		}
		if err := stillSo(ctx, js, s, plan); err != nil {
			return err
		}
	}
	done, err := jetstream.Apply(ctx, js, s)
	audit(done, err)
	if asJSON {
		return errors.Join(err, p.printJSON(notNil(done)))
	}
	for _, change := range done {
		if change.Action != jetstream.Unchanged {
			fmt.Fprintln(p.Stdout, change.Short())
		}
	}
	if err == nil && !anyChange(done) {
		fmt.Fprintln(p.Stdout, "nothing to change: the streams and the consumer are as they must be")
	}
	return err
}

// stillSo is an error where the bus has changed while somebody thought about a plan: what
// was agreed to is what was shown.
func stillSo(ctx context.Context, js natsjs.JetStream, s config.Streams, plan []jetstream.Change) error {
	now, err := jetstream.Preview(ctx, js, s)
	if err == nil && !reflect.DeepEqual(now, plan) {
		err = &operate.Advice{Err: errors.New("what is there has changed since it was shown: nothing is changed"), Do: "run it again and look at it again"}
	}
	return err
}

// printPlan prints what would become of each stream and consumer.
func printPlan(w io.Writer, plan []jetstream.Change) {
	for _, change := range plan {
		if change.Action != jetstream.Unchanged {
			change.Action = "to be " + change.Action
		}
		fmt.Fprintln(w, change)
	}
}

// anyChange says that a plan is not only what is there already.
func anyChange(plan []jetstream.Change) bool {
	return slices.ContainsFunc(plan, func(c jetstream.Change) bool { return c.Action != jetstream.Unchanged })
}

// shortChanges is what a plan changes, for a log that has room for a line.
func shortChanges(changes []jetstream.Change) (all []string) {
	for _, change := range changes {
		switch change.Action {
		case jetstream.Created:
			all = append(all, change.Short())
		case jetstream.Updated:
			for _, d := range change.Changed {
				all = append(all, fmt.Sprintf("%s %s: %s → %s", d.Name, d.Field, d.Have, d.Want))
			}
		}
	}
	return all
}

// countChanges is how many streams and consumers were created, updated and left alone.
func countChanges(changes []jetstream.Change) map[jetstream.Action]int {
	counts := map[jetstream.Action]int{jetstream.Created: 0, jetstream.Updated: 0, jetstream.Unchanged: 0}
	for _, change := range changes {
		counts[change.Action]++
	}
	return counts
}
