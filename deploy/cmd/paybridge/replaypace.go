package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/operate"
)

// pacing is a command that gives a team its events again at a rate.
type pacing struct {
	*Program
	js     natsjs.JetStream
	pl     place
	why    string
	asJSON bool
}

// run paces what was applied, and says what came of it.
func (p pacing) run(ctx context.Context, pace operate.Pace) error {
	if pace.Through != 0 {
		fmt.Fprintf(p.Stderr, "if this is killed, the rest comes at once after 10s at most; to go on: %s\n", p.goesOnWith(pace))
	}
	sum, err := pace.Run(ctx, p.js)
	p.auditLine("replay redeliver --rate", p.why, err, zap.String("consumer", pace.Consumer), zap.Int("rate", pace.Rate), zap.Any("counts", sum))
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return p.stopped(pace, sum)
	case err != nil && pace.Through != 0:
		return &operate.Advice{Err: err, Do: "the rest comes as fast as it is taken, after 10s at most; to go on with the rate: " + p.goesOnWith(pace)}
	case err != nil:
		return err
	case p.asJSON:
		return p.printJSON(sum)
	}
	fmt.Fprintf(p.Stdout, "%d events were given to %s in %s, %.0f/s\n", sum.Given, pace.Consumer,
		operate.Age(time.Duration(sum.Seconds*float64(time.Second))), float64(sum.Given)/max(sum.Seconds, 1e-9))
	return nil
}

// stopped says what becomes of the rest.
func (p pacing) stopped(pace operate.Pace, sum operate.Paced) error {
	if pace.Through == 0 {
		return &operate.Advice{
			Err: fmt.Errorf("replay: interrupted when %s had been given %d events: the server goes on giving it %d a second", pace.Consumer, sum.Given, pace.Rate),
			Do:  fmt.Sprintf("nothing is to be done; see what is left with: %s consumer show %s%s", p.Name, pace.Consumer, p.where()),
		}
	}
	left := "is not paused: its service gets the rest as fast as it takes it"
	if !sum.Paused.IsZero() {
		left = fmt.Sprintf("is paused until %sZ by the server's clock; then its service gets the rest as fast as it takes it", sum.Paused.UTC().Format(time.TimeOnly))
	}
	return &operate.Advice{
		Err: fmt.Errorf("replay: interrupted when %s had been given %d events: it %s", pace.Consumer, sum.Given, left),
		Do:  "to go on with the rate: " + p.goesOnWith(pace),
	}
}

// goesOnWith is the command that goes on with a rate.
func (p pacing) goesOnWith(pace operate.Pace) string {
	return fmt.Sprintf("%s replay redeliver --consumer %s --rate %d --through %d --apply%s", p.Name, pace.Consumer, pace.Rate, pace.Through, p.where())
}

// where repeats --config and --data as they were typed.
func (p pacing) where() (flags string) {
	if p.pl.config != "" {
		flags = " --config " + shellWord(p.pl.config)
	}
	if p.pl.data != "" {
		flags += " --data " + shellWord(p.pl.data)
	}
	return flags
}

// goOn goes on with a rate that was interrupted, or says how long that would take.
func (p pacing) goOn(ctx context.Context, pace operate.Pace, apply bool) error {
	if apply {
		return p.run(ctx, pace)
	}
	lag, err := operate.ReadLag(ctx, p.js, jetstream.Payments, pace.Consumer)
	switch {
	case err != nil:
		return err
	case lag == nil:
		return &operate.Advice{Err: fmt.Errorf("consumer %s does not exist", pace.Consumer), Do: "list them with `paybridge consumer list`"}
	case p.asJSON:
		return p.printJSON(lag)
	}
	fmt.Fprintf(p.Stdout, "%d events wait for %s; at most %d a second, up to event %d: that takes %s at most\n", lag.Pending, lag.Name, pace.Rate, pace.Through,
		operate.Age(perSecond(int(lag.Pending), pace.Rate)))
	fmt.Fprintln(p.Stdout, "nothing is changed: say --apply to do it")
	return nil
}

// perSecond is how long so many take at a rate.
func perSecond(n, rate int) time.Duration {
	return (time.Duration(n) * time.Second / time.Duration(rate)).Round(time.Second)
}
