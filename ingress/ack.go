package ingress

import (
	"bytes"
	"encoding/json"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The server's plain acknowledgement, `{"stream":"WEBHOOKS","seq":42}`, around its
// sequence. Nearly all are, and reading them so costs a twentieth of JSON's way.
var (
	plainAck    = []byte(`{"stream":"` + rawStream + `","seq":`)
	plainAckEnd = []byte(`}`)
)

// maxPlainDigits is how many digits never overflow a sequence.
const maxPlainDigits = 18

// readAck reads the server's answer to a message. Its error is what the server said
// against it, or that it is no acknowledgement.
func readAck(m *nats.Msg) (*jetstream.PubAck, error) {
	if sequence, plain := readPlainAck(m.Data); plain {
		return &jetstream.PubAck{Stream: rawStream, Sequence: sequence}, nil
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return nil, jetstream.ErrNoStreamResponse
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
		jetstream.PubAck
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil:
		return nil, jetstream.ErrInvalidJSAck
	case answer.Error != nil:
		return nil, answer.Error
	case answer.Stream == "" || answer.Sequence == 0:
		return nil, jetstream.ErrInvalidJSAck
	}
	return &answer.PubAck, nil
}

// readPlainAck reads the sequence of an acknowledgement in exactly the server's
// spelling; plain is false for anything else, whatever it means.
func readPlainAck(data []byte) (sequence uint64, plain bool) {
	digits, plain := bytes.CutPrefix(data, plainAck)
	if !plain {
		return 0, false
	}
	digits, plain = bytes.CutSuffix(digits, plainAckEnd)
	if !plain || len(digits) == 0 || len(digits) > maxPlainDigits || digits[0] == '0' {
		return 0, false
	}
	for _, digit := range digits {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		sequence = sequence*10 + uint64(digit-'0')
	}
	return sequence, true
}
