package operate

import (
	"fmt"
	"strings"
	"time"
)

// Moment reads a point in time as people type it: "" is the zero time, a duration
// is so long before now ("90m", "7d"), and anything else is RFC 3339 or a date.
func Moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if d, err := time.ParseDuration(days + "h"); err == nil {
			return now.Add(-24 * d), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, advise(fmt.Errorf("%q is neither a duration nor a time", text),
		"write 90m, 7d, 2026-01-31 or 2026-01-31T12:00:00Z")
}

// Age is a duration as people read it: the largest two units, "35d", "2h", "1m30s".
func Age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "-" + Age(-d)
	case d == 0:
		return "0s"
	case d >= 3*day: // up to then people count hours: a window of 48h
		return join(d/day, "d", (d%day)/time.Hour, "h")
	case d >= time.Hour:
		return join(d/time.Hour, "h", (d%time.Hour)/time.Minute, "m")
	case d >= time.Minute:
		return join(d/time.Minute, "m", (d%time.Minute)/time.Second, "s")
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// join is two units, or the larger one alone where nothing is left for the smaller.
func join(large time.Duration, unit string, small time.Duration, smallUnit string) string {
	if small == 0 {
		return fmt.Sprintf("%d%s", large, unit)
	}
	return fmt.Sprintf("%d%s%d%s", large, unit, small, smallUnit)
}
