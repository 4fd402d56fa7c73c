package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"paybridge/schemas/delivery"
)

// traceparent is the W3C trace context of the item-th event of d: a child of the
// request's own, or of a trace that is started. Its ids are made of the delivery, not
// by chance, so that the same delivery gives the same event.
func traceparent(d *delivery.Delivery, digest string, item int) string {
	var room, text [256]byte
	seed := append(room[:0], "paybridge trace\x00"...)
	seed = append(append(seed, d.Source...), 0)
	seed = append(append(seed, d.Endpoint...), 0)
	seed = append(seed, digest...)
	out := append(text[:0], "00-"...)
	trace, flags, ok := parseTraceparent(d.Traceparent)
	if ok {
		out = append(out, trace...)
	} else {
		sum := sha256.Sum256(seed)
		out, flags = hex.AppendEncode(out, sum[:16]), "01"
	}
	// A span belongs to its trace: two requests with one body have two spans.
	seed = append(append(seed, 0), out...)
	seed = strconv.AppendInt(append(seed, 0), int64(item), 10)
	sum := sha256.Sum256(seed)
	out = hex.AppendEncode(append(out, '-'), sum[:8])
	return string(append(append(out, '-'), flags...))
}

// parseTraceparent reads the trace id and the flags of a trace context: of version
// 00 exactly, of a later version as far as it looks like one, as the W3C wants.
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
	if version == "00" {
		return trace, flags, len(text) == length
	}
	if len(text) > length && text[length] != '-' {
		return "", "", false
	}
	// Of the flags, this version knows the first alone.
	if bits, err := strconv.ParseUint(flags, 16, 8); err == nil && bits&1 == 1 {
		return trace, "01", true
	}
	return trace, "00", true
}

// isLowerHex says whether s has no other character than 0 to 9 and a to f.
func isLowerHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}
