package ingress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// rawStream is the stream that deliveries are stored in.
const rawStream = "WEBHOOKS"

// sender publishes one message to the raw stream and waits for the stream's word.
// Each way to fail is an error: no answer before ctx is done is one. A message may
// be stored although its send failed; the same message id then makes the next send
// a duplicate. Send is called concurrently, must not change the message, and may
// keep it until a minute after it returned.
type sender interface {
	send(ctx context.Context, m *nats.Msg) (*jetstream.PubAck, error)
}

// receipt is the stream's word that it has a delivery.
type receipt struct {
	stream    string
	sequence  uint64
	duplicate bool // the stream had it before
	attempts  int
	took      time.Duration
}

// store puts deliveries into the raw stream.
type store struct {
	sender  sender
	budget  time.Duration // of one put, and of what its sender waited for before
	metrics *metrics
	now     func() time.Time

	patience sync.Pool // of *patience
}

// storeError says that a delivery may not be stored.
type storeError struct {
	result   string // metric label, see resultOf
	passing  bool   // why may pass by itself
	attempts int
	err      error // of the last attempt
}

// Error says how often it was tried and what the last attempt came to; no value of
// the delivery is in it.
func (e *storeError) Error() string {
	return fmt.Sprintf("store: %s after %d attempts: %v", e.result, e.attempts, e.err)
}

func (e *storeError) Unwrap() error { return e.err }

// put stores m once within the budget, which began when the sender had to wait for the
// first time, however often it must be sent: what may pass by itself, such as
// a server that restarts, is tried again with the same message id until the budget
// is spent. It returns only when the stream has acknowledged m, or with a
// *storeError; it does not end when the sender of the request goes away.
func (s *store) put(m *nats.Msg, began time.Time) (receipt, error) {
	m.Header[jetstream.ExpectedStreamHeader] = expectedStream
	var pause *backoff.ExponentialBackOff
	started := s.now()
	waited := started.Sub(began)
	for attempt, left := 1, s.budget-waited; ; attempt++ {
		ack, err := s.attempt(m, left)
		result, again := resultOf(ack, err)
		s.metrics.attempted(result)
		took := s.now().Sub(started)
		if err == nil {
			s.metrics.publish.Observe(took.Seconds())
			return receipt{ack.Stream, ack.Sequence, ack.Duplicate, attempt, took}, nil
		}
		if pause == nil {
			pause = newPause()
		}
		wait := pause.NextBackOff()
		if !again || waited+took+wait >= s.budget {
			s.metrics.publish.Observe(took.Seconds())
			return receipt{}, &storeError{result, again, attempt, err}
		}
		<-time.After(wait)
		left = s.budget - s.now().Sub(began)
	}
}

// attempt sends m once; left is what is left of the budget. A server that says nothing
// gets half of the budget, so that a leader that lost m in its fall does not cost the
// whole of it. No request is part of its context: a sender that hangs up cancels nothing.
func (s *store) attempt(m *nats.Msg, left time.Duration) (*jetstream.PubAck, error) {
	ctx := within(min(s.budget/2, left), &s.patience)
	defer ctx.release()
	ack, err := s.sender.send(ctx, m)
	if err == nil && ack.Stream != rawStream {
		return nil, errWrongStream
	}
	return ack, err
}

// expectedStream is the value of the header that has other streams refuse a delivery.
var expectedStream = []string{rawStream}

var errWrongStream = errors.New("another stream has acknowledged")

// newPause is the time between two attempts: long enough for a server to come back,
// short enough for several attempts inside the budget.
func newPause() *backoff.ExponentialBackOff {
	p := backoff.NewExponentialBackOff()
	p.InitialInterval, p.MaxInterval = 50*time.Millisecond, 500*time.Millisecond
	return p
}

// The server's error codes that mean something to a publisher.
const (
	codeInsufficient   jetstream.ErrorCode = 10023 // resources of the server or account
	codeStorageLimit   jetstream.ErrorCode = 10047
	codeWrongStream    jetstream.ErrorCode = 10060 // not the expected stream
	codeStoreFailed    jetstream.ErrorCode = 10077 // the stream is full, or cannot write
	codeIDInProcess    jetstream.ErrorCode = 10158 // the same message id is being stored
	codeBatchDuplicate jetstream.ErrorCode = 10201 // an id of an atomic batch is known
)

// resultOf names the outcome of an attempt, as a metric label, and says whether
// another attempt may end otherwise. It is the one place that turns the kinds of
// publish errors into what is done about them.
func resultOf(ack *jetstream.PubAck, err error) (result string, again bool) {
	switch {
	case err == nil && ack.Duplicate:
		return "duplicate", false
	case err == nil:
		return "ok", false
	}
	var api *jetstream.APIError
	var network net.Error // of a write: the connection broke under it
	switch {
	case errors.As(err, &api):
		return resultOfAPI(api)
	case errors.Is(err, errWrongStream):
		return "wrong_stream", false
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return "no_responders", true
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return "timeout", true
	case errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrConnectionReconnecting),
		errors.Is(err, nats.ErrReconnectBufExceeded), errors.As(err, &network):
		return "disconnected", true
	default:
		return "error", false // closed for good, too large, no acknowledgement at all
	}
}

// resultOfAPI is resultOf for what the server itself has said.
func resultOfAPI(e *jetstream.APIError) (result string, again bool) {
	switch e.ErrorCode {
	case codeStoreFailed, codeInsufficient, codeStorageLimit:
		return "full", false
	case codeIDInProcess:
		return "in_process_dup", true
	case codeWrongStream:
		return "wrong_stream", false
	default:
		return "error", e.Code == 503 // the server says that it will be back
	}
}
