package ingress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// senders is a sender that takes its outcomes from a list; the last one repeats.
type senders struct {
	outcomes []func(ctx context.Context) (*jetstream.PubAck, error)
	sent     int
}

func (s *senders) send(ctx context.Context, _ *nats.Msg) (*jetstream.PubAck, error) {
	outcome := s.outcomes[min(s.sent, len(s.outcomes)-1)]
	s.sent++
	return outcome(ctx)
}

func fails(err error) func(context.Context) (*jetstream.PubAck, error) {
	return func(context.Context) (*jetstream.PubAck, error) { return nil, err }
}

func acks(a jetstream.PubAck) func(context.Context) (*jetstream.PubAck, error) {
	return func(context.Context) (*jetstream.PubAck, error) { return &a, nil }
}

func silent(ctx context.Context) (*jetstream.PubAck, error) { <-ctx.Done(); return nil, ctx.Err() }

func apiError(code int, errorCode jetstream.ErrorCode) error {
	return fmt.Errorf("nats: %w", &jetstream.APIError{Code: code, ErrorCode: errorCode})
}

// TestPutCountsWhatWasWaited: what a sender has waited for before is part of the budget of
// the first attempt too.
func TestPutCountsWhatWasWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := newMetrics(prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		fake := &senders{outcomes: []func(context.Context) (*jetstream.PubAck, error){silent}}
		s := &store{sender: fake, budget: DefaultBudget, metrics: m, now: time.Now}
		const waited = DefaultBudget - 500*time.Millisecond
		began := time.Now()
		if _, err := s.put(&nats.Msg{Header: nats.Header{}}, began.Add(-waited)); err == nil {
			t.Error("stored by a bus that says nothing")
		}
		if took := time.Since(began); waited+took > DefaultBudget {
			t.Errorf("%v after %v of waiting: more than the budget of %v", took, waited, DefaultBudget)
		}
	})
}

// TestPut has every outcome of a publish, on a clock that costs nothing.
func TestPut(t *testing.T) {
	good := acks(jetstream.PubAck{Stream: rawStream, Sequence: 7})
	for _, c := range []struct {
		name     string
		outcomes []func(context.Context) (*jetstream.PubAck, error)
		result   string // of the last attempt
		stored   bool
		attempts int           // 0: several
		within   time.Duration // how long it may take
	}{
		{"stored", []func(context.Context) (*jetstream.PubAck, error){good}, "ok", true, 1, 0},
		{"stored before", []func(context.Context) (*jetstream.PubAck, error){acks(jetstream.PubAck{Stream: rawStream, Sequence: 7, Duplicate: true})}, "duplicate", true, 1, 0},
		{"no responders, then stored", []func(context.Context) (*jetstream.PubAck, error){fails(jetstream.ErrNoStreamResponse), fails(nats.ErrNoResponders), good}, "ok", true, 3, time.Second},
		{"disconnected, then stored", []func(context.Context) (*jetstream.PubAck, error){fails(nats.ErrDisconnected), fails(nats.ErrReconnectBufExceeded), good}, "ok", true, 3, time.Second},
		{"connection broken under a write, then stored", []func(context.Context) (*jetstream.PubAck, error){fails(&net.OpError{Op: "write", Err: syscall.EPIPE}), good}, "ok", true, 2, time.Second},
		{"id in process, then stored", []func(context.Context) (*jetstream.PubAck, error){fails(apiError(409, codeIDInProcess)), good}, "ok", true, 2, time.Second},
		{"silent, then stored", []func(context.Context) (*jetstream.PubAck, error){silent, good}, "ok", true, 2, 3 * time.Second},
		{"unavailable, then stored", []func(context.Context) (*jetstream.PubAck, error){fails(apiError(503, 10008)), good}, "ok", true, 2, time.Second},
		{"silent for good", []func(context.Context) (*jetstream.PubAck, error){silent}, "timeout", false, 0, DefaultBudget},
		{"no responders for good", []func(context.Context) (*jetstream.PubAck, error){fails(nats.ErrNoResponders)}, "no_responders", false, 0, DefaultBudget},
		{"disconnected for good", []func(context.Context) (*jetstream.PubAck, error){fails(nats.ErrReconnectBufExceeded)}, "disconnected", false, 0, DefaultBudget},
		{"full", []func(context.Context) (*jetstream.PubAck, error){fails(apiError(503, codeStoreFailed)), good}, "full", false, 1, 0},
		{"no resources", []func(context.Context) (*jetstream.PubAck, error){fails(apiError(503, codeInsufficient)), good}, "full", false, 1, 0},
		{"no storage", []func(context.Context) (*jetstream.PubAck, error){fails(apiError(500, codeStorageLimit)), good}, "full", false, 1, 0},
		{"not the expected stream", []func(context.Context) (*jetstream.PubAck, error){fails(apiError(400, codeWrongStream)), good}, "wrong_stream", false, 1, 0},
		{"another stream acknowledges", []func(context.Context) (*jetstream.PubAck, error){acks(jetstream.PubAck{Stream: "OTHER", Sequence: 1}), good}, "wrong_stream", false, 1, 0},
		{"an acknowledgement that is none", []func(context.Context) (*jetstream.PubAck, error){fails(jetstream.ErrInvalidJSAck), good}, "error", false, 1, 0},
		{"connection closed", []func(context.Context) (*jetstream.PubAck, error){fails(nats.ErrConnectionClosed), good}, "error", false, 1, 0},
		{"too large", []func(context.Context) (*jetstream.PubAck, error){fails(nats.ErrMaxPayload), good}, "error", false, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				registry := prometheus.NewRegistry()
				m, err := newMetrics(registry)
				if err != nil {
					t.Fatal(err)
				}
				fake := &senders{outcomes: c.outcomes}
				s := &store{sender: fake, budget: DefaultBudget, metrics: m, now: time.Now}
				began := time.Now()
				message := &nats.Msg{Header: nats.Header{}}
				got, err := s.put(message, began)
				if took := time.Since(began); took > c.within {
					t.Errorf("took %v", took)
				}
				if (err == nil) != c.stored || c.attempts != 0 && fake.sent != c.attempts || c.attempts == 0 && fake.sent < 2 {
					t.Errorf("%+v %v after %d attempts", got, err, fake.sent)
				}
				if c.stored && (got.stream != rawStream || got.sequence != 7 || got.attempts != c.attempts || got.duplicate != (c.result == "duplicate")) {
					t.Errorf("receipt %+v", got)
				}
				var failure *storeError
				if !c.stored && (!errors.As(err, &failure) || failure.result != c.result || failure.attempts != fake.sent) {
					t.Errorf("error %#v", err)
				}
				if !counts(t, registry, "paybridge_publish_attempts_total", c.result) {
					t.Errorf("no attempt of result %s is counted", c.result)
				}
				if message.Header.Get(jetstream.ExpectedStreamHeader) != rawStream {
					t.Error("no stream is expected")
				}
			})
		})
	}
}

// counts says whether a metric has a series with a label of that value.
func counts(t *testing.T, registry *prometheus.Registry, name, label string) bool {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, series := range family.GetMetric() {
			for _, pair := range series.GetLabel() {
				if family.GetName() == name && pair.GetValue() == label {
					return true
				}
			}
		}
	}
	return false
}
