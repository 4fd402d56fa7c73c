package normalizer

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A normalizer that is told to stop finishes what it has, and the next one is given
// nothing twice.
func TestStopFinishesWhatIsInHand(t *testing.T) {
	r := newRig(t)
	deliveries := many(2000)
	var ids []string
	for i := range deliveries {
		ids = append(ids, fmt.Sprintf("e%d", i))
		r.put(ids[i] + " p" + fmt.Sprint(i%100))
	}
	for !r.isSettled() {
		before := r.info("PAYMENTS").LastSeq
		o := r.options(words{})
		o.InHand = 100
		_, stop := r.start(o)
		r.eventually("it works", func() bool { return r.info("PAYMENTS").LastSeq > before })
		stop()
		// The server has all acks and may still be working on them.
		r.eventually("nothing is left in hand", func() bool { return r.consumer().NumAckPending == 0 })
	}
	r.exactlyOnce(ids)
	if info := r.consumer(); info.Delivered.Consumer != uint64(deliveries) {
		t.Errorf("%d deliveries of %d messages", info.Delivered.Consumer, deliveries)
	}
	if r.logs.FilterMessage("gave up what is in hand").Len() > 0 {
		t.Errorf("%s", r.lines())
	}
}

// What cannot be finished in time is left as it is, and everything ends.
func TestStopGivesUpAfterItsTime(t *testing.T) {
	r := newRig(t)
	r.ackWait(300 * time.Millisecond)
	o := r.options(words{})
	o.DrainTimeout = 50 * time.Millisecond
	n := r.newNormalizer(o)
	broken := &mute{broken: make(chan struct{}), answer: func(*nats.Msg) (*jetstream.PubAck, error) { return nil, jetstream.ErrNoStreamResponse }}
	stop := r.runOn(n, func(b bus) bus { broken.bus = b; return broken })
	r.put("e1 p1")
	r.put("dead ignored")
	r.eventually("it is held", func() bool { return r.consumer().NumAckPending == 2 && n.storing.err() != nil })
	stop()
	if line := r.logs.FilterMessage("gave up what is in hand").All(); len(line) != 1 || line[0].ContextMap()["deliveries"] != int64(2) {
		t.Errorf("%s", r.lines())
	}
	if err := n.Ready(); err == nil || err.Error() != "stopping" {
		t.Errorf("ready: %v", err)
	}
	r.start(r.options(words{}))
	r.settled()
	r.exactlyOnce([]string{"e1"})
	if letters := r.letters(); len(letters) != 1 || letters[0].Deliveries != 2 {
		t.Errorf("%+v", letters)
	}
}

// The server hears of everything in hand well before its patience ends, however
// long a handler takes.
func TestSlowHandlerKeepsItsMessage(t *testing.T) {
	t.Parallel() // most of it is waiting
	r := newRig(t)
	const wait = 1500 * time.Millisecond
	r.ackWait(wait)
	goOn := make(chan struct{})
	r.start(r.options(words{before: func(string) { <-goOn }}))
	for i := range 50 {
		r.put(fmt.Sprintf("e%d p1", i))
	}
	r.eventually("all are in hand", func() bool { return r.consumer().NumAckPending == 50 })
	began := time.Now()
	r.eventually("four times the server's patience", func() bool { return time.Since(began) > 4*wait })
	close(goOn)
	r.settled()
	if info := r.consumer(); info.Delivered.Consumer != 50 {
		t.Errorf("%d deliveries of 50 messages", info.Delivered.Consumer)
	}
}

// Large bodies are bounded in bytes, not only in number.
func TestHandIsBoundedInBytes(t *testing.T) {
	r := newRig(t)
	goOn := make(chan struct{})
	o := r.options(words{before: func(string) { <-goOn }})
	o.InHandBytes = 400 << 10
	n, _ := r.start(o)
	for i := range 30 {
		r.put(fmt.Sprintf("e%d p1 %s", i, strings.Repeat("x", 50<<10)))
	}
	r.eventually("the hand is full", func() bool { return r.value(n, "paybridge_in_hand_bytes", "") > 300<<10 })
	var most float64
	var once sync.Once
	r.eventually("all settled", func() bool {
		most = max(most, r.value(n, "paybridge_in_hand_bytes", ""))
		once.Do(func() { close(goOn) })
		return r.isSettled()
	})
	if most > 400<<10 {
		t.Errorf("%v bytes in hand", most)
	}
	if got := len(r.events()); got != 30 {
		t.Errorf("%d events", got)
	}
}

// Decoding and mapping are bounded by places; waiting for PubAcks is not.
func TestParsingIsBounded(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	var now, most int
	goOn := make(chan struct{})
	o := r.options(words{before: func(string) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		<-goOn
		mu.Lock()
		now--
		mu.Unlock()
	}})
	o.Parallel = 3
	r.start(o)
	for i := range 30 {
		r.put(fmt.Sprintf("e%d p%d", i, i))
	}
	r.eventually("all are in hand", func() bool { return r.consumer().NumAckPending == 30 })
	r.eventually("three are parsed", func() bool { mu.Lock(); defer mu.Unlock(); return now == 3 })
	close(goOn)
	r.settled()
	if most != 3 {
		t.Errorf("%d parsed at once", most)
	}
}

// Two normalizers share the work.
func TestTwoNormalizers(t *testing.T) {
	r := newRig(t)
	var ids []string
	for i := range 1000 {
		ids = append(ids, fmt.Sprintf("e%d", i))
		r.put(ids[i] + " p" + fmt.Sprint(i%10))
	}
	for range 2 {
		o := r.options(words{})
		o.InHand = 64
		r.start(o)
	}
	r.settled()
	r.exactlyOnce(ids)
}

// Run ends at once where the context is canceled before.
func TestRunOfACanceledContext(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.newNormalizer(r.options(words{})).Run(ctx); err != nil {
		t.Error(err)
	}
}
