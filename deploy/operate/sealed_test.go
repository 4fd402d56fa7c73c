package operate

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
)

// TestRestoreWithoutTheSealKeys says that deliveries which nobody could open are not
// restored, before anything is touched; and which keys are right.
func TestRestoreWithoutTheSealKeys(t *testing.T) {
	r := newRig(t)
	r.fill()
	// A forged one names the same key, and a later one another key.
	if _, err := r.js.PublishMsg(t.Context(), forged(r)); err != nil {
		t.Fatal(err)
	}
	second, err := delivery.NewKey("k2", "the-second-of-two-keys")
	if err != nil {
		t.Fatal(err)
	}
	first := r.seals
	r.seals = delivery.Keys{second}
	r.receive(pikBody("evt_second", "txn_second"))
	dir := r.backup()

	made, err := delivery.NewKey("k1", "a-key-that-was-made-just-now")
	if err != nil {
		t.Fatal(err)
	}
	js := r.bare()
	for _, test := range []struct {
		name string
		keys delivery.Keys
		want string
	}{
		{"none", delivery.Keys{}, "6 deliveries of WEBHOOKS, 1 to 6, name the seal key k1"},
		{"another of that name", delivery.Keys{made, second}, "name the seal key k1, and no seal key here opens them"},
		{"one of two", first, "1 deliveries of WEBHOOKS, 7 to 7, name the seal key k2"},
	} {
		_, err := restore(t.Context(), js, Restore{Dir: dir, Seals: test.keys})
		checkAdvice(t, err, test.want, "put the old DATA/secrets")
		if _, err := js.Stream(t.Context(), jetstream.DeadLetters); err == nil {
			t.Fatalf("%s: it was restored in part", test.name)
		}
	}
	if steps, err := restore(t.Context(), js, Restore{Dir: dir, Seals: delivery.Keys{}, Streams: []string{jetstream.Payments}}); err != nil || !steps[0].Verified {
		t.Errorf("events have no seal: %+v, %v", steps, err)
	}
	if steps, err := restore(t.Context(), r.bare(), Restore{Dir: dir, Seals: append(first, second)}); err != nil || !steps[2].Verified {
		t.Errorf("with both keys: %+v, %v", steps, err)
	}
	if steps, err := restore(t.Context(), r.bare(), Restore{Dir: dir, Seals: delivery.Keys{}, AnySeal: true}); err != nil || !steps[2].Verified {
		t.Errorf("told to: %+v, %v", steps, err)
	}
}

// forged is a delivery with a seal that is not of it.
func forged(r *rig) (msg *nats.Msg) {
	d := r.delivery("pik", "hmac", pikBody("evt_forged", "txn_forged"))
	msg = d.Message(r.seals)
	msg.Data = append(msg.Data, ' ')
	return msg
}

// TestRestoreOfNothingUnderAReader says that an empty WEBHOOKS is not taken from under a
// normalizer either, but for that of an up.
func TestRestoreOfNothingUnderAReader(t *testing.T) {
	r := newRig(t)
	r.fill()
	dir := r.backup()
	empty := newRig(t)
	consumer, err := empty.js.Consumer(t.Context(), jetstream.Webhooks, jetstream.Normalizer)
	if err != nil {
		t.Fatal(err)
	}
	reading, err := consumer.Consume(func(natsjs.Msg) {})
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Stop()
	waitFor(t, func() bool {
		info, err := consumer.Info(t.Context())
		return err == nil && info.NumWaiting > 0
	})
	_, err = restore(t.Context(), empty.js, Restore{Dir: dir})
	checkAdvice(t, err, "a normalizer reads from WEBHOOKS", "stop the normalizers")
	again := Restore{Dir: dir, Up: true, Seals: r.seals, Now: time.Now()}
	if _, err := again.Plan(t.Context(), empty.js); err != nil {
		t.Error(err)
	}
}
