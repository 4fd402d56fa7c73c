package main

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/event"
)

func TestOnly(t *testing.T) {
	for _, test := range []struct {
		o    options
		want int
	}{
		{options{only: "fsync always, 2.0 KB, c=64"}, 1},
		{options{only: "raw pipelined copy"}, 1},
		{options{full: true, only: "raw pipelined copy"}, 2},
		{options{full: true, only: "^ingress"}, 34},
	} {
		rows, err := test.o.plan()
		if err != nil || len(rows) != test.want {
			t.Errorf("%+v plans %d rows and error %v, want %d", test.o, len(rows), err, test.want)
		}
	}
	for _, only := range []string{"nothing of that name", "("} {
		if _, err := (options{only: only}).plan(); err == nil || !strings.Contains(err.Error(), "-only") {
			t.Errorf("-only %q: error %v", only, err)
		}
	}
}

// Opponents of the normalizer share a server, and each load of the ingress has one.
func TestGroups(t *testing.T) {
	rows, err := options{full: true}.plan()
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, group := range groups(rows) {
		if group[0].kind != overHTTP {
			sizes = append(sizes, len(group))
		}
	}
	if want := []int{3, 3, 1, 1}; !slices.Equal(sizes, want) {
		t.Errorf("groups of %v, want %v", sizes, want)
	}
}

func TestBodies(t *testing.T) {
	for _, size := range []int{KB / 2, 2 * KB, 16 * KB} {
		b := newBodies("1-7", size)
		one, other := b.append(nil, 1), b.append(nil, 2)
		if len(one) < size-20 || len(one) > size+60 {
			t.Errorf("a body of %d bytes, want about %d", len(one), size)
		}
		if string(one) == string(other) {
			t.Error("two bodies are the same")
		}
		var in pikWebhook
		if err := json.Unmarshal(other, &in); err != nil || in.ID != b.id(2) {
			t.Errorf("id %q and error %v, want %q", in.ID, err, b.id(2))
		}
	}
}

// Requests come at the rate that was asked for, in order, and not in step.
func TestSchedule(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	due := schedule(start, start.Add(10*time.Second), 1000)
	if math.Abs(float64(len(due))-10_000) > 300 {
		t.Errorf("%d requests in 10 s, want about 10000", len(due))
	}
	if !slices.IsSortedFunc(due, time.Time.Compare) {
		t.Error("requests are not in order")
	}
	close, far := 0, 0
	for i := range due[1:] {
		switch gap := due[i+1].Sub(due[i]); {
		case gap < 200*time.Microsecond:
			close++
		case gap > 2*time.Millisecond:
			far++
		}
	}
	if close < 1000 || far < 500 {
		t.Errorf("%d gaps are short and %d long: that is a metronome", close, far)
	}
}

// From each collection's line counts what the heap grew by before it and during it.
func TestHeap(t *testing.T) {
	var h heap
	for _, lines := range []string{
		"{\"level\":\"info\"}\ngc 1 @0.1s 2%: 0.02+1+0.1 ms clock, 0.1+0/1/0+0.3 ms cpu, 4->5->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P\n",
		"gc 2 @0.2s 2%: 0.02+1+0.1 ms clock, 0.1+0/1/0+0.3 ms cpu, 9->9->2 MB, 10 MB goal, 0 MB stacks, 0 MB globals, 2 P\nready\n",
	} {
		if err := h.add([]byte(lines)); err != nil {
			t.Fatal(err)
		}
	}
	if want := (4 + 1) + (9 - 1); h.all != want {
		t.Errorf("%d MB, want %d", h.all, want)
	}
}

// What is stored ahead is what the programs would have stored, and all of it.
func TestStore(t *testing.T) {
	server := jetstreamtest.Start(t)
	b := &bus{conn: server.Conn(t), js: server.JetStream(t), sources: 3}
	s := shelf{stored: batchSize*batchesAhead + 7, sources: 3, ids: true}
	for _, messages := range []func(int) *nats.Msg{s.deliveries(time.Now()), s.events(time.Now())} {
		if err := b.store(t.Context(), s.stored, messages); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"WEBHOOKS", "PAYMENTS"} {
		if last, err := b.last(t.Context(), name); err != nil || last != uint64(s.stored) {
			t.Errorf("%s has %d messages and error %v, want %d", name, last, err, s.stored)
		}
	}
	stream, err := b.js.Stream(t.Context(), "PAYMENTS")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := stream.GetMsg(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	e, err := event.Decode(stored.Header, stored.Data)
	if err != nil || e.Sequence != event.Sequence(5, 0) {
		t.Errorf("event %q and error %v", e.Sequence, err)
	}
	if err := b.store(t.Context(), 1, s.deliveries(time.Now())); err == nil {
		t.Error("a batch that the server refused counts as stored")
	}
}

// rawMessage is a message that was received.
type rawMessage struct {
	jetstream.Msg
	data []byte
}

func (m rawMessage) Data() []byte { return m.data }

func TestMapByHand(t *testing.T) {
	body := newBodies("1", 2*KB).append(nil, 3)
	m, err := mapByHand(rawMessage{data: body})
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		ID   string `json:"id"`
		Data struct {
			Payment struct {
				State string `json:"state"`
			} `json:"payment"`
			Native json.RawMessage `json:"native"`
		} `json:"data"`
	}
	if err := json.Unmarshal(m.Data, &e); err != nil {
		t.Fatal(err)
	}
	if e.ID != "evt_1_3" || e.Data.Payment.State != "confirmed" || string(e.Data.Native) != string(body) || m.Header.Get(nats.MsgIdHdr) != "pik/evt_1_3" {
		t.Errorf("event %+v with id %q", e, m.Header.Get(nats.MsgIdHdr))
	}
	if _, err := mapByHand(rawMessage{data: []byte("{")}); err == nil {
		t.Error("what is no JSON was mapped")
	}
}

// The time that is counted ends when it is over, or, on a machine that is too slow for
// it, with the answer that makes enough of them.
func TestCounted(t *testing.T) {
	from := time.Unix(1_700_000_000, 0)
	var all []answered
	for _, ms := range []int{900, -100, 100, 400, 1900, 2100} {
		all = append(all, answered{from.Add(time.Duration(ms) * time.Millisecond), time.Duration(ms+1000) * time.Millisecond})
	}
	for _, test := range []struct {
		least, answers int
		seconds        float64
	}{{1, 3, 1}, {3, 3, 1}, {4, 4, 1.9}, {9, 5, 2.1}} {
		took, seconds := counted(all, from, from.Add(time.Second), test.least)
		if len(took) != test.answers || seconds != test.seconds || !slices.IsSorted(took) {
			t.Errorf("least %d: %v in %v s, want %d in %v s", test.least, took, seconds, test.answers, test.seconds)
		}
	}
}
