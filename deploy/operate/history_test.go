package operate

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
)

// told is a history in a few words.
func (r *rig) told(h History) []string {
	r.t.Helper()
	h.Programs = r.programs
	steps, err := h.Read(r.t.Context(), r.js)
	if err != nil {
		r.t.Fatal(err)
	}
	var words []string
	for i, s := range steps {
		words = append(words, fmt.Sprint(s.What, " ", s.Sequence))
		if i > 0 && s.Stored.Before(steps[i-1].Stored) {
			r.t.Errorf("%v are not in the order of time", words)
		}
		if d := s.Delivery; d != nil && (d.MessageID == "" || d.RequestID != "R1" || d.ReceivedAt.IsZero() || d.Bytes == 0 || d.Scheme != "hmac") {
			r.t.Errorf("a delivery is told as %+v", d)
		}
		if s.DeadLetter != nil && s.DeadLetter.Body != nil {
			r.t.Error("a history tells of bodies")
		}
	}
	return words
}

// TestHistory says what belongs to a payment: its deliveries, also those that became
// nothing new, its events, and its dead letters.
func TestHistory(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))  // becomes an event
	r.receive(pikBody("evt_2", "txn_10")) // of another payment, whose id holds the first's
	r.normalize(all)
	r.normalize(all)
	r.receive(pikBody("evt_1", "txn_1") + " ") // the same event with other bytes: a duplicate
	r.normalize(none)
	mend := r.broken("pik", faulty{breaks: fails(delivery.MappingFailed)})
	r.receive(pikBody("evt_3", "txn_1"))
	r.normalize(all)
	mend()
	r.receive(`{"transaction_id":"txn_1",`) // unreadable, and names it
	r.normalize(all)
	r.receive(`{"transaction_id":"txn_17",`)
	r.normalize(all)
	r.receive(`{"event":"x","id":"e","data":{"transaction_id":"txn_5"},"note":"txn_1"}`) // readable, and of another
	r.normalize(all)

	want := []string{"delivery 1", "event 1", "delivery 3", "delivery 4", "dead_letter 1", "delivery 5", "dead_letter 2"}
	if got := r.told(History{ID: "txn_1"}); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := r.told(History{ID: "txn_1", Source: "pik", Filter: "payments.pik.>"}); !slices.Equal(got, want) {
		t.Errorf("of its source: %v", got)
	}
	if got := r.told(History{ID: "txn_1", Source: "picpay", Filter: "payments.picpay.>"}); len(got) != 0 {
		t.Errorf("of another: %v", got)
	}
	for _, id := range []string{"nothing", "txn"} {
		if got := r.told(History{ID: id}); len(got) != 0 {
			t.Errorf("%s: %v", id, got)
		}
	}
	if got := r.told(History{ID: "txn_1", Since: time.Now().Add(time.Hour)}); len(got) != 0 {
		t.Errorf("later: %v", got)
	}
}

// TestHistoryWithoutDeliveries says that events and dead letters are told of longer than
// their deliveries are kept, and that a delivery of an event is found however old it is.
func TestHistoryWithoutDeliveries(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))
	moment := time.Now()
	r.normalize(all)
	if got := r.told(History{ID: "txn_1", Since: moment}); !slices.Equal(got, []string{"delivery 1", "event 1"}) {
		t.Errorf("since then: %v", got)
	}
	r.receive(`{"transaction_id":"txn_1",`)
	r.normalize(all)
	if err := r.js.DeleteStream(t.Context(), jetstream.Webhooks); err != nil {
		t.Fatal(err)
	}
	if _, err := jetstream.Apply(t.Context(), r.js, r.streams); err != nil {
		t.Fatal(err)
	}
	if got := r.told(History{ID: "txn_1"}); !slices.Equal(got, []string{"event 1", "dead_letter 1"}) {
		t.Errorf("got %v", got)
	}
}

func TestNames(t *testing.T) {
	for body, want := range map[string]bool{
		`{"id":"17"}`: true, `{"id":17}`: true, `17`: true, `{"id":"1705"}`: false, `"x-17"`: false, `"170","17"`: true, ``: false,
	} {
		if got := names(body, "17"); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
	if names("17", "") {
		t.Error("everything holds nothing")
	}
}
