package operate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/event"
)

// team is a bus with a team's consumer, and what its service does.
type team struct {
	t      *testing.T
	server *jetstreamtest.Server
	js     natsjs.JetStream
}

func newTeam(t *testing.T, of Team) *team {
	t.Helper()
	server := jetstreamtest.Start(t)
	m := &team{t, server, server.JetStream(t)}
	if err := of.Add(t.Context(), m.js); err != nil {
		t.Fatal(err)
	}
	return m
}

// publish stores events of payments of a source.
func (m *team) publish(source string, payments ...string) {
	m.t.Helper()
	for _, payment := range payments {
		publish(m.t, m.js, aPayment(source, payment), event.Structured)
	}
}

// take is the stream sequences of what a consumer gets at once, up to n, acknowledged.
func (m *team) take(consumer string, n int) (got []uint64) {
	m.t.Helper()
	c, err := m.js.Consumer(m.t.Context(), jetstream.Payments, consumer)
	if err != nil {
		m.t.Fatal(err)
	}
	for len(got) < n {
		msg, err := c.Next(natsjs.FetchMaxWait(10 * time.Second))
		if err != nil {
			m.t.Fatalf("after %v: %v", got, err)
		}
		if _, err := event.Decode(msg.Headers(), msg.Data()); err != nil {
			m.t.Errorf("it got what is no event: %v", err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			m.t.Fatal(err)
		}
		if err := msg.DoubleAck(m.t.Context()); err != nil {
			m.t.Fatal(err)
		}
		got = append(got, meta.Sequence.Stream)
	}
	return got
}

// empty demands that a consumer has nothing to give, now or later.
func (m *team) empty(consumer string) {
	m.t.Helper()
	lag, err := ReadLag(m.t.Context(), m.js, jetstream.Payments, consumer)
	if err != nil || lag == nil || lag.Pending != 0 || lag.InHand != 0 {
		m.t.Errorf("%s: %+v, %v", consumer, lag, err)
	}
}

func (m *team) plan(r Redeliver) *Redelivery {
	m.t.Helper()
	p, err := r.Plan(m.t.Context(), m.js)
	if err != nil {
		m.t.Fatal(err)
	}
	return p
}

func (m *team) redeliver(r Redeliver) *Redelivery {
	m.t.Helper()
	p := m.plan(r)
	if err := r.Apply(m.t.Context(), m.js, p); err != nil {
		m.t.Fatal(err)
	}
	return p
}

// last is the last sequence of each stream: it must not move.
func (m *team) last() (sequences [3]uint64) {
	m.t.Helper()
	for i, name := range []string{jetstream.Webhooks, jetstream.Payments, jetstream.DeadLetters} {
		s, err := m.js.Stream(m.t.Context(), name)
		if err != nil {
			m.t.Fatal(err)
		}
		sequences[i] = s.CachedInfo().State.LastSeq
	}
	return sequences
}

// TestRedeliverRewinds: all from a moment on comes again through the consumer itself, and
// then it goes on; nothing is published.
func TestRedeliverRewinds(t *testing.T) {
	m := newTeam(t, Team{Name: "ledger", Filter: "payments.pik.>"})
	m.publish("pik", "a", "b")
	m.publish("picpay", "x")
	m.publish("pik", "c")
	m.take("ledger", 3)
	m.publish("pik", "d")
	before := m.last()

	r := Redeliver{Consumer: "ledger", Select: RedeliverySelection{From: 2}}
	p := m.plan(r)
	if p.Way != Rewind || p.Chosen != 2 || p.Comes != 2 || p.First != 2 || p.Last != 4 || p.Waiting != 1 || p.NotOwn != 1 || p.Obstacle != "" {
		t.Errorf("the plan is %+v", p)
	}
	if want := []RedeliveryGroup{{"pik payin confirmed", 2}}; !slices.Equal(p.Groups, want) {
		t.Errorf("groups %v, want %v", p.Groups, want)
	}
	if lag, err := ReadLag(t.Context(), m.js, jetstream.Payments, "ledger"); err != nil || lag.Pending != 1 {
		t.Errorf("the plan has changed it: %+v, %v", lag, err)
	}
	m.redeliver(r)
	if got := m.take("ledger", 3); !slices.Equal(got, []uint64{2, 4, 5}) {
		t.Errorf("again came %v", got)
	}
	m.empty("ledger")
	if m.last() != before {
		t.Errorf("the streams were %v, are %v", before, m.last())
	}
	if names := m.consumers(); !slices.Equal(names, []string{"ledger"}) {
		t.Errorf("consumers %v", names)
	}
}

func (m *team) consumers() (names []string) {
	m.t.Helper()
	lags, err := Teams(m.t.Context(), m.js)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, lag := range lags {
		names = append(names, lag.Name)
	}
	return names
}

// TestRedeliverBeside: a part comes through a consumer beside, which holds exactly that
// whatever is published meanwhile; the team's own consumer stays where it is.
func TestRedeliverBeside(t *testing.T) {
	for name, test := range map[string]struct {
		of   RedeliverySelection
		want []uint64
	}{
		"a payment":   {RedeliverySelection{ID: "b"}, []uint64{2, 4}},
		"a range":     {RedeliverySelection{From: 2, To: 3}, []uint64{2, 3}},
		"a source":    {RedeliverySelection{Source: "picpay"}, []uint64{3}},
		"a type":      {RedeliverySelection{Type: "payment.paid", To: 5}, []uint64{1, 2, 3, 4, 5}},
		"another one": {RedeliverySelection{Source: "pik", ID: "c", Since: time.Now().Add(-time.Hour)}, []uint64{5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newTeam(t, Team{Name: "ledger", Filter: "payments.>"})
			m.publish("pik", "a", "b")
			m.publish("picpay", "x")
			m.again("pik", "b")
			m.publish("pik", "c", "d")
			m.take("ledger", 6)
			m.publish("pik", "e")
			before := m.last()

			r := Redeliver{Consumer: "ledger", Select: test.of}
			p := m.redeliver(r)
			if p.Way != Beside || p.Chosen != len(test.want) || p.Comes != p.Chosen {
				t.Errorf("the plan is %+v", p)
			}
			if again := m.plan(r); !strings.Contains(again.Obstacle, "still holds") {
				t.Errorf("a second plan: %+v", again)
			}
			m.publish("pik", "f")
			got := m.take("ledger-replay", len(test.want))
			if slices.Sort(got); !slices.Equal(got, test.want) {
				t.Errorf("again came %v, want %v", got, test.want)
			}
			m.publish("pik", "g")
			m.empty("ledger-replay")
			if got := m.take("ledger", 3); !slices.Equal(got, []uint64{7, 8, 9}) {
				t.Errorf("its own consumer got %v", got)
			}
			if now := m.last(); now[0] != before[0] || now[1] != before[1]+2 || now[2] != before[2] {
				t.Errorf("the streams were %v, are %v", before, now)
			}
			if again := m.plan(r); again.Obstacle != "" {
				t.Errorf("once it is empty: %+v", again)
			}
		})
	}
}

// What a consumer beside holds, it holds over a restart of the server.
func TestRedeliverBesideSurvivesARestart(t *testing.T) {
	m := newTeam(t, Team{Name: "ledger", Filter: "payments.>"})
	m.publish("pik", "a", "b", "c")
	m.take("ledger", 3)
	p := m.redeliver(Redeliver{Consumer: "ledger", Select: RedeliverySelection{ID: "b"}})
	c, err := m.js.Consumer(t.Context(), jetstream.Payments, p.Name())
	if err != nil {
		t.Fatal(err)
	}
	// After a restart it comes when the wait for its ack is over: not half a minute here.
	impatient := c.CachedInfo().Config
	impatient.AckWait = 200 * time.Millisecond
	if _, err := m.js.UpdateConsumer(t.Context(), jetstream.Payments, impatient); err != nil {
		t.Fatal(err)
	}
	m.server.Restart(t)
	m.js = m.server.JetStream(t)
	m.publish("pik", "d")
	if got := m.take(p.Name(), 1); !slices.Equal(got, []uint64{2}) {
		t.Errorf("again came %v", got)
	}
	m.empty(p.Name())
}

// again stores another event of a payment.
func (m *team) again(source, payment string) {
	m.t.Helper()
	e := aPayment(source, payment)
	e.ID += "-again"
	publish(m.t, m.js, e, event.Structured)
}

// One that was left half made is made anew; more than one batch is filled.
func TestRedeliverBesideIsMadeAnew(t *testing.T) {
	m := newTeam(t, Team{Name: "ledger", Filter: "payments.>"})
	const n = besideBatch + 100
	for i := range n {
		publish(t, m.js, aPayment("pik", fmt.Sprint(i)), event.Structured)
	}
	m.take("ledger", n)
	_, err := m.js.CreateConsumer(t.Context(), jetstream.Payments, natsjs.ConsumerConfig{
		Durable: "ledger-replay", AckPolicy: natsjs.AckExplicitPolicy, HeadersOnly: true,
		Metadata: map[string]string{replayOf: "ledger", replayState: filling},
	})
	if err != nil {
		t.Fatal(err)
	}
	// While it is young it is another's work, whatever is said.
	r := Redeliver{Consumer: "ledger", Select: RedeliverySelection{To: n - 2}, Force: true}
	if p := m.plan(r); p.Obstacle != "ledger-replay is being filled by another replay" {
		t.Errorf("%+v", p)
	}
	if lag, err := ReadLag(t.Context(), m.js, jetstream.Payments, "ledger-replay"); err != nil || !lag.Filling {
		t.Errorf("it is not marked: %+v, %v", lag, err)
	}
	r.young = time.Nanosecond
	p := m.redeliver(r)
	if p.Chosen != n-2 {
		t.Errorf("%+v", p)
	}
	if got := m.take("ledger-replay", n-2); len(got) != n-2 {
		t.Errorf("%d came again", len(got))
	}
	m.empty("ledger-replay")
}

// TestRedeliverRefuses says what is in the way, before and when it is done.
func TestRedeliverRefuses(t *testing.T) {
	m := newTeam(t, Team{Name: "ledger", Filter: "payments.pik.>"})
	if err := (Team{Name: "fraud", Filter: "payments.>", New: true}).Add(t.Context(), m.js); err != nil {
		t.Fatal(err)
	}
	m.publish("pik", "a", "b")
	m.take("ledger", 1)
	m.take("fraud", 2)
	c, err := m.js.Consumer(t.Context(), jetstream.Payments, "ledger")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(natsjs.FetchMaxWait(10 * time.Second)); err != nil { // taken, and not acknowledged
		t.Fatal(err)
	}
	for _, test := range []struct {
		r    Redeliver
		want string
	}{
		{Redeliver{Consumer: "ledger"}, "1 events in hand"},
		{Redeliver{Consumer: "ledger", Force: true}, ""},
		{Redeliver{Consumer: "ledger", Way: Beside}, ""},
		{Redeliver{Consumer: "fraud"}, "begins with what is new"},
		{Redeliver{Consumer: "ledger", Select: RedeliverySelection{Source: "picpay"}}, "nothing of the selection"},
	} {
		p := m.plan(test.r)
		if (p.Obstacle == "") != (test.want == "") || !strings.Contains(p.Obstacle, test.want) {
			t.Errorf("%+v: %s, want %s", test.r, p.Obstacle, test.want)
		}
		if test.want != "" {
			if err := test.r.Apply(t.Context(), m.js, p); err == nil {
				t.Errorf("%+v: was done", test.r)
			}
		}
	}
	for _, name := range []string{jetstream.Normalizer, "nobody", "a.b"} {
		if _, err := (Redeliver{Consumer: name}).Plan(t.Context(), m.js); err == nil {
			t.Errorf("%s: there is a plan", name)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		filter, subject string
		want            bool
	}{
		{"payments.>", "payments.a.b.c.d", true},
		{"payments.*.payin.confirmed.>", "payments.pik.payin.confirmed.payment.confirmed", true},
		{"payments.*.payin.confirmed.>", "payments.pik.payin.failed.payment.confirmed", false},
		{"payments.*.*.*.payment.confirmed", "payments.pik.payin.confirmed.payment.confirmed", true},
		{"payments.*.*.*.payment.confirmed", "payments.pik.payin.confirmed.payment", false},
		{"payments.*.*.*.payment", "payments.pik.payin.confirmed.payment.confirmed", false},
		{"payments.pik.>", "payments.pik", false},
		{"payments.pik.>", "payments.pikx.a.b.c", false},
	} {
		if got := matches(test.filter, test.subject); got != test.want {
			t.Errorf("%s and %s: %v", test.filter, test.subject, got)
		}
	}
}
