package main

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"paybridge/deploy/normalizerd"
	"paybridge/deploy/operate"
)

const stackConfig = `
ingress: {listen: "127.0.0.1:0", admin: "127.0.0.1:0"}
embedded: {listen: "127.0.0.1:0"}
sources: [{name: pik, provider: pik, secrets: [{id: current, env: PIK_WEBHOOK_SECRET}]}]
`

// started is a stack on a folder, and the bridge as commands find it.
func started(t *testing.T, folder operate.Folder) (*stack, *bridge) {
	t.Helper()
	return startedWith(t, folder, stackConfig)
}

// startedWith is started with a configuration.
func startedWith(t *testing.T, folder operate.Folder, text string) (*stack, *bridge) {
	t.Helper()
	p, _, _ := testProgram()
	p.Stderr, p.Now = io.Discard, time.Now
	p.ReadFile = func(string) ([]byte, error) { return []byte(text), nil }
	if err := folder.Make(); err != nil {
		t.Fatal(err)
	}
	c, lib, _, err := p.complete(folder, "stack.yaml", "stack.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.start(t.Context(), c, lib, folder.Streams(), zap.ErrorLevel, nil)
	if err != nil {
		t.Fatal(err)
	}
	running := s.running(p, "stack.yaml", false)
	return s, &bridge{Folder: folder, Config: c, Library: lib, Running: &running}
}

// TestStopDropsNothing stops the stack in the middle of traffic: what was answered
// 200 is stored, and after the next start all of it becomes events.
func TestStopDropsNothing(t *testing.T) {
	folder := operate.Folder{Path: t.TempDir()}
	s, b := started(t, folder)
	send, err := b.sender().Prepare("pik", "", "")
	if err != nil {
		t.Fatal(err)
	}
	send.Repeat, send.Rate, send.Vary, send.Seed, send.Now = 100_000, 2000, true, 1, time.Now
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	accepted := 0
	stopped := make(chan error, 1)
	_ = send.Run(ctx, func(sent operate.Sent) { // it ends when nobody listens any more
		if sent.Status == 200 {
			accepted++
		}
		if accepted == 200 && sent.Status == 200 {
			go func() { stopped <- s.stop() }()
		}
	})
	if err := <-stopped; err != nil {
		t.Fatalf("stop: %v", err)
	}

	again, b := started(t, folder)
	defer func() {
		if err := again.stop(); err != nil {
			t.Error(err)
		}
	}()
	err = b.onBus(t.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
		sum := waitAudited(t, ctx, js, b)
		if sum.Deliveries < accepted || sum.Events != sum.Deliveries || len(sum.Lost) != 0 {
			t.Errorf("%d were answered 200; %+v", accepted, sum)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// waitAudited waits until the normalizer is done with everything, and audits it.
func waitAudited(t *testing.T, ctx context.Context, js natsjs.JetStream, b *bridge) operate.Audited {
	t.Helper()
	programs, problems := normalizerd.Programs(b.Config, b.Library)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		sum, err := operate.Audit{Programs: programs}.Run(ctx, js, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if sum.InHand == 0 {
			return sum
		}
	}
	return operate.Audited{}
}

// TestRolesEnd says what is told of a role that ends: by itself, or because it was
// asked to.
func TestRolesEnd(t *testing.T) {
	broken := errors.New("broken")
	asked := launchPart(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return broken })
	if err := asked.stop(); !errors.Is(err, broken) {
		t.Errorf("stopped: %v", err)
	}
	alone := launchPart(t.Context(), func(context.Context) error { return broken })
	<-alone.done
	if err := alone.stop(); err != nil {
		t.Errorf("stopped after it ended: %v", err)
	}
	if err := (*part)(nil).stop(); err != nil {
		t.Errorf("never started: %v", err)
	}
	waits := launchPart(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return nil })
	s := &stack{ingress: alone, normalizer: waits}
	if err := s.why(); !errors.Is(err, broken) {
		t.Errorf("why: %v", err)
	}
	quietly := launchPart(t.Context(), func(context.Context) error { return nil })
	<-quietly.done
	s.ingress = quietly
	if err := s.why(); err == nil || err.Error() != "ingress: stopped by itself" {
		t.Errorf("why: %v", err)
	}
	if err := waits.stop(); err != nil {
		t.Error(err)
	}
}

// TestRoleOutlivesTheSignal says that a canceled context stops no role: stop does,
// in its turn.
func TestRoleOutlivesTheSignal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	role := launchPart(ctx, func(ctx context.Context) error { <-ctx.Done(); return nil })
	cancel()
	select {
	case <-role.done:
		t.Error("the signal has stopped it")
	default:
	}
	if err := role.stop(); err != nil {
		t.Error(err)
	}
}
