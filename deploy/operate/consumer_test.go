package operate

import (
	"slices"
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
