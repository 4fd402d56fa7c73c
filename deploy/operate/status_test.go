package operate

import (
	"strings"
	"testing"
	"time"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestStatus says what one screen shows after some work.
func TestStatus(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))
	r.receive(pikBody("evt_2", "txn_2"))
	r.receive(`{`)
	r.store(r.delivery("gocardless", "hmac", batchBody("EV1", "EV2")))
	for range 3 {
		r.normalize(all)
	}
	status, err := ReadStatus(t.Context(), r.js, time.Now(), RateWindow)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint64{4, 2, 1} {
		if s := status.Streams[i]; s.Messages != want || s.MaxBytes <= 0 || s.First.IsZero() || s.Last.Before(s.First) {
			t.Errorf("%+v, want %d messages", s, want)
		}
	}
	if n := status.Normalizer; n == nil || n.Pending != 1 || n.AckFloor != 3 || n.InHand != 0 {
		t.Errorf("normalizer %+v", n)
	}
	if len(status.Sources) != 2 || status.Sources[0].Name != "gocardless" || status.Sources[0].Deliveries != 1 || status.Sources[0].Events != 0 {
		t.Fatalf("sources %+v", status.Sources)
	}
	pik := status.Sources[1]
	if pik.Deliveries != 3 || pik.Events != 2 || pik.DeadLetters["malformed_json"] != 1 || pik.NewDead != 1 || pik.Waiting != 0 || !pik.Oldest.IsZero() {
		t.Errorf("pik %+v", pik)
	}
	// Everything was stored within the minute.
	if status.Streams[0].Rate != 4/60. || pik.DeliveryRate != 3/60. || pik.EventRate != 2/60. || pik.Last.IsZero() {
		t.Errorf("rates %+v, pik %+v", status.Streams[0], pik)
	}
	last := status.Sources[0]
	if last.Waiting != 1 || !last.Oldest.Equal(status.Oldest) || !last.Oldest.Equal(status.Streams[0].Last) || !last.Last.Equal(last.Oldest) {
		t.Errorf("gocardless %+v, oldest %v", last, status.Oldest)
	}
	// In a window after them, none was.
	status, err = ReadStatus(t.Context(), r.js, time.Now(), time.Nanosecond)
	if err != nil || status.Streams[0].Rate != 0 || status.Sources[1].DeliveryRate != 0 || status.Sources[1].NewDead != 0 || status.Sources[0].Waiting != 1 {
		t.Errorf("got %+v, %v", status, err)
	}
}

// TestStatusCountsUnknown says that events whose type no rule maps stand out: a pack
// that maps nothing has no dead letters either.
func TestStatusCountsUnknown(t *testing.T) {
	r := newRig(t)
	r.receive(pikBody("evt_1", "txn_1"))
	r.receive(strings.ReplaceAll(pikBody("evt_2", "txn_2"), "payment.confirmed", "wallet.reshuffled"))
	r.normalize(all)
	r.normalize(all)
	status, err := ReadStatus(t.Context(), r.js, time.Now(), RateWindow)
	if err != nil {
		t.Fatal(err)
	}
	if pik := status.Sources[0]; pik.Events != 2 || pik.Unknown != 1 || len(pik.DeadLetters) != 0 {
		t.Errorf("pik %+v", pik)
	}
}

func TestStatusOfNothing(t *testing.T) {
	r := newRig(t)
	if err := r.js.DeleteConsumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer); err != nil {
		t.Fatal(err)
	}
	status, err := ReadStatus(t.Context(), r.js, time.Now(), RateWindow)
	if err != nil || status.Normalizer != nil || len(status.Sources) != 0 || !status.Streams[0].First.IsZero() {
		t.Errorf("got %+v, %v", status, err)
	}
	_, err = ReadStatus(t.Context(), jetstreamtest.Start(t, jetstreamtest.Bare()).JetStream(t), time.Now(), RateWindow)
	checkAdvice(t, err, "WEBHOOKS does not exist", "streams apply")
}
