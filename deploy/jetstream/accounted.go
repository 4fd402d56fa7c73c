package jetstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// How far back accounted looks. A delivery that was first handed out before the
// last `settled` of work, and before the last `inHand` results of it, has been
// handed out again to a living worker, or taken by the crash guard: by then it
// is an event, a duplicate or a dead letter.
const (
	settled = time.Hour
	inHand  = 2 * MaxAckPending
	newest  = 1024 // how many of the last messages of a stream are searched for the newest result
)

// result is what one message of PAYMENTS or DEADLETTERS proves about the
// delivery that it came from.
type result struct {
	delivery uint64 // sequence in WEBHOOKS
	whole    bool   // it is all that the delivery became
	at       time.Time
}

// accounted is the highest sequence of WEBHOOKS up to which every delivery is
// known to have become events, a duplicate or a dead letter; 0 where nothing has.
//
// It can be too low, and then some deliveries run again: their events have the
// ids that they had, and the duplicate window of PAYMENTS drops them. It must
// never be too high, for then a payment would be lost. So a delivery counts only
// if what is stored proves it complete: an event that carries the whole body, or
// a dead letter of the whole delivery. An item of a batch proves nothing of its
// neighbours, and a duplicate leaves no trace.
func accounted(ctx context.Context, js jetstream.JetStream) (uint64, error) {
	raw, err := js.Stream(ctx, Webhooks)
	if err != nil {
		return 0, err
	}
	var logs []*log
	for name, read := range map[string]func(jetstream.Msg) (result, bool){Payments: fromEvent, DeadLetters: fromDeadLetter} {
		l, err := openLog(ctx, js, name, read, raw.CachedInfo())
		if err != nil {
			return 0, err
		}
		logs = append(logs, l)
	}
	var last result // of the delivery that came furthest, not of the latest work: a redrive works on old ones
	for _, l := range logs {
		err := l.each(ctx, l.back(l.last, newest-1), func(_ uint64, r result) {
			if r.delivery > last.delivery {
				last = r
			}
		})
		if err != nil {
			return 0, err
		}
	}
	if last.delivery == 0 {
		return 0, nil
	}
	first := raw.CachedInfo().State.FirstSeq
	floor := max(first, 1) - 1
	done := newMarks(first, last.delivery)
	for _, l := range logs {
		from, err := l.before(ctx, last.at.Add(-settled))
		if err != nil {
			return 0, err
		}
		from = l.back(from, inHand)
		witnesses := from + inHand/2
		err = l.each(ctx, from, func(seq uint64, r result) {
			if seq < witnesses && from > l.first {
				floor = max(floor, r.delivery)
			}
			if r.whole {
				done.add(r.delivery)
			}
		})
		if err != nil {
			return 0, err
		}
	}
	for floor < last.delivery && done.has(floor+1) {
		floor++
	}
	return floor, nil
}

// log is PAYMENTS or DEADLETTERS, read as results.
type log struct {
	stream      jetstream.Stream
	read        func(jetstream.Msg) (result, bool)
	first, last uint64 // sequences that it holds; first > last where it is empty
	raw         *jetstream.StreamInfo
}

func openLog(ctx context.Context, js jetstream.JetStream, name string, read func(jetstream.Msg) (result, bool), raw *jetstream.StreamInfo) (*log, error) {
	s, err := js.Stream(ctx, name)
	if err != nil {
		return nil, err
	}
	state := s.CachedInfo().State
	l := &log{stream: s, read: read, first: max(state.FirstSeq, 1), last: state.LastSeq, raw: raw}
	if state.Msgs == 0 {
		l.first = l.last + 1
	}
	return l, nil
}

// back is the sequence n before seq, within what the log holds.
func (l *log) back(seq, n uint64) uint64 {
	if seq < l.first+n {
		return l.first
	}
	return seq - n
}

// before is the sequence of the first message stored at t or later.
func (l *log) before(ctx context.Context, t time.Time) (uint64, error) {
	var failed error
	n := sort.Search(int(l.last+1-l.first), func(i int) bool {
		m, err := l.stream.GetMsg(ctx, l.first+uint64(i))
		if err != nil {
			failed = err
			return true
		}
		return !m.Time.Before(t)
	})
	return l.first + uint64(n), failed
}

// each calls f with every result from a sequence on. Messages of an earlier life
// of WEBHOOKS say nothing about this one's sequences, and are left out.
func (l *log) each(ctx context.Context, from uint64, f func(uint64, result)) error {
	if from > l.last {
		return nil
	}
	c, err := l.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		return err
	}
	messages, err := c.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		at, err := m.Metadata()
		if err != nil {
			return err
		}
		r, ok := l.read(m)
		r.at = at.Timestamp
		if ok && r.delivery <= l.raw.State.LastSeq && r.at.After(l.raw.Created) {
			f(at.Sequence.Stream, r)
		}
		if at.Sequence.Stream >= l.last || at.NumPending == 0 {
			return nil
		}
	}
}

// fromEvent reads an event in either mode. A corrected event of a replay is no
// result of the normalizer.
func fromEvent(m jetstream.Msg) (result, bool) {
	var e struct {
		Sequence  string `json:"sequence"`
		ReplayID  string `json:"replayid"`
		RawDigest string `json:"rawdigest"`
		Data      struct {
			Native json.RawMessage `json:"native"`
		} `json:"data"`
	}
	target, binary := any(&e), m.Headers().Get("Content-Type") == ""
	if binary {
		target = &e.Data
		for name, values := range m.Headers() {
			switch strings.ToLower(name) {
			case "ce-sequence":
				e.Sequence = values[0]
			case "ce-replayid":
				e.ReplayID = values[0]
			case "ce-rawdigest":
				e.RawDigest = values[0]
			}
		}
	}
	if json.Unmarshal(m.Data(), target) != nil || e.ReplayID != "" {
		return result{}, false
	}
	text, _, _ := strings.Cut(e.Sequence, ".")
	seq, err := strconv.ParseUint(text, 10, 64)
	digest := sha256.Sum256(bytes.TrimSpace(e.Data.Native))
	return result{delivery: seq, whole: e.RawDigest == "sha256-"+hex.EncodeToString(digest[:])}, err == nil
}

// fromDeadLetter reads a dead letter. Reasons that are found before a delivery is
// taken apart are about all of it.
func fromDeadLetter(m jetstream.Msg) (result, bool) {
	seq, err := strconv.ParseUint(m.Headers().Get("Deadletter-Stream-Sequence"), 10, 64)
	r := result{delivery: seq}
	switch m.Headers().Get("Deadletter-Reason") {
	case "malformed_json", "too_deep", "unsealed", "crash_guard":
		r.whole = true
	}
	return r, err == nil
}

// marks is a set of sequences, one bit each.
type marks struct {
	first uint64
	bits  []uint64
}

func newMarks(first, last uint64) *marks {
	first = min(first, last)
	return &marks{first: first, bits: make([]uint64, (last-first)/64+1)}
}

func (m *marks) add(seq uint64) {
	if i := seq - m.first; seq >= m.first && i/64 < uint64(len(m.bits)) {
		m.bits[i/64] |= 1 << (i % 64)
	}
}

func (m *marks) has(seq uint64) bool {
	i := seq - m.first
	return seq >= m.first && i/64 < uint64(len(m.bits)) && m.bits[i/64]&(1<<(i%64)) != 0
}
