package main

import (
	"strings"
	"testing"
	"time"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestAgreedToWhatWasShown says that a plan is not carried out on a bus that has changed
// while somebody thought about it.
func TestAgreedToWhatWasShown(t *testing.T) {
	server := jetstreamtest.Start(t)
	js := server.JetStream(t)
	wanted := server.Streams
	wanted.Payments.MaxAge += time.Hour
	plan, err := jetstream.Preview(t.Context(), js, wanted)
	if err != nil || !anyChange(plan) {
		t.Fatalf("%v, %v", plan, err)
	}
	if err := stillSo(t.Context(), js, wanted, plan); err != nil {
		t.Errorf("nothing has changed: %v", err)
	}
	between := server.Streams
	between.Payments.MaxAge += time.Minute
	if _, err := jetstream.Apply(t.Context(), js, between); err != nil {
		t.Fatal(err)
	}
	if err := stillSo(t.Context(), js, wanted, plan); err == nil || !strings.Contains(err.Error(), "has changed since it was shown") {
		t.Errorf("%v", err)
	}
}

// TestShortChanges says that a log line names what is changed, and nothing else.
func TestShortChanges(t *testing.T) {
	got := strings.Join(shortChanges([]jetstream.Change{
		{Name: "WEBHOOKS", Action: jetstream.Unchanged},
		{Name: "PAYMENTS", Action: jetstream.Updated, Changed: []jetstream.Drift{
			{Name: "PAYMENTS", Field: "max_age", Have: "90d", Want: "100d"}, {Name: "PAYMENTS", Field: "num_replicas", Have: "1", Want: "3"},
		}},
		{Name: "WEBHOOKS/normalizer", Action: jetstream.Created, Start: 17, Changed: []jetstream.Drift{{Field: "ack_wait"}}},
	}), "; ")
	if want := "PAYMENTS max_age: 90d → 100d; PAYMENTS num_replicas: 1 → 3; WEBHOOKS/normalizer created, reads from sequence 17"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
