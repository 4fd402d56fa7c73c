package main

import (
	"context"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/deploy/operate"
)

// TestPacingIsInterrupted says that ^C tells what the consumer is left as, and the exact
// command that goes on; and that this command goes on.
func TestPacingIsInterrupted(t *testing.T) {
	server := jetstreamtest.Start(t)
	js, file := server.JetStream(t), onServer(t, server)
	if err := (operate.Team{Name: "ledger", Filter: "payments.>"}).Add(t.Context(), js); err != nil {
		t.Fatal(err)
	}
	team, err := js.Consumer(t.Context(), jetstream.Payments, "ledger")
	if err != nil {
		t.Fatal(err)
	}
	take := func() {
		t.Helper()
		msg, err := team.Next(natsjs.FetchMaxWait(20 * time.Second))
		if err == nil {
			err = msg.DoubleAck(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if _, err := js.Publish(t.Context(), "payments.pik.payin.confirmed.x", []byte("{}")); err != nil {
			t.Fatal(err)
		}
		take()
	}
	for _, test := range []struct {
		typed, said, how string
	}{
		{"--rate 1", "interrupted when ledger had been given 0 events: it ", "to go on with the rate: paybridge replay redeliver --consumer ledger --rate 1 --through 3 --apply --config " + file},
		{"--rate 1 --seq 1-2", "interrupted when ledger-replay had been given 0 events: the server goes on giving it 1 a second", "paybridge consumer show ledger-replay --config " + file},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		p, out, _ := testProgram(append(strings.Fields("replay redeliver --consumer ledger --apply "+test.typed), "--config", file)...)
		errs := &tape{}
		p.Now, p.Stderr = time.Now, errs
		code := make(chan int, 1)
		go func() { code <- p.Run(ctx) }()
		await(t, "it to be applied", func() bool { return strings.Contains(errs.String(), `"what":"replay redeliver"`) })
		cancel()
		if got := <-code; got != exitFailed || !strings.Contains(errs.String(), test.said) || !strings.Contains(errs.String(), test.how) {
			t.Errorf("%s: %d\n%s%s", test.typed, got, out, errs.String())
		}
		if !strings.HasSuffix(test.typed, "1") {
			continue
		}
		again, _, wrong := testProgram("replay", "redeliver", "--consumer", "ledger", "--rate", "100", "--through", "3", "--apply", "--config", file)
		again.Now = time.Now
		go func() { code <- again.Run(t.Context()) }()
		for range 3 {
			take()
		}
		if got := <-code; got != exitOK {
			t.Errorf("it does not go on: %d, %s", got, wrong)
		}
	}
}
