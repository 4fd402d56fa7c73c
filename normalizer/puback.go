package normalizer

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// pubAck is what JetStream answers to a message, or to the last one of a batch.
type pubAck struct {
	jetstream.PubAck
	Batch string              `json:"batch"`
	Count int                 `json:"count"`
	Error *jetstream.APIError `json:"error"`
}

// readAck reads an answer; what JetStream refuses is a *jetstream.APIError.
func readAck(m *nats.Msg) (*pubAck, error) {
	if ack := plainAck(m.Data); ack != nil {
		return ack, nil
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return nil, jetstream.ErrNoStreamResponse
	}
	var ack pubAck
	switch err := json.Unmarshal(m.Data, &ack); {
	case err != nil:
		return nil, errors.Join(jetstream.ErrInvalidJSAck, err)
	case ack.Error != nil:
		return nil, ack.Error
	case ack.Stream == "" || ack.Sequence == 0:
		return nil, jetstream.ErrInvalidJSAck
	}
	return &ack, nil
}

// The parts of a plain answer.
var (
	ackStream = []byte(`{"stream":"`)
	ackSeq    = []byte(`","seq":`)
)

// plainAck reads what the server answers to nearly every message, byte for byte:
// {"stream":"PAYMENTS","seq":7}. It is nil for all else, which a parser reads.
func plainAck(data []byte) *pubAck {
	rest, opens := bytes.CutPrefix(data, ackStream)
	name, rest, named := bytes.Cut(rest, ackSeq)
	if !opens || !named || len(rest) < 2 || len(rest) > 19 || rest[0] == '0' || rest[len(rest)-1] != '}' {
		return nil
	}
	ack := &pubAck{}
	for _, c := range rest[:len(rest)-1] {
		if c < '0' || c > '9' {
			return nil
		}
		ack.Sequence = 10*ack.Sequence + uint64(c-'0')
	}
	switch string(name) {
	case paymentsStream:
		ack.Stream = paymentsStream
	case deadLettersStream:
		ack.Stream = deadLettersStream
	default:
		return nil
	}
	return ack
}
