package auth

import (
	"fmt"
	"strconv"
	"time"

	"paybridge/schemas/provider"
)

// moment reads and judges the signed timestamp of a request. A nil moment dates
// nothing and judges nothing.
type moment struct {
	from      provider.Value
	unit      string
	tolerance time.Duration // two-sided, inclusive; 0: of any age
}

// instant is a moment's point in time.
type instant = time.Time

// Digits of the timestamps of our time, 2001 to 2286.
const (
	secondsDigits      = 10
	millisecondsDigits = 13
)

// newMoment compiles a pack's timestamp; nil where it has none.
func newMoment(t *provider.Timestamp) (*moment, error) {
	if t == nil {
		return nil, nil
	}
	switch t.Unit {
	case provider.Seconds, provider.Milliseconds, provider.SecondsOrMilliseconds, provider.RFC3339:
	default:
		return nil, fmt.Errorf("timestamp: unit %q is not known", t.Unit)
	}
	if t.From.Header == "" && t.From.Query == "" && t.From.Pair == "" {
		return nil, fmt.Errorf("timestamp: has no source")
	}
	return &moment{t.From, t.Unit, t.Tolerance}, nil
}

// pair is the timestamp's key in the signature header; "" where it is elsewhere.
func (m *moment) pair() string {
	if m == nil {
		return ""
	}
	return m.from.Pair
}

// text is the timestamp as the request has it.
func (m *moment) text(r *Request, f *found) (string, Reason) {
	switch {
	case m.from.Header != "":
		return headerOnce(r, m.from.Header)
	case m.from.Query != "":
		return queryOnce(r.Query, m.from.Query)
	case f.timestamp == "":
		return "", Missing
	}
	return f.timestamp, ""
}

// parse reads a timestamp: exactly digits, of exactly the unit's length, so that a
// digit cannot move between it and what is signed beside it.
func (m *moment) parse(text string) (instant, Reason) {
	if m.unit == provider.RFC3339 {
		var t time.Time
		if t.UnmarshalText([]byte(text)) != nil {
			return t, Malformed
		}
		return t, ""
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return instant{}, Malformed
		}
	}
	switch {
	// Seconds and milliseconds differ in length, so neither is taken for the other.
	case len(text) == secondsDigits && m.unit != provider.Milliseconds:
		n, _ := strconv.ParseInt(text, 10, 64) // digits, and few
		return time.Unix(n, 0), ""
	case len(text) == millisecondsDigits && m.unit != provider.Seconds:
		n, _ := strconv.ParseInt(text, 10, 64)
		return time.UnixMilli(n), ""
	}
	return instant{}, Malformed
}

// judges says whether there is a limit to judge by.
func (m *moment) judges() bool { return m != nil && m.tolerance > 0 }

// judge says whether the moment is too far from when the request came. Both ways
// count: a clock that is ahead would let a captured request be replayed for long.
func (m *moment) judge(at instant, received time.Time) Reason {
	if !m.judges() {
		return ""
	}
	switch age := received.Sub(at); {
	case age > m.tolerance:
		return Stale
	case age < -m.tolerance:
		return Future
	}
	return ""
}

// write is a moment as the provider writes it.
func (m *moment) write(at time.Time) string {
	switch m.unit {
	case provider.Milliseconds:
		return strconv.FormatInt(at.UnixMilli(), 10)
	case provider.RFC3339:
		return at.UTC().Format(time.RFC3339)
	}
	return strconv.FormatInt(at.Unix(), 10)
}
