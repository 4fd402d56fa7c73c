package normalizer

import (
	"errors"
	"maps"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The headers of the server's atomic batches:
// https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-50.md
const (
	batchIDHeader     = "Nats-Batch-Id"
	batchSeqHeader    = "Nats-Batch-Sequence"
	batchCommitHeader = "Nats-Batch-Commit"
)

// The bounds of one batch; the server takes up to 1,000 messages.
const (
	batchMessages = 256
	batchBytes    = 4 << 20
)

// rejectedError says that nothing of a batch is stored, and that each message may be
// stored by itself.
type rejectedError struct{ cause error }

func (e *rejectedError) Error() string { return "batch: " + e.cause.Error() }
func (e *rejectedError) Unwrap() error { return e.cause }

// sendBatch publishes messages of one stream as one atomic batch and returns. They are
// stored whole, at consecutive sequences, with one sync of the disk, or not at all.
// acked is called exactly once, perhaps before sendBatch returns, with the PubAck of the
// first; it must not block. Its error is a *rejectedError, or says that nobody knows
// whether they are stored.
func (p *publisher) sendBatch(messages []*nats.Msg, acked func(first *jetstream.PubAck, err error)) {
	id := p.batchID + strconv.FormatUint(p.batches.Add(1), 36)
	count := len(messages)
	for i, m := range messages[:count-1] {
		setPart(m.Header, id, i+1)
		err := p.nc.PublishMsg(m)
		clearPart(m.Header)
		if err != nil {
			acked(nil, &rejectedError{err}) // nothing has asked the server to store the rest
			return
		}
	}
	// The answer may be there before the last one has left here: that is a copy.
	last := &nats.Msg{Subject: messages[count-1].Subject, Data: messages[count-1].Data, Header: maps.Clone(messages[count-1].Header)}
	setPart(last.Header, id, count)
	last.Header[batchCommitHeader] = []string{"1"}
	last.Reply = p.inbox.ask(func(ack *pubAck, err error) { acked(firstOf(id, count, ack, err)) })
	switch err := p.nc.PublishMsg(last); {
	case errors.Is(err, nats.ErrMaxPayload):
		p.inbox.giveUp(last.Reply, &rejectedError{err})
	case err != nil:
		p.inbox.giveUp(last.Reply, err) // it may have left all the same
	}
}

// setPart makes a message a part of a batch, for as long as it takes to send it.
func setPart(h nats.Header, id string, number int) {
	h[batchIDHeader] = []string{id}
	h[batchSeqHeader] = []string{strconv.Itoa(number)}
}

func clearPart(h nats.Header) {
	delete(h, batchIDHeader)
	delete(h, batchSeqHeader)
}

// firstOf is the PubAck of the first of count messages, of the answer to the last.
func firstOf(id string, count int, ack *pubAck, err error) (*jetstream.PubAck, error) {
	var refused *jetstream.APIError
	switch {
	case errors.As(err, &refused):
		return nil, &rejectedError{refused}
	case err != nil:
		return nil, err
	case ack.Batch != id || ack.Count != count || ack.Sequence < uint64(count):
		return nil, errOtherBatch
	}
	return &jetstream.PubAck{Stream: ack.Stream, Sequence: ack.Sequence - uint64(count) + 1}, nil
}

var errOtherBatch = errors.New("the answer is not to this batch")
