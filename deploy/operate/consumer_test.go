package operate

import (
	"slices"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/event"
)

// TestTeamIsNotTheNormalizer says that nobody takes the bridge's own name: two consumers
// that are called alike are told apart by nobody.
func TestTeamIsNotTheNormalizer(t *testing.T) {
	r := newRig(t)
	err := Team{Name: jetstream.Normalizer, Filter: "payments.>"}.Add(t.Context(), r.js)
	checkAdvice(t, err, "the bridge's own name", "choose another")
	if lags, err := Teams(t.Context(), r.js); len(lags) != 0 || err != nil {
		t.Errorf("got %+v, %v", lags, err)
	}
}

// TestTeamReads says that a team's consumer gets what its filter and its beginning
// say, and remembers where it was.
func TestTeamReads(t *testing.T) {
	r := newRig(t)
	publish(t, r.js, aPayment("pik", "old"), event.Structured)
	publish(t, r.js, aPayment("bidali", "old"), event.Structured)
	for _, test := range []struct {
		team Team
		want uint64
	}{
		{Team{Name: "everything", Filter: "payments.>"}, 3},
		{Team{Name: "one-source", Filter: "payments.pik.>"}, 2},
		{Team{Name: "later", Filter: "payments.>", New: true}, 1},
		{Team{Name: "since", Filter: "payments.>", Since: time.Now().Add(-time.Hour)}, 3},
	} {
		if err := test.team.Add(t.Context(), r.js); err != nil {
			t.Fatal(err)
		}
		if err := test.team.Add(t.Context(), r.js); err != nil {
			t.Errorf("%s: the same again: %v", test.team.Name, err)
		}
	}
	publish(t, r.js, aPayment("pik", "new"), event.Structured)
	// The server counts for the consumers a moment after the PubAck.
	waitFor(t, func() bool {
		lags, err := Teams(t.Context(), r.js)
		if err != nil || len(lags) != 4 {
			t.Fatalf("got %+v, %v", lags, err)
		}
		return slices.EqualFunc(lags, []Lag{
			{Name: "everything", Pending: 3}, {Name: "later", Pending: 1}, {Name: "one-source", Pending: 2}, {Name: "since", Pending: 3},
		}, func(got, want Lag) bool { return got.Name == want.Name && got.Pending == want.Pending })
	})
	consumer, err := r.js.Consumer(t.Context(), jetstream.Payments, "one-source")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := consumer.Next(natsjs.FetchMaxWait(5 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	lag, err := ReadLag(t.Context(), r.js, jetstream.Payments, "one-source")
	if err != nil || lag.Pending != 1 || lag.InHand != 1 || lag.Filter != "payments.pik.>" {
		t.Errorf("one in hand: %+v, %v", lag, err)
	}
	if err := msg.DoubleAck(t.Context()); err != nil {
		t.Fatal(err)
	}
	if lag, err = ReadLag(t.Context(), r.js, jetstream.Payments, "one-source"); err != nil || lag.InHand != 0 {
		t.Errorf("acknowledged: %+v, %v", lag, err)
	}
}

func TestTeamMistakes(t *testing.T) {
	r := newRig(t)
	team := Team{Name: "ledger", Filter: "payments.>"}
	if err := team.Add(t.Context(), r.js); err != nil {
		t.Fatal(err)
	}
	team.Filter = "payments.pik.>"
	checkAdvice(t, team.Add(t.Context(), r.js), "is there already", "consumer show ledger")
	checkAdvice(t, Team{Name: "a b", Filter: "payments.>"}.Add(t.Context(), r.js), "a name is", "")
	checkAdvice(t, RemoveTeam(t.Context(), r.js, "nobody"), "does not exist", "consumer list")
	if err := RemoveTeam(t.Context(), r.js, "ledger"); err != nil {
		t.Error(err)
	}
	if lag, err := ReadLag(t.Context(), r.js, jetstream.Payments, "ledger"); lag != nil || err != nil {
		t.Errorf("after removal: %+v, %v", lag, err)
	}
}

// TestTeamPlan says that a plan counts what would come, changes nothing, and names each
// setting that another consumer of that name has.
func TestTeamPlan(t *testing.T) {
	r := newRig(t)
	early := Team{Name: "early", Filter: "payments.>"}
	if plan, err := early.Plan(t.Context(), r.js); err != nil || plan.Waiting != 0 {
		t.Errorf("of an empty stream: %+v, %v", plan, err)
	}
	publish(t, r.js, aPayment("pik", "one"), event.Structured)
	publish(t, r.js, aPayment("bidali", "two"), event.Structured)
	for _, test := range []struct {
		team   Team
		begins string
		want   uint64
	}{
		{Team{Name: "all", Filter: "payments.>"}, "with everything that is stored", 2},
		{Team{Name: "one-source", Filter: "payments.pik.>"}, "with everything that is stored", 1},
		{Team{Name: "later", Filter: "payments.>", New: true}, "with what is stored from now on", 0},
		{Team{Name: "since", Filter: "payments.>", Since: time.Now().Add(-time.Hour)}, "with what was stored since ", 2},
		{Team{Name: "since-now", Filter: "payments.>", Since: time.Now().Add(time.Hour)}, "with what was stored since ", 0},
	} {
		plan, err := test.team.Plan(t.Context(), r.js)
		if err != nil || plan.Action != jetstream.Created || plan.Waiting != test.want || !strings.Contains(plan.String(), test.begins) {
			t.Errorf("%s: %+v, %v", test.team.Name, plan, err)
		}
		if lags, err := Teams(t.Context(), r.js); len(lags) != 0 || err != nil {
			t.Fatalf("%s: a plan has made %+v, %v", test.team.Name, lags, err)
		}
	}
	team := Team{Name: "ledger", Filter: "payments.pik.>"}
	if err := team.Add(t.Context(), r.js); err != nil {
		t.Fatal(err)
	}
	if plan, err := team.Plan(t.Context(), r.js); err != nil || plan.Action != jetstream.Unchanged || len(plan.Changed) > 0 || plan.Waiting != 1 {
		t.Errorf("the same again: %+v, %v", plan, err)
	}
	_, err := Team{Name: "ledger", Filter: "payments.>", New: true}.Plan(t.Context(), r.js)
	checkAdvice(t, err, "with other settings: filter is payments.pik.>, not payments.>; begins is with everything that is stored, not with what is stored from now on", "choose another name")
	_, err = r.js.CreatePushConsumer(t.Context(), jetstream.Payments, natsjs.ConsumerConfig{Durable: "pushed", DeliverSubject: "there"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Team{Name: "pushed", Filter: "payments.>"}.Plan(t.Context(), r.js)
	checkAdvice(t, err, "it is a push consumer", "choose another name")
}
