package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
)

// Pace gives a consumer that was set back at most so many events a second, until it is
// where it was. The server has no such limit for a pull consumer, but it pauses one: Pace
// counts what was given, and pauses the consumer for as long as that is ahead of the rate. Between
// two pauses comes what the service has asked for in advance, at once: 500 to 750 events with
// the Consume of nats.go, its MaxAckPending at most before it acknowledges. So the rate is right
// over some such bursts, and is no limit for fewer events than one. While Pace works, new
// events wait behind those that come again.
//
// Every pause has an end of its own, on the server's clock, no farther than pauseMost.
// Where Pace dies, or is interrupted, nothing stays stuck: the consumer goes on by then,
// and gets the rest as fast as its service takes it.
//
// A consumer beside is not paused: the server itself gives back what it holds at the rate,
// evenly, whoever lives or dies meanwhile; see giveBack. Pace only looks on, until all of it is
// given back.
type Pace struct {
	Consumer string
	Rate     int    // events a second, at least 1
	Through  uint64 // of PAYMENTS, the last that it was given before; 0: of a consumer beside
	Total    int    // for progress; 0: what waits for it
	Progress func(done, total int)
}

// Paced is what Pace did.
type Paced struct {
	Given   int       `json:"given"` // events, those that came twice included
	Seconds float64   `json:"seconds"`
	Paused  time.Time `json:"paused_until,omitzero"` // by the server's clock, where it did not come to its end
}

const (
	pauseMost  = 10 * time.Second
	pauseLeast = 20 * time.Millisecond  // a pause is written onto the server's disk
	pauseEnds  = 500 * time.Millisecond // see letGo
	paceCredit = 100 * time.Millisecond // what a service that was slow may catch up
	paceLook   = 5 * time.Millisecond   // at most between two looks while it is not paused
	paceQuick  = 250 * time.Microsecond // and at first: what is given meanwhile is a burst
	paceStuck  = time.Second            // without a pause and without an event: see wake
	wakePause  = 250 * time.Millisecond // long enough for the server to hear of it before it ends
)

// pausable is a consumer as Pace sees it. Its clock is the server's.
type pausable interface {
	// look says how far it is.
	look(ctx context.Context) (paceLooked, error)
	// pause pauses it until a moment, in place of another pause.
	pause(ctx context.Context, until time.Time) error
}

// paceLooked is a consumer at a moment.
type paceLooked struct {
	at    time.Time
	until time.Time // end of its pause; the zero time for none
	given int       // events, ever
	last  uint64    // of PAYMENTS, that it was given
	left  int       // not given yet
}

// Run paces until all is through, and lets the consumer go then.
func (p Pace) Run(ctx context.Context, js natsjs.JetStream) (Paced, error) {
	consumer, err := js.Consumer(ctx, jetstream.Payments, p.Consumer)
	switch {
	case errors.Is(err, natsjs.ErrConsumerNotFound):
		return Paced{}, advise(fmt.Errorf("consumer %s does not exist", p.Consumer), "list them with `paybridge consumer list`")
	case err != nil:
		return Paced{}, streamAdvice(jetstream.Payments, err)
	}
	c, pace := &pausableConsumer{js, consumer}, p.run
	if p.Through == 0 {
		pace = p.watch
	}
	sum, err := pace(ctx, c)
	if err != nil {
		err = fmt.Errorf("consumer %s: %w", p.Consumer, err)
	}
	return sum, err
}

func (p Pace) run(ctx context.Context, c pausable) (sum Paced, err error) {
	began, err := c.look(ctx)
	if err != nil {
		return sum, err
	}
	total := p.Total
	if total == 0 {
		total = began.left
	}
	if began.until.After(began.at.Add(pauseEnds)) { // what ends sooner ends by itself: see wake
		if err := pauseFor(ctx, c, began.at.Add(pauseEnds), pauseEnds); err != nil {
			return sum, err
		}
	}
	each := time.Second / time.Duration(p.Rate)
	// due is when the next event may be given, if all that was given had come in time.
	due, before, rest := began.at, began, paceQuick
	moved := later(began.at, began.until) // since when it is not paused, or was given its last event
	for now := began; ; {
		if now.left == 0 || now.last >= p.Through {
			sum.Paused = time.Time{}
			return sum, letGo(ctx, c, now)
		}
		due = later(due, now.at.Add(-paceCredit)).Add(time.Duration(now.given-before.given) * each)
		ahead := due.Sub(now.at)
		if now.given != before.given {
			moved = later(moved, now.at)
		}
		switch {
		case ahead < pauseLeast && now.at.Sub(moved) > paceStuck:
			if err := wake(ctx, c, now); err != nil {
				return sum, err
			}
			moved = now.at.Add(wakePause)
		case ahead < pauseLeast:
			if err := sleep(ctx, rest); err != nil {
				return sum, err
			}
			rest = min(2*rest, paceLook)
		default:
			sum.Paused = now.at.Add(min(ahead, pauseMost))
			if ahead > pauseMost {
				ahead = pauseMost / 2 // the next pause begins within this one
			}
			if err := pauseFor(ctx, c, sum.Paused, ahead); err != nil {
				return sum, err
			}
			rest, moved = paceQuick, sum.Paused
		}
		before = now
		if now, err = c.look(ctx); err != nil {
			return sum, err
		}
		sum.Given, sum.Seconds = now.given-began.given, now.at.Sub(began.at).Seconds()
		if p.Progress != nil {
			p.Progress(min(sum.Given, total), total)
		}
	}
}

// watch looks on until a consumer beside has been given back all that it holds.
func (p Pace) watch(ctx context.Context, c pausable) (sum Paced, err error) {
	began, err := c.look(ctx)
	if err != nil {
		return sum, err
	}
	for end := began.at.Add(giveBack(p.Total, p.Rate)); ; {
		if err := sleep(ctx, followLook); err != nil {
			return sum, err
		}
		now, err := c.look(ctx)
		if err != nil {
			return sum, err
		}
		sum.Given, sum.Seconds = now.given-began.given, now.at.Sub(began.at).Seconds()
		if p.Progress != nil {
			p.Progress(min(sum.Given, p.Total), p.Total)
		}
		if now.at.After(end) {
			return sum, nil
		}
	}
}

// giveBackTick is how often the server gives back events of a consumer beside: it looks at
// all that the consumer holds each time.
const giveBackTick = 100 * time.Millisecond

// giveBack is how long the server waits before it gives back the event of a number, from 0
// on, so that rate a second come; at once where there is no rate.
func giveBack(number, rate int) time.Duration {
	if rate == 0 {
		return 0
	}
	return (time.Duration(number) * time.Second / time.Duration(rate)).Truncate(giveBackTick)
}

// letGo has a pause end soon. The server wakes a consumer whose pause ends by itself, and not
// one whose pause is taken away: that would wait for the next question of its service.
func letGo(ctx context.Context, c pausable, now paceLooked) error {
	if end := now.at.Add(pauseEnds); now.until.After(end) {
		return c.pause(ctx, end)
	}
	return nil
}

// wake has a short pause end. Where a new pause is set while another one ends, the server may
// forget to wake the consumer after the new one: its service waits for events and gets none
// until it asks again, which with most clients takes up to half a minute. The end of one
// more pause wakes it. A service that asks for nothing loses nothing by it.
func wake(ctx context.Context, c pausable, now paceLooked) error {
	return pauseFor(ctx, c, now.at.Add(wakePause), wakePause)
}

// pauseFor pauses a consumer, and waits. The wait begins before the server is asked, so
// that it is over when the pause is.
func pauseFor(ctx context.Context, c pausable, until time.Time, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	if err := c.pause(ctx, until); err != nil {
		return err
	}
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pausableConsumer is one of the server.
type pausableConsumer struct {
	js       natsjs.JetStream
	consumer natsjs.Consumer
}

func (c *pausableConsumer) look(ctx context.Context) (paceLooked, error) {
	info, err := c.consumer.Info(ctx)
	if err != nil {
		return paceLooked{}, err
	}
	l := paceLooked{at: info.TimeStamp, given: int(info.Delivered.Consumer), last: info.Delivered.Stream, left: int(info.NumPending)}
	if info.Paused {
		l.until = info.TimeStamp.Add(info.PauseRemaining)
	}
	return l, nil
}

func (c *pausableConsumer) pause(ctx context.Context, until time.Time) error {
	_, err := c.js.PauseConsumer(ctx, jetstream.Payments, c.consumer.CachedInfo().Name, until)
	return err
}

// hold pauses a consumer, where there is a rate, until Pace takes over. It is the first
// that a redelivery changes.
func (r Redeliver) hold(ctx context.Context, js natsjs.JetStream, consumer natsjs.Consumer) error {
	if r.Rate == 0 {
		return nil
	}
	c := &pausableConsumer{js, consumer}
	now, err := c.look(ctx)
	if err == nil {
		err = c.pause(ctx, now.at.Add(pauseMost))
	}
	if err != nil {
		return fmt.Errorf("consumer %s cannot be paused: %w", consumer.CachedInfo().Name, err)
	}
	return nil
}

// Pace is how what comes again is paced, once it is applied.
func (r Redeliver) Pace(p *Redelivery) Pace {
	pace := Pace{Consumer: p.Name(), Rate: r.Rate, Total: p.Comes, Progress: r.Progress}
	if p.Way == Rewind {
		pace.Through = p.Through
	}
	return pace
}
