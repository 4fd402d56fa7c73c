package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/deploy/normalizerd"
	"paybridge/deploy/operate"
	"paybridge/schemas/event"
)

func (p *Program) replayCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "events and deliveries again: to a team, through today's packs, into a file, elsewhere",
		Long: `Without a mode it is redeliver: a team's consumer gets events again.

  redeliver     to one team's consumer, and nothing is published
  renormalize   today's packs over stored deliveries, and the events that change
  export        deliveries into a portable file
  import        deliveries of such a file into an environment
  reingest      deliveries from this environment into another one

Every mode says first what it would do, and does it with --apply.`,
		Example: "  paybridge replay --consumer ledger --since 2h\n" +
			"  paybridge replay --consumer ledger --id txn_def456 --apply --why 'their bug of Monday'",
	}
	p.redelivers(cmd)
	cmd.AddCommand(p.replayRedeliver(), p.replayRenormalize(), p.replayExport(), p.replayImport(), p.replayReingest())
	return cmd
}

func (p *Program) replayRenormalize() *cobra.Command {
	var pl place
	var s selection
	var r operate.Renormalize
	var asJSON, apply bool
	var why string
	cmd := &cobra.Command{
		Use:   "renormalize",
		Short: "what today's packs would make differently, and with --apply, correct it",
		Long: `Maps stored deliveries with today's packs and compares what they become with the
events in PAYMENTS, or with the latest correction of each. It says how many change and
in which fields, with a few examples; --json prints one line for each, and the sum as
the last one.

Exit code 0 if nothing changes, 1 if something does, so that CI can gate a change of a
pack; 78 if the pack does not load. A selection of which nothing is stored is 1 too. With --apply it is 0 when all of it is corrected.

--apply publishes each changed event again: the same id and sequence, replayid is the
name of the run, replaces the sequence that it corrects. Consumers see it as one more
message; those who drop ids that they know have to look at replayid too. An event that
has another id today, or is none, is reported and not published.

A run that was interrupted or killed is continued by the same command again: each
correction is stored once. With --cursor FILE it goes on where it was, with its counts,
and compares nothing twice; a comparison too. FILE goes when it is through. With another
selection, other packs or other streams than FILE is of, it is refused.

It compares events: of deliveries that were duplicates or died, see audit and
deadletters redrive. It reads by direct get and makes no consumer.`,
		Example: "  paybridge replay renormalize --since 7d --source pik\n" +
			"  paybridge replay renormalize --seq 1000-2000 --apply --run 2026-01-31-amounts\n" +
			"  paybridge replay renormalize --since 30d --apply --run 2026-01-31-states --cursor states.cursor",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := notNegative("--rate", r.Rate); err != nil {
				return err
			}
			if apply != (r.Run != "") {
				return &operate.Advice{Err: errors.New("replay: --apply and --run belong together"), Do: "name the run, such as --apply --run 2026-01-31-amounts; leave both out to compare"}
			}
			var err error
			if r.Range, err = s.read(p); err != nil {
				return err
			}
			r.Source = s.source
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			programs, problems := normalizerd.Programs(b.Config, b.Library)
			if len(problems) > 0 {
				return problems
			}
			verify, err := b.verifiers()
			if err != nil {
				return err
			}
			r.Programs, r.Seals, r.Mode = programs, verify.Seals, event.Mode(b.Config.Events.Mode)
			r.Progress = p.stages()
			same, err := b.sameProgram()
			if err != nil {
				return err
			}
			r.Cursor.Of = slices.Concat(s.typed(), []operate.Same{{What: "--id", Value: r.ID}}, same)
			return b.onBus(cmd.Context(), roleReplay, func(ctx context.Context, js natsjs.JetStream) error {
				if err := b.known(ctx, js, r.Source); err != nil {
					return err
				}
				return p.renormalize(ctx, js, r, why, asJSON)
			})
		},
	}
	pl.flags(cmd)
	s.flags(cmd)
	jsonFlag(cmd, &asJSON)
	flags := cmd.Flags()
	flags.StringVar(&r.ID, "id", "", "only the event with this id")
	flags.BoolVar(&apply, "apply", false, "publish the corrections; needs --run")
	flags.StringVar(&r.Run, "run", "", "name of the run, in the attribute replayid")
	flags.IntVar(&r.Rate, "rate", 500, "most corrections a second; 0 is no limit")
	cursorFlag(cmd, &r.Cursor.Path)
	flags.StringVar(&why, "why", "", "why, for the audit line")
	return cmd
}

// stages says how far a command of several stages is: a rate is that of its stage.
func (p *Program) stages() func(stage string, done, total int) {
	stages := map[string]func(done, total int){}
	return func(stage string, done, total int) {
		if stages[stage] == nil {
			stages[stage] = p.progress(stage)
		}
		stages[stage](done, total)
	}
}

// fewExamples is how many changed events are shown to people.
const fewExamples = 5

func (p *Program) renormalize(ctx context.Context, js natsjs.JetStream, r operate.Renormalize, why string, asJSON bool) error {
	shown := 0
	lines := json.NewEncoder(p.Stdout)
	r.Report = func(c operate.Changed) {
		shown++
		switch {
		case asJSON:
			_ = lines.Encode(c) // a reader that is gone ends the program by a signal
		case shown <= fewExamples:
			p.printChanged(c)
		}
	}
	if r.Run != "" {
		fmt.Fprintf(p.Stderr, "publishing corrections as run %s, %s; %s\n", r.Run, limit(r.Rate), consumersSee(r.Run))
	}
	began := p.Now()
	sum, err := r.Compare(ctx, js)
	if r.Run != "" {
		p.auditLine("replay renormalize", why, err, zap.String("run", r.Run), zap.String("source", r.Source), zap.String("id", r.ID),
			zap.String("since", moment(r.Range.Since)), zap.String("until", moment(r.Range.Until)),
			zap.Uint64("from", r.Range.From), zap.Uint64("to", r.Range.To), zap.String("cursor", r.Cursor.Path), zap.Any("counts", sum))
	}
	if err != nil {
		return compareInterrupted(ctx, err, sum, r)
	}
	took, now := p.Now().Sub(began), sum.Events-sum.Earlier
	fmt.Fprintf(p.Stderr, "compared %d events in %s, %.0f/s\n", now, operate.Age(took), float64(now)/max(took.Seconds(), 1e-9))
	if sum.Earlier > 0 {
		fmt.Fprintf(p.Stderr, "%d more were compared before it was interrupted, and are counted\n", sum.Earlier)
	}
	nothing := sum.Events+sum.Gone == 0 && (r.ID != "" || r.Range != (operate.Range{}))
	if asJSON {
		_ = lines.Encode(struct {
			Sum operate.Renormalized `json:"sum"`
		}{sum})
	} else if !nothing {
		p.printRenormalized(sum, r.Run)
	}
	if nothing {
		return operate.NothingMatches("replay")
	}
	switch left := sum.Changed - sum.Published - sum.Before; {
	case left == 0:
		return nil
	case r.Run == "":
		return &operate.Advice{Err: fmt.Errorf("replay: %s", sum.Text()), Do: "publish the corrections with --apply --run NAME, or change the pack"}
	default:
		return &operate.Advice{Err: fmt.Errorf("replay: %d changed events cannot be corrected", left), Do: "list them with --json: withheld says why"}
	}
}

func (p *Program) printChanged(c operate.Changed) {
	fmt.Fprintf(p.Stdout, "%s  %s  %s\n", operate.Printable(c.Source), c.Sequence, operate.Printable(c.ID))
	for _, f := range c.Fields {
		fmt.Fprintf(p.Stdout, "    %s: %s → %s\n", f.Field, orDash(operate.Printable(f.Before)), orDash(operate.Printable(f.After)))
	}
	if c.Withheld != "" {
		fmt.Fprintf(p.Stdout, "    not to be corrected: %s\n", c.Withheld)
	}
}

func (p *Program) printRenormalized(sum operate.Renormalized, run string) {
	fmt.Fprintln(p.Stdout, sum.Text())
	if sum.Gone > 0 {
		fmt.Fprintf(p.Stdout, "%d events are not compared: WEBHOOKS no longer holds their deliveries\n", sum.Gone)
	}
	switch correct := sum.Changed - sum.Withheld; {
	case run != "":
		fmt.Fprintf(p.Stdout, "%d corrections are stored now, %d were by another copy of run %s; %s\n", sum.Published, sum.Before, run, consumersSee(run))
	case correct > 0:
		fmt.Fprintf(p.Stdout, "--apply would publish %d corrections; %s\n", correct, consumersSee("NAME"))
	}
	if sum.Withheld > 0 {
		fmt.Fprintf(p.Stdout, "%d cannot be corrected: --json says why\n", sum.Withheld)
	}
}

// consumersSee says what a correction is to who subscribes.
func consumersSee(run string) string {
	return "consumers see each as one more message: the same id with replayid " + run
}

// notNegative refuses a number that can only be a typo.
func notNegative(flag string, n int) error {
	if n < 0 {
		return &operate.Advice{Err: fmt.Errorf("%s %d: it cannot be less than 0", flag, n), Do: "0 is no limit"}
	}
	return nil
}

// moment is an end of a range; "" where it has none.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// limit is a rate as people say it.
func limit(rate int) string {
	if rate <= 0 {
		return "as many as the bus takes"
	}
	return fmt.Sprintf("at most %d a second", rate)
}

// compareInterrupted says how to go on where a run was ended by a signal.
func compareInterrupted(ctx context.Context, err error, sum operate.Renormalized, r operate.Renormalize) error {
	if ctx.Err() == nil {
		return err
	}
	did := fmt.Sprintf("so far %s", sum.Text())
	if r.Run != "" {
		did = fmt.Sprintf("%d corrections are stored, and perhaps a few more", sum.Published)
	}
	do := "run it again: it goes on where it was"
	if r.Cursor.Path == "" {
		do = "run it again: it compares from the beginning, and finds what is stored; with --cursor FILE it would go on where it was"
	}
	return &operate.Advice{Err: fmt.Errorf("replay: %w when %d events were compared: %s", errInterrupted, sum.Events, did), Do: do}
}
