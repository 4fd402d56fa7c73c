package normalizer

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// testPublisher is a publisher on a connection of its own, which it returns.
func (r *rig) testPublisher(timeout time.Duration) (*publisher, *nats.Conn) {
	r.t.Helper()
	nc := r.server.Conn(r.t, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	p, err := newPublisher(nc, timeout, 512)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { p.Close() })
	return p, nc
}

// messages are some for PAYMENTS, with ids from a number on.
func messages(from, count int) []*nats.Msg {
	var all []*nats.Msg
	for i := from; i < from+count; i++ {
		all = append(all, &nats.Msg{
			Subject: "payments.shop.payin.confirmed.word", Data: fmt.Append(nil, i),
			Header: nats.Header{nats.MsgIdHdr: {fmt.Sprint("id", i)}, jetstream.ExpectedStreamHeader: {"PAYMENTS"}},
		})
	}
	return all
}

// answered sends a batch and waits for its answer.
func answered(p *publisher, all []*nats.Msg) (first *jetstream.PubAck, err error) {
	answer := make(chan struct{})
	p.sendBatch(all, func(ack *jetstream.PubAck, e error) { first, err = ack, e; close(answer) })
	<-answer
	return first, err
}

// A batch is stored in order, at consecutive sequences, and leaves its messages as
// they were; one that is refused stores nothing.
func TestBatch(t *testing.T) {
	r := newRig(t)
	p, _ := r.testPublisher(5 * time.Second)
	before := fmt.Sprint(messages(0, 100)[7].Header)
	for i, want := range []uint64{1, 101} {
		batch := messages(i*100, 100)
		first, err := answered(p, batch)
		if err != nil || first.Sequence != want || first.Stream != "PAYMENTS" {
			t.Fatalf("%+v, %v", first, err)
		}
		if i == 0 && (fmt.Sprint(batch[7].Header) != before || batch[99].Reply != "") {
			t.Errorf("%v", batch[7].Header)
		}
	}
	for i, m := range r.all("PAYMENTS") {
		if string(m.Data) != fmt.Sprint(i) {
			t.Errorf("message %d is %s", i+1, m.Data)
		}
	}

	large := messages(300, 3)
	large[1].Data = make([]byte, 900<<10)
	larger := messages(300, 3)
	larger[1].Data = make([]byte, 2<<20)
	last := messages(300, 3)
	last[2].Data = make([]byte, 2<<20)
	foreign := messages(300, 3)
	foreign[2].Subject = "deadletters.shop.ignored"
	r.resizeMessages("PAYMENTS", 512<<10)
	for name, batch := range map[string][]*nats.Msg{
		"an id that is stored":              append(messages(300, 3), messages(150, 1)...),
		"an id twice":                       append(messages(300, 3), messages(301, 1)...),
		"too large for the stream":          large,
		"too large for the connection":      larger,
		"the last one is":                   last,
		"the last one is of another stream": foreign,
	} {
		_, err := answered(p, batch)
		var rejected *rejectedError
		if !errors.As(err, &rejected) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := r.info("PAYMENTS").LastSeq; got != 200 {
		t.Errorf("%d messages stored", got)
	}
}

// The answer of the server, read.
func TestFirstOfBatch(t *testing.T) {
	ack := func(seq uint64, batch string, count int) *pubAck {
		return &pubAck{PubAck: jetstream.PubAck{Stream: "PAYMENTS", Sequence: seq}, Batch: batch, Count: count}
	}
	for _, test := range []struct {
		ack *pubAck
		err error
		ok  bool
	}{
		{ack(3, "b", 3), nil, true},
		{ack(3, "other", 3), nil, false},
		{ack(3, "", 0), nil, false},
		{ack(3, "b", 2), nil, false},
		{ack(2, "b", 3), nil, false},
		{nil, errInjected, false},
	} {
		first, err := firstOf("b", 3, test.ack, test.err)
		if (err == nil) != test.ok || test.ok && first.Sequence != 1 {
			t.Errorf("%+v, %v: %+v, %v", test.ack, test.err, first, err)
		}
		var rejected *rejectedError
		if errors.As(err, &rejected) {
			t.Errorf("%+v, %v: taken for a rejection, but it may be stored", test.ack, test.err)
		}
	}
}

// Nobody answers, or the connection is lost: everything under way hears of it, once.
func TestNoAnswer(t *testing.T) {
	r := newRig(t)
	listener := r.server.Conn(t)
	if _, err := listener.SubscribeSync("nobody.answers"); err != nil {
		t.Fatal(err)
	}
	if err := listener.Flush(); err != nil {
		t.Fatal(err)
	}
	unanswered := func() []*nats.Msg {
		all := messages(0, 3)
		for _, m := range all {
			m.Subject = "nobody.answers"
		}
		return all
	}
	t.Run("in time", func(t *testing.T) {
		const timeout = 200 * time.Millisecond
		p, _ := r.testPublisher(timeout)
		began := time.Now()
		if _, err := answered(p, unanswered()); !errors.Is(err, jetstream.ErrAsyncPublishTimeout) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took < timeout*9/10 {
			t.Errorf("given up after %s", took)
		}
	})
	t.Run("no stream", func(t *testing.T) {
		p, _ := r.testPublisher(5 * time.Second)
		answer := make(chan error, 1)
		p.send(&nats.Msg{Subject: "nobody.there", Header: nats.Header{}}, func(_ *jetstream.PubAck, err error) { answer <- err })
		if err := <-answer; !errors.Is(err, jetstream.ErrNoStreamResponse) {
			t.Errorf("%v", err)
		}
	})
	t.Run("connection", func(t *testing.T) {
		p, _ := r.testPublisher(time.Hour)
		answers := make(chan error, 10)
		p.sendBatch(unanswered(), func(_ *jetstream.PubAck, err error) { answers <- err })
		p.send(unanswered()[0], func(_ *jetstream.PubAck, err error) { answers <- err })
		r.server.Restart(t)
		for range 2 {
			if err := <-answers; !errors.Is(err, nats.ErrDisconnected) {
				t.Errorf("%v", err)
			}
		}
		if len(answers) > 0 {
			t.Error("answered twice")
		}
	})
	t.Run("closed", func(t *testing.T) {
		p, _ := r.testPublisher(time.Hour)
		answers := make(chan error, 10)
		p.sendBatch(unanswered(), func(_ *jetstream.PubAck, err error) { answers <- err })
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-answers; !errors.Is(err, nats.ErrConnectionClosed) {
			t.Errorf("%v", err)
		}
	})
}

// A batch whose connection is lost in the middle is stored whole, or not at all, and
// afterwards, one by one, each of it is stored once.
func TestBatchInPieces(t *testing.T) {
	r := newRig(t)
	for lost := range 5 {
		_, nc := r.testPublisher(time.Second)
		batch := messages(lost*10, 4)
		id := fmt.Sprint("cut", lost)
		for i, m := range batch[:lost] {
			part := &nats.Msg{Subject: m.Subject, Header: maps.Clone(m.Header), Data: m.Data}
			setPart(part.Header, id, i+1)
			if i == 3 {
				part.Header[batchCommitHeader] = []string{"1"}
			}
			if err := nc.PublishMsg(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		if lost == len(batch) { // nothing was lost but the answer
			r.eventually("it is stored", func() bool { return r.info("PAYMENTS").LastSeq == uint64(len(batch)*(lost+1)) })
		}
		for _, m := range batch {
			if _, err := r.js.PublishMsg(t.Context(), m); err != nil {
				t.Errorf("cut after %d parts: %v", lost, err)
			}
		}
	}
	stored := map[string]int{}
	for _, m := range r.all("PAYMENTS") {
		stored[m.Header.Get(nats.MsgIdHdr)]++
	}
	for id, times := range stored {
		if times != 1 || !strings.HasPrefix(id, "id") {
			t.Errorf("%s: %d times", id, times)
		}
	}
	if len(stored) != 20 {
		t.Errorf("%d ids", len(stored))
	}
}
