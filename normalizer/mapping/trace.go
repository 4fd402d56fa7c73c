package mapping

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// Trace is the trace that everything belongs to that comes of one delivery.
type Trace struct {
	ID      string // 32 hexadecimal digits
	Parent  string // 16: the span of the request; "" where the trace starts with the delivery
	Sampled bool   // who started it records it
}

// TraceOf is the trace of a delivery that became no event: the one that its events
// continue, should it be redriven. One that starts here is always sampled, because an
// operator will ask about it.
func TraceOf(d *delivery.Delivery) Trace {
	if trace, flags, ok := parseTraceparent(d.Traceparent); ok {
		return Trace{trace, d.Traceparent[36:52], (flags[1]-'0')&flagSampled != 0}
	}
	var room [256]byte
	id := startedTrace(traceSeed(room[:0], d, event.RawDigestOf(d.BodyDigest())))
	return Trace{ID: hex.EncodeToString(id[:]), Sampled: true}
}

// traceparent is the W3C trace context of the item-th event of d: a child of the
// request's own, or of a trace that is started. Its ids are made of the delivery, not
// by chance, so that the same delivery gives the same event; the share of started
// traces that is not sampled is chosen by them too.
func traceparent(d *delivery.Delivery, digest string, item int, unsampled float64) string {
	var room, text [256]byte
	seed := traceSeed(room[:0], d, digest)
	out := append(text[:0], "00-"...)
	trace, flags, ok := parseTraceparent(d.Traceparent)
	if ok {
		out = append(out, trace...)
	} else {
		id := startedTrace(seed)
		out, flags = hex.AppendEncode(out, id[:]), "01"
		if !sampled(id, unsampled) {
			flags = "00"
		}
	}
	// A span belongs to its trace: two requests with one body have two spans.
	seed = append(append(seed, 0), out...)
	seed = strconv.AppendInt(append(seed, 0), int64(item), 10)
	sum := sha256.Sum256(seed)
	out = hex.AppendEncode(append(out, '-'), sum[:8])
	return string(append(append(out, '-'), flags...))
}

// traceSeed appends what tells one delivery from every other: a digest of its body,
// and where it came in.
func traceSeed(seed []byte, d *delivery.Delivery, digest string) []byte {
	seed = append(seed, "paybridge trace\x00"...)
	seed = append(append(seed, d.Source...), 0)
	seed = append(append(seed, d.Endpoint...), 0)
	return append(seed, digest...)
}

// startedTrace is the id of the trace that a delivery starts.
func startedTrace(seed []byte) (id [16]byte) {
	sum := sha256.Sum256(seed)
	copy(id[:], sum[:])
	return id
}

// sampled chooses by the id as OpenTelemetry's TraceIDRatioBased does, so that a
// consumer with the same share records the same traces.
func sampled(id [16]byte, unsampled float64) bool {
	return unsampled <= 0 || binary.BigEndian.Uint64(id[8:])>>1 < uint64((1-unsampled)*(1<<63))
}

// The flags that are passed on: who started the trace records it, and its id is random.
const (
	flagSampled = 1
	flagRandom  = 2
)

// parseTraceparent reads the trace id and the flags of a trace context: of version
// 00 exactly, of a later version as far as it looks like one, as the W3C wants.
// Flags that mean nothing yet are cleared: https://www.w3.org/TR/trace-context-2/#other-flags
func parseTraceparent(text string) (trace, flags string, ok bool) {
	const length = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-00")
	if len(text) < length || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return "", "", false
	}
	version, trace, parent, flags := text[:2], text[3:35], text[36:52], text[53:55]
	if !isLowerHex(version) || !isLowerHex(trace) || !isLowerHex(parent) || !isLowerHex(flags) {
		return "", "", false
	}
	if version == "ff" || strings.Trim(trace, "0") == "" || strings.Trim(parent, "0") == "" {
		return "", "", false
	}
	// What a later version appends, this one neither knows nor passes on.
	if version == "00" && len(text) > length || len(text) > length && text[length] != '-' {
		return "", "", false
	}
	bits, err := strconv.ParseUint(flags, 16, 8)
	known := uint64(flagSampled | flagRandom)
	if version != "00" {
		known = flagSampled
	}
	return trace, [...]string{"00", "01", "02", "03"}[bits&known], err == nil
}

// isLowerHex says whether s has no other character than 0 to 9 and a to f.
func isLowerHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}
