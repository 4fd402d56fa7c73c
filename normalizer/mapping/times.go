package mapping

import (
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"paybridge/normalizer/document"
)

// noteZoneless says that a time had no zone, and the pack's was taken.
const noteZoneless = "zoneless_time"

// moment is a time together with what is doubtful about it.
type moment struct {
	types.Timestamp
	zoneless bool
}

// plain is a time as CEL's own functions know it.
func plain(v ref.Val) ref.Val {
	if m, ok := v.(moment); ok {
		return m.Timestamp
	}
	return v
}

// utc is the time as events write it.
func (m moment) utc() string { return m.Time.UTC().Format(time.RFC3339Nano) }

// Subtract and Add are the arithmetic of times.
func (m moment) Subtract(other ref.Val) ref.Val { return m.Timestamp.Subtract(plain(other)) }

const badTime = "time: not a time as RFC 3339 writes it, with a zone; for one without, write time_in(x, \"America/Sao_Paulo\")"

// toTime is time(x): RFC 3339, with its zone.
func toTime(v ref.Val) ref.Val {
	switch v := operand(v).(type) {
	case types.String:
		if t, zoned, ok := parseTime(string(v), time.UTC); ok && zoned {
			return types.Timestamp{Time: t}
		}
		return fail(badTime)
	// What is a time already stays one; what is absent stays absent.
	case *types.Err, types.Timestamp, moment:
		return v
	}
	return fail(badTime)
}

// zones are the locations that a pack names, loaded when it is compiled.
type zones map[string]*time.Location

// toTimeIn is time_in(x, zone): RFC 3339 whose zone may be left out.
func (z zones) toTimeIn(v, zone ref.Val) ref.Val {
	name, _ := zone.(types.String)
	location := z[string(name)]
	text, ok := operand(v).(types.String)
	switch {
	case location == nil:
		return fail("time_in: the zone is unknown")
	case !ok && types.IsError(operand(v)):
		return operand(v)
	case !ok:
		return fail("time_in: takes a text")
	}
	t, zoned, ok := parseTime(string(text), location)
	if !ok {
		return fail("time_in: not a time as RFC 3339 writes it")
	}
	return moment{Timestamp: types.Timestamp{Time: t}, zoneless: !zoned}
}

// fromUnix is unix(x) and unix_ms(x): whole units since 1970, as number or text.
func fromUnix(unit time.Duration) func(ref.Val) ref.Val {
	return func(v ref.Val) ref.Val {
		var units int64
		ok := false
		switch v := operand(v).(type) {
		case *number:
			if text, short := digits(v); short {
				units, ok = document.Integer(text)
			}
		case types.Int:
			units, ok = int64(v), true
		case types.String:
			if len(v) <= maxDigits {
				i, err := strconv.ParseInt(string(v), 10, 64)
				units, ok = i, err == nil
			}
		case *types.Err:
			return v
		}
		if !ok {
			return fail("unix: not a whole number")
		}
		if unit == time.Millisecond {
			return types.Timestamp{Time: time.UnixMilli(units).UTC()}
		}
		return types.Timestamp{Time: time.Unix(units, 0).UTC()}
	}
}

// parseTime reads date, "T" or a space, and time of RFC 3339, with any number of
// decimals (beyond nanoseconds they are cut). The zone may be left out, and its
// colon. A leap second or hour 24 is no time here.
func parseTime(text string, location *time.Location) (t time.Time, zoned, ok bool) {
	// The places are fixed, which is stricter than time.Parse (that takes hours of one digit
	// and a comma before the decimals) and allocates nothing.
	const shape = "dddd-dd-ddTdd:dd:dd"
	if len(text) < len(shape) || len(text) > 64 {
		return t, false, false
	}
	for i := range len(shape) {
		c := text[i]
		switch shape[i] {
		case 'd':
			ok = '0' <= c && c <= '9'
		case 'T':
			ok = c == 'T' || c == 't' || c == ' '
		default:
			ok = c == shape[i]
		}
		if !ok {
			return t, false, false
		}
	}
	part := func(from, to int) int {
		n := 0
		for _, c := range []byte(text[from:to]) {
			n = 10*n + int(c-'0')
		}
		return n
	}
	// Every place holds a digit, so no part can fail.
	year, month, day := part(0, 4), part(5, 7), part(8, 10)
	hour, minute, second := part(11, 13), part(14, 16), part(17, 19)
	if month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return t, false, false
	}
	nanosecond, rest, ok := parseFraction(text[len(shape):])
	if !ok {
		return t, false, false
	}
	if rest != "" {
		if location, ok = parseZone(rest); !ok {
			return t, false, false
		}
		zoned = true
	}
	// time.Date would make the 31st of April the 1st of May.
	if day > time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return t, false, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, location).UTC(), zoned, true
}

// parseFraction reads the decimals of a second and returns what follows them.
func parseFraction(text string) (nanosecond int, rest string, ok bool) {
	decimals, found := strings.CutPrefix(text, ".")
	if !found {
		return 0, text, true
	}
	i, scale := 0, 100_000_000
	for ; i < len(decimals) && '0' <= decimals[i] && decimals[i] <= '9'; i++ {
		nanosecond += int(decimals[i]-'0') * scale
		scale /= 10
	}
	return nanosecond, decimals[i:], i > 0
}

// parseZone reads "Z", "+03:00", "+0300" or "+03".
func parseZone(text string) (*time.Location, bool) {
	if text == "Z" || text == "z" {
		return time.UTC, true
	}
	// Some providers leave out the colon, or the minutes, which ISO 8601 allows.
	if len(text) == 6 && text[3] == ':' {
		text = text[:3] + text[4:]
	}
	if text[0] != '+' && text[0] != '-' || len(text) != 3 && len(text) != 5 {
		return nil, false
	}
	hhmm, err := strconv.ParseUint((text + "00")[1:5], 10, 16)
	if err != nil || hhmm/100 > 23 || hhmm%100 > 59 {
		return nil, false
	}
	seconds := int(hhmm/100)*3600 + int(hhmm%100)*60
	if text[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}
