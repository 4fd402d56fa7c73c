package main

import (
	"context"
	"errors"
	"fmt"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/deploy/operate"
)

// roleReingest is the role of deploy/nats that puts deliveries in.
const roleReingest = "reingest"

// intoFlags are the flags of what is put into an environment.
type intoFlags struct {
	place
	production, apply, asJSON bool
	rate                      int
	why, cursor               string
}

// flags declares them, but for where.
func (i *intoFlags) flags(cmd *cobra.Command) {
	jsonFlag(cmd, &i.asJSON)
	flags := cmd.Flags()
	flags.BoolVar(&i.production, "into-production", false, "also where the target is marked environment: production")
	flags.IntVar(&i.rate, "rate", 500, "most deliveries a second; 0 is no limit")
	cursorFlag(cmd, &i.cursor)
	flags.BoolVar(&i.apply, "apply", false, "put them in; without it nothing is changed")
	flags.StringVar(&i.why, "why", "", "why, for the audit line")
}

// reingestLong is what reingest and import have in common.
const reingestLong = `Each delivery is trusted before it is sealed: by the seal that it has, or by its provider's
signature with the target's own secrets, at the moment at which it came first. Into a
target marked ` + "`environment: production`" + ` nothing goes without --into-production, and then only what
a known seal vouches for.

It is sealed with the target's key and received now, for a copy is refused for its age; when it
came first is kept beside it (Webhook-First-Received-At), and is the clock of its signature. The
target's normalizer takes it as if it came today. It keeps its message id, and what the
target's WEBHOOKS holds already is not put in again: interrupted, or run twice, each is once.
With --cursor FILE the same command goes on where it was interrupted or killed, with its counts.`

// replayReingest is `replay reingest`.
func (p *Program) replayReingest() *cobra.Command {
	var from place
	var s deliverySelection
	var into intoFlags
	cmd := &cobra.Command{
		Use:   "reingest --into CONFIG",
		Short: "stored deliveries into another environment, as if they came there today",
		Long:  "Puts deliveries of this environment into WEBHOOKS of another one.\n\n" + reingestLong,
		Example: "  paybridge replay reingest --into staging.yaml --since 1d --source pik\n" +
			"  paybridge replay reingest --into staging.yaml --id txn_def456 --apply --why 'to find the bug'\n" +
			"  paybridge replay reingest --into staging.yaml --since 30d --apply --cursor staging.cursor",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if into.config == "" {
				return &operate.Advice{Err: errors.New("replay: into which environment?"), Do: "name its configuration with --into"}
			}
			of, err := s.read(p)
			if err != nil {
				return err
			}
			b, err := p.find(from)
			if err != nil {
				return err
			}
			seals, err := b.seals()
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleReplay, func(ctx context.Context, js natsjs.JetStream) error {
				if err := b.known(ctx, js, of.Source); err != nil {
					return err
				}
				w := operate.Reingest{From: operate.Stored{JS: js, Select: of}, Seals: seals}
				w.Cursor.Of = append(s.typed(), operate.Same{What: "--id", Value: s.id})
				return p.reingest(ctx, "replay reingest", into, w, func(target natsjs.JetStream) error {
					return operate.Elsewhere(ctx, js, target)
				})
			})
		},
	}
	from.flags(cmd)
	s.flags(cmd)
	cmd.Flags().StringVar(&into.config, "into", "", "the other environment's configuration")
	cmd.Flags().StringVar(&into.data, "into-data", "", "data `FOLDER` of the up that is the other environment")
	into.flags(cmd)
	return cmd
}

// replayImport is `replay import`.
func (p *Program) replayImport() *cobra.Command {
	var into intoFlags
	var unverified bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "deliveries of a portable file into this environment, as if they came today",
		Long: "Puts deliveries that `replay export` wrote into WEBHOOKS of the environment of --config. The\n" +
			"file is read whole first: one that is cut or changed is refused.\n\n" + reingestLong + `

--unverified also takes what nobody vouches for, such as a redacted file or another
environment's token deliveries, to reproduce a bug; never into production.`,
		Example: "  paybridge replay import deliveries.jsonl --config staging.yaml\n" +
			"  paybridge replay import bug.jsonl --unverified --apply",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := operate.OpenPortable(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			w := operate.Reingest{From: file, Unverified: unverified}
			err = p.reingest(cmd.Context(), "replay import", into, w, func(natsjs.JetStream) error { return nil })
			return errors.Join(err, file.Close())
		},
	}
	into.place.flags(cmd)
	into.flags(cmd)
	cmd.Flags().BoolVar(&unverified, "unverified", false, "also what no seal and no signature vouches for")
	return cmd
}

// reingest puts deliveries into a target, once it may be one.
func (p *Program) reingest(ctx context.Context, what string, into intoFlags, w operate.Reingest, may func(natsjs.JetStream) error) error {
	if err := notNegative("--rate", into.rate); err != nil {
		return err
	}
	if into.cursor != "" && !into.apply {
		return &operate.Advice{Err: errors.New("replay: --cursor is for --apply: without it nothing is put in"), Do: "leave --cursor out, or say --apply"}
	}
	target, err := p.find(into.place)
	if err != nil {
		return err
	}
	w.Production = target.Config.Environment == config.Production
	if w.Production && !into.production {
		return isProduction("its configuration says environment: production")
	}
	if w.Target, err = target.verifiers(); err != nil {
		return err
	}
	if err := w.Check(); err != nil {
		return err
	}
	w.Cursor.Path = into.cursor
	w.Act, w.Rate, w.Now, w.Progress = into.apply, into.rate, p.Now, p.progress("deliveries")
	return target.onBus(ctx, roleReingest, func(ctx context.Context, js natsjs.JetStream) error {
		marked, err := operate.MarkedProduction(ctx, js)
		if err != nil {
			return err
		}
		if w.Production = w.Production || marked; marked && !into.production {
			return isProduction("its stream WEBHOOKS has the metadata environment=production")
		}
		if err := may(js); err != nil {
			return err
		}
		sum, err := w.Run(ctx, js)
		if into.apply {
			p.auditLine(what, into.why, err, zap.String("target", target.NATS().URL), zap.Bool("production", w.Production), zap.Any("counts", sum))
		}
		how := "run it again: it begins anew, and finds what is stored; with --cursor FILE it would go on where it was"
		if into.cursor != "" {
			how = "run it again: it goes on where it was"
		}
		err = interrupted(ctx, err, how)
		return errors.Join(err, p.printReingested(sum, into, err == nil))
	})
}

// isProduction refuses a target.
func isProduction(how string) error {
	return &operate.Advice{
		Err: fmt.Errorf("replay: the target is production: %s", how),
		Do:  "name another environment, or say --into-production if its consumers are to see these payments again",
	}
}

func (p *Program) printReingested(sum operate.Reingested, into intoFlags, whole bool) error {
	if into.asJSON {
		return p.printJSON(sum)
	}
	fmt.Fprintln(p.Stdout, sum.Text(into.apply))
	for _, line := range sum.Reasons() {
		fmt.Fprintf(p.Stdout, "  %s\n", line)
	}
	if sum.New > 0 {
		fmt.Fprintf(p.Stdout, "of the new ones %d are vouched for by a seal, %d by a signature, %d by nothing; they came from %s to %s\n",
			sum.Sealed, sum.Signed, sum.Unverified, ago(p.Now(), sum.Oldest), ago(p.Now(), sum.Newest))
	}
	if !into.apply && whole {
		fmt.Fprintln(p.Stdout, "nothing is changed: say --apply to put them in")
	}
	return nil
}
