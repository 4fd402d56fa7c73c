package operate

import (
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          {},
		"90m":                       now.Add(-90 * time.Minute),
		"7d":                        now.Add(-7 * 24 * time.Hour),
		"1.5d":                      now.Add(-36 * time.Hour),
		"2026-01-31":                time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
		"2026-01-31T12:00:00Z":      time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		"2026-01-31T12:00:00-03:00": time.Date(2026, 1, 31, 15, 0, 0, 0, time.UTC),
	} {
		if got, err := Moment(text, now); !got.Equal(want) || err != nil {
			t.Errorf("Moment(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, bad := range []string{"yesterday", "7 d", "d", "31/01/2026", "12:00"} {
		if got, err := Moment(bad, now); err == nil {
			t.Errorf("Moment(%q) = %v, want an error", bad, got)
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                "0s",
		1234 * time.Microsecond:          "1.23ms",
		1550 * time.Millisecond:          "1.6s",
		90 * time.Second:                 "1m30s",
		2 * time.Hour:                    "2h",
		26*time.Hour + time.Minute:       "26h1m",
		48 * time.Hour:                   "48h",
		74*time.Hour + time.Minute:       "3d2h",
		35 * 24 * time.Hour:              "35d",
		-time.Minute:                     "-1m",
		3*time.Minute + time.Millisecond: "3m",
	} {
		if got := Age(d); got != want {
			t.Errorf("Age(%v) = %q, want %q", d, got, want)
		}
	}
}
