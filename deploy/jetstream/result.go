package jetstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"paybridge/schemas/delivery"
)

// result is what one message of PAYMENTS or DEADLETTERS tells about the delivery
// that it was made from.
type result struct {
	delivery uint64    // sequence in WEBHOOKS
	at       time.Time // when the result was stored
	whole    bool      // it is provably all that the delivery became
}

// readResults reads the last messages of a stream, at most so many.
func readResults(ctx context.Context, js jetstream.JetStream, name string, most uint64, read func(jetstream.Msg) (result, bool)) (evidence, error) {
	s, err := js.Stream(ctx, name)
	if err != nil {
		return evidence{}, err
	}
	var found evidence
	state := s.CachedInfo().State
	if state.Msgs == 0 {
		return found, nil
	}
	from, all := state.FirstSeq, true
	if state.LastSeq-state.FirstSeq >= most {
		from, all = state.LastSeq-most+1, false
	}
	ordered, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		return evidence{}, err
	}
	messages, err := ordered.Messages()
	if err != nil {
		return evidence{}, err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return evidence{}, fmt.Errorf("%s: %w", name, err)
		}
		stored, err := m.Metadata()
		if err != nil {
			return evidence{}, fmt.Errorf("%s: %w", name, err)
		}
		if !all && found.since.IsZero() {
			found.since = stored.Timestamp
		}
		if r, ok := read(m); ok {
			r.at = stored.Timestamp
			found.results = append(found.results, r)
		}
		if stored.Sequence.Stream >= state.LastSeq || stored.NumPending == 0 {
			return found, nil
		}
	}
}

// attributes is what fromEvent needs of an event.
type attributes struct {
	Sequence  string `json:"sequence"`
	ReplayID  string `json:"replayid"`
	RawDigest string `json:"rawdigest"`
	Data      data   `json:"data"`
}

type data struct {
	Native json.RawMessage `json:"native"`
}

// fromEvent reads an event in either mode. It is whole where the item that it
// carries is the delivery's whole body. A corrected event of a replay is no work of
// the normalizer, and no result.
func fromEvent(m jetstream.Msg) (result, bool) {
	e := attributes{Sequence: attribute(m, "sequence")}
	target := any(&e)
	if e.Sequence != "" { // binary mode: the payload is the data alone
		target = &e.Data
		e.ReplayID = attribute(m, "replayid")
		e.RawDigest = attribute(m, "rawdigest")
	}
	if err := json.Unmarshal(m.Data(), target); err != nil || e.ReplayID != "" {
		return result{}, false
	}
	text, _, _ := strings.Cut(e.Sequence, ".")
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return result{}, false
	}
	digest := sha256.Sum256(bytes.TrimSpace(e.Data.Native))
	return result{delivery: seq, whole: e.RawDigest == "sha256-"+hex.EncodeToString(digest[:])}, true
}

// attribute is a CloudEvents attribute of binary mode; its name's case is free.
func attribute(m jetstream.Msg, name string) string {
	for header, values := range m.Headers() {
		if strings.EqualFold(header, "ce-"+name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

// fromDeadLetter reads a dead letter. It is whole where its reason is found before
// a delivery is taken apart.
func fromDeadLetter(m jetstream.Msg) (result, bool) {
	seq, err := strconv.ParseUint(m.Headers().Get(delivery.StreamSequenceHeader), 10, 64)
	if err != nil {
		return result{}, false
	}
	r := result{delivery: seq}
	switch delivery.Reason(m.Headers().Get(delivery.ReasonHeader)) {
	case delivery.MalformedJSON, delivery.TooDeep, delivery.Unsealed, delivery.CrashGuard:
		r.whole = true
	}
	return r, true
}
