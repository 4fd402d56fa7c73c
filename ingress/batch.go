package ingress

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// requester is the part of [nats.Conn] that a batch is sent with. A publish may
// return before its message has left; the answer to a request is nobody's but the
// caller's. It is called by one goroutine at a time.
type requester interface {
	PublishMsg(m *nats.Msg) error
	RequestMsgWithContext(ctx context.Context, m *nats.Msg) (*nats.Msg, error)
}

// The headers of the server's atomic batches (NATS ADR-50). A batch is stored whole,
// at consecutive sequences, with one sync of the disk; or not at all.
const (
	batchIDHeader     = "Nats-Batch-Id"
	batchSeqHeader    = "Nats-Batch-Sequence"
	batchCommitHeader = "Nats-Batch-Commit"
)

// batch sends messages as one atomic batch.
type batch struct {
	conn requester
	id   func() string // a new batch's: at most 64 bytes
}

// rejectedError says that the server has refused a batch as a whole: nothing of it
// is stored, and each message may be stored by itself.
type rejectedError struct{ api *jetstream.APIError }

func (e *rejectedError) Error() string { return "batch: " + e.api.Error() }

// batchAck is the answer to the last message of a batch.
type batchAck struct {
	Error    *jetstream.APIError `json:"error"`
	Stream   string              `json:"stream"`
	Sequence uint64              `json:"seq"` // of the last message
	Batch    string              `json:"batch"`
	Count    int                 `json:"count"`
}

// publish stores all of messages, in order, and returns the sequence of the first.
// Its error is a *rejectedError, or says that nobody knows what is stored: not, or
// all. The messages are not changed.
func (b batch) publish(ctx context.Context, messages []*nats.Msg) (first uint64, err error) {
	id := b.id()
	for i, m := range messages {
		part := &nats.Msg{Subject: m.Subject, Header: maps.Clone(m.Header), Data: m.Data}
		part.Header[batchIDHeader] = []string{id}
		part.Header[batchSeqHeader] = []string{strconv.Itoa(i + 1)}
		if i == len(messages)-1 {
			part.Header[batchCommitHeader] = []string{"1"}
			return b.commit(ctx, id, len(messages), part)
		}
		if err := b.conn.PublishMsg(part); err != nil {
			return 0, err
		}
	}
	return 0, errors.New("batch: there is nothing in it")
}

// commit sends the last of n messages, and waits for the answer to all of them.
func (b batch) commit(ctx context.Context, id string, n int, last *nats.Msg) (first uint64, err error) {
	answer, err := b.conn.RequestMsgWithContext(ctx, last)
	if err != nil {
		return 0, err
	}
	var ack batchAck
	switch err := json.Unmarshal(answer.Data, &ack); {
	case err != nil:
		return 0, jetstream.ErrInvalidJSAck
	case ack.Error != nil:
		return 0, &rejectedError{ack.Error}
	case ack.Stream != rawStream:
		return 0, errWrongStream
	case ack.Batch != id || ack.Count != n || ack.Sequence < uint64(n):
		return 0, errHalfBatch
	}
	return ack.Sequence - uint64(n) + 1, nil
}

var errHalfBatch = errors.New("the acknowledgement is of another batch")
