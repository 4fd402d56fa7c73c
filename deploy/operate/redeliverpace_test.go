package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/event"
)

// greedy is a model of a consumer whose service takes so many events a second whenever it
// is not paused, as far as anybody looks. It notes when each pause began and how much was
// given by then.
type greedy struct {
	speed, left int
	slow        time.Duration // how long an answer takes
	seen        time.Time
	until       time.Time
	given       int
	pauses      []time.Time // their ends
	longest     time.Duration
	numbered    bool // its events have the numbers from 1 on
}

func (g *greedy) take() {
	now := time.Now()
	from := later(g.seen, g.until)
	if from.Before(now) {
		n := min(int(now.Sub(from).Seconds()*float64(g.speed)), g.left)
		g.given, g.left, g.seen = g.given+n, g.left-n, now
	}
}

func (g *greedy) look(context.Context) (paceLooked, error) {
	time.Sleep(g.slow)
	g.take()
	l := paceLooked{at: time.Now(), given: g.given, left: g.left}
	if g.until.After(l.at) {
		l.until = g.until
	}
	if g.numbered {
		l.last = uint64(g.given) //nolint:gosec // counts up
	}
	return l, nil
}

func (g *greedy) pause(_ context.Context, until time.Time) error {
	time.Sleep(g.slow)
	g.take()
	g.until = until
	g.longest = max(g.longest, time.Until(until))
	g.pauses = append(g.pauses, until)
	return nil
}

// TestPaceModel says, on a clock of its own, that whatever the service could take and
// however slow the server answers, it gets the rate; that one which is slower is not
// slowed down; and that no pause ends farther away than it may.
func TestPaceModel(t *testing.T) {
	for _, test := range []struct {
		rate, speed, events int
		slow                time.Duration
		want                time.Duration
	}{
		{100, 100_000, 6000, time.Millisecond, 60 * time.Second},
		{1000, 100_000, 60_000, time.Millisecond, 60 * time.Second},
		{1000, 20_000, 60_000, 20 * time.Millisecond, 60 * time.Second},
		{1, 1000, 60, time.Millisecond, 60 * time.Second},
		{1000, 500, 30_000, time.Millisecond, 60 * time.Second},
		{1000, 1000, 60_000, time.Millisecond, 60 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := &greedy{speed: test.speed, left: test.events, slow: test.slow, until: time.Now().Add(pauseMost)}
			began := time.Now()
			t.Cleanup(func() { t.Logf("%+v: %d pauses in %v", test, len(g.pauses), time.Since(began)) })
			done := 0
			sum, err := Pace{Rate: test.rate, Through: 1, Progress: func(n, _ int) { done = n }}.run(t.Context(), g)
			took := time.Since(began)
			// What comes after the last pause is not paid for any more.
			burst := float64(test.speed) * (paceLook + 3*test.slow).Seconds() / float64(test.rate)
			if err != nil || done != test.events || took > test.want+test.want/10 || took.Seconds() < test.want.Seconds()*0.98-burst {
				t.Errorf("%+v: %d, %+v in %v, %v", test, done, sum, took, err)
			}
			if g.longest > pauseMost || time.Until(g.until) > pauseEnds || !sum.Paused.IsZero() {
				t.Errorf("%+v: paused for %v, and in the end until %v", test, g.longest, g.until)
			}
		})
	}
}

// forgetful is a consumer that the server forgets to wake after its first pauses.
type forgetful struct {
	*greedy
	forget int
}

func (f *forgetful) pause(ctx context.Context, until time.Time) error {
	if err := f.greedy.pause(ctx, until); err != nil {
		return err
	}
	if f.forget--; f.forget >= 0 {
		f.until = until.Add(time.Hour) // until its service asks again
	}
	return nil
}

func (f *forgetful) look(ctx context.Context) (paceLooked, error) {
	l, err := f.greedy.look(ctx)
	if end := f.pauses; len(end) > 0 && !end[len(end)-1].After(l.at) {
		l.until = time.Time{} // it says that it is not paused
	}
	return l, err
}

// TestPaceWakes says that a consumer which the server has forgotten goes on within seconds,
// twice in a row too.
func TestPaceWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &forgetful{&greedy{speed: 10_000, left: 1000, slow: time.Millisecond, seen: time.Now()}, 2}
		began := time.Now()
		sum, err := Pace{Rate: 100, Through: 1}.run(t.Context(), g)
		if took := time.Since(began); err != nil || g.left != 0 || took > 15*time.Second {
			t.Errorf("%+v in %v, %v", sum, took, err)
		}
	})
}

// A pause longer than one may be is made of several, with nothing in between.
func TestPaceRenewsItsPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &greedy{speed: 10_000, left: 1000, slow: time.Millisecond, seen: time.Now()}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		sum, err := Pace{Rate: 1, Through: 1}.run(ctx, g)
		if !errors.Is(err, context.DeadlineExceeded) || sum.Given > 100 || len(g.pauses) < 8 || g.longest > pauseMost {
			t.Errorf("%+v, %v, %d pauses, the longest of %v", sum, err, len(g.pauses), g.longest)
		}
		// Interrupted, it leaves a pause, and says when that ends.
		if left := time.Until(sum.Paused); left <= 0 || left > pauseMost || !sum.Paused.Equal(g.until) {
			t.Errorf("left paused for %v", left)
		}
	})
}

// What waits behind the events that come again is not paced, and a service that was slow
// for a while does not catch up at once.
func TestPaceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &greedy{speed: 100, left: 100_000, slow: time.Millisecond, numbered: true, seen: time.Now()}
		began := time.Now()
		p := Pace{Rate: 1000, Through: 11_000, Progress: func(int, int) {
			if time.Since(began) > 10*time.Second {
				g.speed = 10_000
			}
		}}
		sum, err := p.run(t.Context(), g)
		if took := time.Since(began); err != nil || sum.Given < 11_000 || sum.Given > 12_000 || took < 19*time.Second || took > 21*time.Second {
			t.Errorf("%+v, %v after %v", sum, err, took)
		}
	})
}

// Where what was to come is gone in the middle of a pause, that ends soon.
func TestPaceLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &greedy{speed: 10_000, left: 1000, slow: time.Millisecond, seen: time.Now()}
		sum, err := Pace{Rate: 1, Through: 1, Progress: func(int, int) {
			if len(g.pauses) == 2 {
				g.left = 0
			}
		}}.run(t.Context(), g)
		if left := time.Until(g.until); err != nil || len(g.pauses) < 3 || left > pauseEnds || !sum.Paused.IsZero() {
			t.Errorf("%+v, %v, %d pauses, %v are left", sum, err, len(g.pauses), left)
		}
	})
}

// readAll is a service that takes as fast as it can, and notes the order.
func (m *team) readAll(consumer string) (got func() []uint64) {
	m.t.Helper()
	c, err := m.js.Consumer(m.t.Context(), jetstream.Payments, consumer)
	if err != nil {
		m.t.Fatal(err)
	}
	var mu sync.Mutex
	var all []uint64
	reading, err := c.Consume(func(msg natsjs.Msg) {
		meta, err := msg.Metadata()
		if err == nil {
			err = msg.Ack()
		}
		if err != nil {
			m.t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, meta.Sequence.Stream)
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { reading.Stop(); <-reading.Closed() })
	return func() []uint64 { mu.Lock(); defer mu.Unlock(); return all }
}

// observed notes what the server says at each look.
type observed struct {
	*pausableConsumer
	looks  []paceLooked
	pauses int
}

func (o *observed) look(ctx context.Context) (paceLooked, error) {
	l, err := o.pausableConsumer.look(ctx)
	o.looks = append(o.looks, l)
	return l, err
}

func (o *observed) pause(ctx context.Context, until time.Time) error {
	o.pauses++
	return o.pausableConsumer.pause(ctx, until)
}

// observe makes a redelivery of some events at a rate, to a service that takes all it can, and
// paces it.
func (m *team) observe(r Redeliver, n int) (o *observed, applied time.Time, got func() []uint64) {
	m.t.Helper()
	for i := range n {
		publish(m.t, m.js, aPayment("pik", fmt.Sprint(i)), event.Structured)
	}
	m.take("ledger", n)
	p := m.plan(r)
	own := m.readAll("ledger") // it waits already
	consumer, err := m.js.Consumer(m.t.Context(), jetstream.Payments, "ledger")
	if err != nil {
		m.t.Fatal(err)
	}
	applied = consumer.CachedInfo().TimeStamp
	if err := r.Apply(m.t.Context(), m.js, p); err != nil {
		m.t.Fatal(err)
	}
	if got := own(); len(got) > 0 {
		m.t.Errorf("%d came before anybody paced them", len(got))
	}
	if got = own; p.Way == Beside {
		got = m.readAll(p.Name())
	}
	if consumer, err = m.js.Consumer(m.t.Context(), jetstream.Payments, p.Name()); err != nil {
		m.t.Fatal(err)
	}
	pace := r.Pace(p)
	o = &observed{pausableConsumer: &pausableConsumer{m.js, consumer}}
	run := pace.run
	if pace.Through == 0 {
		run = pace.watch
	}
	if sum, err := run(m.t.Context(), o); err != nil || sum.Given > n {
		m.t.Fatalf("%+v, %v", sum, err)
	}
	waitFor(m.t, func() bool { return len(got()) == n })
	return o, applied, got
}

// TestRedeliverRewindsAtARate says of a real server and a service that takes all it can, that
// whenever its consumer was given more, what it had been given before was within the rate,
// by the server's clock.
func TestRedeliverRewindsAtARate(t *testing.T) {
	t.Parallel()
	m := newTeam(t, Team{Name: "ledger", Filter: "payments.>"})
	const n, rate = 3000, 3000
	o, _, got := m.observe(Redeliver{Consumer: "ledger", Rate: rate}, n)
	first := o.looks[0]
	for i, l := range o.looks[1:] {
		had := o.looks[i].given - first.given
		allowed := (l.at.Sub(first.at) + paceCredit + pauseLeast).Seconds() * rate
		if l.given > o.looks[i].given && float64(had) > allowed {
			t.Errorf("after %v it had been given %d, and got %d more; %.0f were allowed", l.at.Sub(first.at), had, l.given-o.looks[i].given, allowed)
		}
	}
	if o.pauses < 3 {
		t.Errorf("%d pauses", o.pauses)
	}
	if info, err := o.consumer.Info(t.Context()); err != nil || info.PauseRemaining > pauseEnds {
		t.Errorf("in the end it is paused for %v, %v", info.PauseRemaining, err)
	}
	m.publish("pik", "new")
	waitFor(t, func() bool { return len(got()) == n+1 })
}

// TestRedeliverBesideAtARate says the same of a consumer beside, whose events the server
// itself gives back one after the other.
func TestRedeliverBesideAtARate(t *testing.T) {
	t.Parallel()
	m := newTeam(t, Team{Name: "ledger", Filter: "payments.>"})
	const n, rate = 300, 200
	o, applied, got := m.observe(Redeliver{Consumer: "ledger", Select: RedeliverySelection{To: n}, Rate: rate}, n)
	first := o.looks[0].given
	for _, l := range o.looks {
		if allowed := (l.at.Sub(applied) + giveBackTick).Seconds() * rate; float64(l.given-first) > allowed {
			t.Errorf("%v after the beginning it was given %d, and %.0f were allowed", l.at.Sub(applied), l.given-first, allowed)
		}
	}
	if o.pauses != 0 || len(o.looks) < 4 || !slices.IsSorted(got()) {
		t.Errorf("%d pauses, %d looks; %v", o.pauses, len(o.looks), got())
	}
}

// TestRedeliverBesideAtARateSurvivesARestart says that a server which was started again
// still gives back the events, and no earlier.
func TestRedeliverBesideAtARateSurvivesARestart(t *testing.T) {
	t.Parallel()
	m := newTeam(t, Team{Name: "ledger", Filter: "payments.>"})
	const n, rate = 30, 10
	for i := range n {
		publish(t, m.js, aPayment("pik", fmt.Sprint(i)), event.Structured)
	}
	m.take("ledger", n)
	p := m.redeliver(Redeliver{Consumer: "ledger", Select: RedeliverySelection{To: n}, Rate: rate})
	began := m.beside().TimeStamp
	m.server.Restart(t)
	m.js = m.server.JetStream(t)
	got := m.readAll(p.Name())
	waitFor(t, func() bool {
		count := len(got())
		// The server keeps such times to the second.
		if allowed := (m.beside().TimeStamp.Sub(began) + time.Second + giveBackTick).Seconds() * rate; float64(count) > allowed {
			t.Errorf("%d came, and %.0f were allowed", count, allowed)
		}
		// What was given back before, and not taken, comes when its wait for an ack is over.
		return count >= n-1
	})
}

// TestGiveBack says when the events come.
func TestGiveBack(t *testing.T) {
	for _, test := range []struct {
		number, rate int
		want         time.Duration
	}{{99, 0, 0}, {0, 7, 0}, {9, 100, 0}, {10, 100, 100 * time.Millisecond}, {100, 100, time.Second}, {7, 1, 7 * time.Second}, {100_000, 1, 100_000 * time.Second}} {
		if got := giveBack(test.number, test.rate); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// TestRedeliverPaceDies says that a consumer whose pacer is gone goes on by itself when its
// pause ends, and that another pacer can take it over until the same end.
func TestRedeliverPaceDies(t *testing.T) {
	m := newTeam(t, Team{Name: "ledger", Filter: "payments.>"})
	const n = 2000
	for i := range n {
		publish(t, m.js, aPayment("pik", fmt.Sprint(i)), event.Structured)
	}
	m.take("ledger", n)
	r := Redeliver{Consumer: "ledger", Rate: 500}
	p := m.redeliver(r)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pace := r.Pace(p)
	var got func() []uint64
	pace.Progress = func(done, total int) {
		if total != n {
			t.Errorf("%d of %d", done, total)
		}
		// The service comes only once somebody paces it: on a machine that is slow enough the
		// first pause would be over before, and everything given.
		if got == nil {
			got = m.readAll("ledger")
		}
		if done > 0 {
			cancel()
		}
	}
	sum, err := pace.Run(ctx, m.js)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%+v, %v", sum, err)
	}
	again := Pace{Consumer: "ledger", Rate: 10_000, Through: p.Through}
	if sum, err := again.Run(t.Context(), m.js); err != nil || sum.Given > n {
		t.Errorf("taken over: %+v, %v", sum, err)
	}
	waitFor(t, func() bool { return len(got()) == n })

	// Of one that dies at once there is the first pause alone.
	m.redeliver(Redeliver{Consumer: "ledger", Rate: 1, Force: true})
	c, err := m.js.Consumer(t.Context(), jetstream.Payments, "ledger")
	if err != nil {
		t.Fatal(err)
	}
	info := c.CachedInfo()
	if !info.Paused || info.PauseRemaining > pauseMost || info.PauseRemaining <= 0 {
		t.Errorf("paused %v for %v", info.Paused, info.PauseRemaining)
	}
	// The server ends it; the test does not wait so long.
	if _, err := m.js.PauseConsumer(t.Context(), jetstream.Payments, "ledger", info.TimeStamp.Add(50*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(got()) == 2*n })
}
