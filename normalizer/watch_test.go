package normalizer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A consumer that is deleted and made again is used as soon as it is there.
func TestConsumerIsMadeAgain(t *testing.T) {
	r := newRig(t)
	n, _ := r.start(r.options(words{}))
	r.put("e1 p1")
	r.settled()
	c := r.consumer().Config
	if err := r.js.DeleteConsumer(t.Context(), "WEBHOOKS", c.Durable); err != nil {
		t.Fatal(err)
	}
	c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, 2
	if _, err := r.js.CreateConsumer(t.Context(), "WEBHOOKS", c); err != nil {
		t.Fatal(err)
	}
	r.put("e2 p1")
	r.settled()
	r.exactlyOnce([]string{"e1", "e2"})
	r.eventually("ready", func() bool { return n.Ready() == nil })
}

// result waits for what Run returns.
func (r *rig) result(done <-chan error) (err error) {
	r.t.Helper()
	r.eventually("Run ends", func() bool {
		select {
		case err = <-done:
			return true
		default:
			return false
		}
	})
	return err
}

// A consumer that is gone ends Run, with what to do: it never stays idle.
func TestConsumerIsGone(t *testing.T) {
	r := newRig(t)
	n := r.newNormalizer(r.options(words{}))
	done := make(chan error, 1)
	go func() { done <- n.Run(t.Context()) }()
	r.eventually("ready", func() bool { return n.Ready() == nil })
	if err := r.js.DeleteConsumer(t.Context(), "WEBHOOKS", "normalizer"); err != nil {
		t.Fatal(err)
	}
	r.eventually("not ready", func() bool { return n.Ready() != nil })
	err := r.result(done)
	if !errors.Is(err, jetstream.ErrConsumerNotFound) || !strings.Contains(err.Error(), "paybridge streams apply") {
		t.Errorf("Run: %v", err)
	}
	if n.Ready() == nil {
		t.Error("it is ready")
	}
}

// A connection that is closed for good ends Run as well.
func TestConnectionIsClosed(t *testing.T) {
	r := newRig(t)
	n := r.newNormalizer(r.options(words{}))
	done := make(chan error, 1)
	go func() { done <- n.Run(t.Context()) }()
	r.eventually("ready", func() bool { return n.Ready() == nil })
	n.Conn.Close()
	if err := r.result(done); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Run: %v", err)
	}
}

// starving is a consumer that says that messages wait and delivers none.
type starving struct {
	jetstream.Consumer
	info jetstream.ConsumerInfo
	err  error
}

func (c starving) Info(context.Context) (*jetstream.ConsumerInfo, error) { return &c.info, c.err }
func (c starving) CachedInfo() *jetstream.ConsumerInfo                   { return &c.info }

func TestIdleSubscriptionKnowsWhy(t *testing.T) {
	waiting := func(change func(*jetstream.ConsumerInfo)) jetstream.ConsumerInfo {
		info := jetstream.ConsumerInfo{Stream: "WEBHOOKS", Name: "normalizer", NumPending: 5, Config: jetstream.ConsumerConfig{MaxAckPending: 10}}
		change(&info)
		return info
	}
	for _, test := range []struct {
		name string
		info jetstream.ConsumerInfo
		ends bool
	}{
		{"nothing waits", waiting(func(i *jetstream.ConsumerInfo) { i.NumPending = 0 }), false},
		{"messages wait", waiting(func(*jetstream.ConsumerInfo) {}), true},
		{"messages wait, without a limit of others", waiting(func(i *jetstream.ConsumerInfo) { i.Config.MaxAckPending = -1 }), true},
		{"it is paused", waiting(func(i *jetstream.ConsumerInfo) { i.Paused = true }), false},
		{"others hold all they may", waiting(func(i *jetstream.ConsumerInfo) { i.NumAckPending = 10 }), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &subscription{subscriber: testSubscriber(nil, "group"), consumer: starving{info: test.info}, mayPull: t.Context()}
			s.pullWait = time.Second
			var err error
			pulls := 0
			for ; err == nil && pulls < 1000; pulls++ {
				err = s.look(0, nil)
			}
			if (err != nil) != test.ends {
				t.Fatalf("%v after %d empty pulls", err, pulls)
			}
			if test.ends && (pulls != 3*30 || !strings.Contains(err.Error(), "5 messages wait")) {
				t.Errorf("%v after %d empty pulls", err, pulls)
			}
		})
	}
	t.Run("a message comes now and then", func(t *testing.T) {
		s := &subscription{subscriber: testSubscriber(nil, "group"), consumer: starving{info: waiting(func(*jetstream.ConsumerInfo) {})}, mayPull: t.Context()}
		s.pullWait = time.Second
		for pull := range 1000 {
			taken := 0
			if pull%50 == 0 {
				taken = 1
			}
			if err := s.look(taken, nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}
