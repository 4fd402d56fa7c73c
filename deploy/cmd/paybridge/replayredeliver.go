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

// replayRedeliver is `replay redeliver`, which is what `replay` does without a mode.
func (p *Program) replayRedeliver() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "redeliver",
		Short: "a team's consumer gets events again, and nothing is published",
		Long: `Gives one team's durable consumer events again that it has been given before. The events
stay where they are and keep their ids: a service that records (source, id) counts each once.

Where all from a moment on is meant (--since, --seq A-), the consumer itself is set back, and
everything that its filter lets through from there on comes again. Where a part is meant
(--until, --seq A-B, --source, --type, --id), a second consumer beside it, NAME-replay, holds
exactly those events and never gets another one; NAME itself is not touched. The service
reads from it beside its own until it is empty; without a reader it goes after 7 days.
--beside and --rewind choose otherwise; --rewind gives more than a part, and says how much.

The service takes them at its own pace, or with --rate at most so many a second. A part is then
given back by the server itself, evenly, also when this command is stopped. Its own consumer is
paused and let go again while this command runs and watches it: the rate is an average, between
two pauses comes at once what the service asks for in advance (500 to 750 with most clients),
and new events wait meanwhile. No pause is longer than 10s and each ends by itself: stopped or
killed, the rest comes as fast as it is taken. Stopped, it prints the command that goes on.`,
		Example: "  paybridge replay redeliver --consumer ledger --since 2h --apply\n" +
			"  paybridge replay redeliver --consumer ledger --seq 1000-2000 --source pik\n" +
			"  paybridge replay redeliver --consumer ledger --since 2h --rate 200 --apply\n" +
			"  paybridge replay redeliver --consumer ledger --id txn_def456",
	}
	p.redelivers(cmd)
	return cmd
}

// eventSelection is the flags of a selection of stored events.
type eventSelection struct{ source, since, until, seq, native, id string }

// flags declares them.
func (s *eventSelection) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.source, "source", "", "only events of this source")
	flags.StringVar(&s.since, "since", "", "only those stored since then: a duration or a time")
	flags.StringVar(&s.until, "until", "", "only those stored before then")
	flags.StringVar(&s.seq, "seq", "", "only these sequences of PAYMENTS: A-B, A- or A")
	flags.StringVar(&s.native, "type", "", "only this native type, such as payment.confirmed")
	flags.StringVar(&s.id, "id", "", "only those of this payment, or the event with this id")
}

// read makes a selection of what was typed.
func (s *eventSelection) read(p *Program) (of operate.RedeliverySelection, err error) {
	of.Source, of.Type, of.ID = s.source, s.native, s.id
	if of.Since, err = operate.Moment(s.since, p.Now()); err != nil {
		return of, err
	}
	if of.Until, err = operate.Moment(s.until, p.Now()); err != nil {
		return of, err
	}
	of.From, of.To, err = operate.Sequences(s.seq)
	return of, err
}

// redelivers makes cmd redeliver.
func (p *Program) redelivers(cmd *cobra.Command) {
	var pl place
	var s eventSelection
	var r operate.Redeliver
	var asJSON, apply, beside, rewind bool
	var through uint64
	var why string
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if r.Consumer == "" {
			return &operate.Advice{Err: errors.New("replay: whose events?"), Do: "name a team's consumer with --consumer, as `paybridge consumer list` has it; `paybridge replay --help` lists the other modes"}
		}
		var err error
		if r.Select, err = s.read(p); err != nil {
			return err
		}
		if err := notNegative("--rate", r.Rate); err != nil {
			return err
		}
		if through != 0 && (r.Rate == 0 || s != eventSelection{}) {
			return &operate.Advice{Err: errors.New("replay: --through goes on with a rate, and sets nothing back"), Do: "say it with --consumer and --rate, and without a selection"}
		}
		switch {
		case beside:
			r.Way = operate.Beside
		case rewind:
			r.Way = operate.Rewind
		}
		r.Progress = p.progress("events")
		b, err := p.find(pl)
		if err != nil {
			return err
		}
		return b.onBus(cmd.Context(), roleReplay, func(ctx context.Context, js natsjs.JetStream) error {
			paced := pacing{Program: p, js: js, pl: pl, why: why, asJSON: asJSON}
			if through != 0 {
				return paced.goOn(ctx, operate.Pace{Consumer: r.Consumer, Rate: r.Rate, Through: through, Progress: r.Progress}, apply)
			}
			if err := b.known(ctx, js, s.source); err != nil {
				return err
			}
			plan, err := r.Plan(ctx, js)
			if err != nil {
				return err
			}
			end := redeliveryEnd{rate: r.Rate}
			if plan.Obstacle == "" && apply {
				err = r.Apply(ctx, js, plan)
				p.auditLine("replay redeliver", why, err, zap.Any("selection", r.Select), zap.Int("rate", r.Rate), zap.Any("counts", plan))
				end.done, end.failed = err == nil, err != nil
			}
			err = errors.Join(err, p.printRedelivery(plan, end, b.NATS().URL, asJSON))
			if err == nil && end.done && r.Rate > 0 {
				err = paced.run(ctx, r.Pace(plan))
			}
			return err
		})
	}
	pl.flags(cmd)
	s.flags(cmd)
	jsonFlag(cmd, &asJSON)
	flags := cmd.Flags()
	flags.StringVar(&r.Consumer, "consumer", "", "`NAME` of the team's consumer, as consumer list has it")
	flags.BoolVar(&beside, "beside", false, "leave the consumer as it is, and make one beside it")
	flags.BoolVar(&rewind, "rewind", false, "set the consumer back to the first of them, and give it all from there on")
	cmd.MarkFlagsMutuallyExclusive("beside", "rewind")
	flags.BoolVar(&r.Force, "force", false, "although it has events in hand, or an earlier replay is not read to its end")
	flags.IntVar(&r.Rate, "rate", 0, "most events a second; 0 is as fast as the service takes them")
	flags.Uint64Var(&through, "through", 0, "with --rate: set nothing back, and go on with the rate until event `SEQ` was given")
	flags.BoolVar(&apply, "apply", false, "do it; without it nothing is changed")
	flags.StringVar(&why, "why", "", "why, for the audit line")
}

// redeliveryEnd is how a redelivery ended: neither where it was only looked at.
type redeliveryEnd struct {
	done, failed bool
	rate         int // events a second; 0: none was set
}

// printRedelivery prints a plan and whether it was done; what is in the way, and what has
// failed, is the error.
func (p *Program) printRedelivery(plan *operate.Redelivery, end redeliveryEnd, url string, asJSON bool) error {
	if asJSON {
		err := p.printJSON(struct {
			*operate.Redelivery
			Done bool `json:"done"`
		}{plan, end.done})
		return errors.Join(err, obstacle(plan))
	}
	fmt.Fprintf(p.Stdout, "%s reads %s\n", plan.Consumer, plan.Filter)
	if plan.Chosen > 0 {
		fmt.Fprintf(p.Stdout, "%d events are meant, from %d to %d of %s, stored %s to %s\n", plan.Chosen, plan.First, plan.Last, jetstream.Payments,
			ago(p.Now(), plan.Oldest), ago(p.Now(), plan.Newest))
	}
	for _, g := range plan.Groups {
		fmt.Fprintf(p.Stdout, "  %d %s\n", g.Count, g.What)
	}
	if plan.Waiting > 0 {
		fmt.Fprintf(p.Stdout, "%d more are meant and still wait for it: they come anyway\n", plan.Waiting)
	}
	if plan.NotOwn > 0 {
		fmt.Fprintf(p.Stdout, "%d more are meant, and its filter does not let them through: left out\n", plan.NotOwn)
	}
	if plan.Obstacle != "" {
		return obstacle(plan)
	}
	if end.failed {
		return nil
	}
	p.printWay(plan, end.done, url)
	if end.rate > 0 {
		how := "evenly, by the server itself"
		if plan.Way == operate.Rewind {
			how = "on average, in bursts of what its service asks for in advance"
		}
		fmt.Fprintf(p.Stdout, "at most %d a second %s: that takes %s\n", end.rate, how, operate.Age(perSecond(plan.Comes, end.rate)))
	}
	if !end.done {
		fmt.Fprintln(p.Stdout, "nothing is changed: say --apply to do it")
	}
	return nil
}

// printWay says what the service sees.
func (p *Program) printWay(plan *operate.Redelivery, done bool, url string) {
	verb := func(would, did string) string {
		if done {
			return did
		}
		return would
	}
	switch plan.Way {
	case operate.Rewind:
		fmt.Fprintf(p.Stdout, "%s %s set back to %d: %d events come again", plan.Consumer, verb("would be", "is"), plan.First, plan.Comes)
		if more := plan.Comes - plan.Chosen; more > 0 {
			fmt.Fprintf(p.Stdout, ", %d more than are meant", more)
		}
		fmt.Fprintln(p.Stdout, "; then it goes on where it was")
		if plan.Pulling {
			fmt.Fprintln(p.Stdout, "its service waits for events now, and gets them at once")
		}
	case operate.Beside:
		fmt.Fprintf(p.Stdout, "%s %s exactly these %d events; %s stays as it is\n", plan.Name(), verb("would hold", "holds"), plan.Comes, plan.Consumer)
		fmt.Fprintf(p.Stdout, "its service reads them beside its own, until there are none left:\n  nats --server %s consumer next %s %s --count %d\n", url, jetstream.Payments, plan.Name(), min(plan.Comes, 100))
	}
	fmt.Fprintln(p.Stdout, "they have the ids that they had: a service that records (source, id) counts each once")
}

// obstacle is what is in the way of a plan; nil where nothing is.
func obstacle(plan *operate.Redelivery) error {
	if plan.Obstacle == "" {
		return nil
	}
	return &operate.Advice{Err: fmt.Errorf("replay: %s", plan.Obstacle), Do: plan.Do}
}
