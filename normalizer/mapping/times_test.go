package mapping

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTime(t *testing.T) {
	const refused = `error: time: not a time as RFC 3339 writes it, with a zone; for one without, write time_in(x, "America/Sao_Paulo")`
	for written, want := range map[string]string{
		`"2024-01-15T10:45:00Z"`:                "2024-01-15T10:45:00Z",
		`"2024-01-15t10:45:00z"`:                "2024-01-15T10:45:00Z",
		`"2024-01-15 10:45:00Z"`:                "2024-01-15T10:45:00Z",
		`"2018-08-17T18:44:54.033Z"`:            "2018-08-17T18:44:54.033Z",
		`"2024-01-15T10:45:00.123456789123Z"`:   "2024-01-15T10:45:00.123456789Z",
		`"2024-01-15T10:45:00+03:00"`:           "2024-01-15T07:45:00Z",
		`"2024-01-15T23:45:00.5-03:30"`:         "2024-01-16T03:15:00.5Z",
		`"2024-01-15T10:45:00-0300"`:            "2024-01-15T13:45:00Z",
		`"2024-01-15T10:45:00-03"`:              "2024-01-15T13:45:00Z",
		`"2024-02-29T00:00:00Z"`:                "2024-02-29T00:00:00Z",
		`"2023-02-29T00:00:00Z"`:                refused,
		`"2024-04-31T00:00:00Z"`:                refused,
		`"2024-01-15T10:45:00"`:                 refused,
		`"2024-01-15T23:59:60Z"`:                refused,
		`"2024-01-15T24:00:00Z"`:                refused,
		`"2024-01-15T10:60:00Z"`:                refused,
		`"2024-13-15T10:45:00Z"`:                refused,
		`"2024-00-15T10:45:00Z"`:                refused,
		`"2024-01-00T10:45:00Z"`:                refused,
		`"2024-01-15T10:45:00,5Z"`:              refused,
		`"2024-01-15T10:45:00.Z"`:               refused,
		`"2024-1-15T10:45:00Z"`:                 refused,
		`"2024-01-15T10:45Z"`:                   refused,
		`"2024-01-15T10:45:00+24:00"`:           refused,
		`"2024-01-15T10:45:00+03:0"`:            refused,
		`"2024-01-15T10:45:00+ 3:00"`:           refused,
		`"2024-01-15T10:45:00 UTC"`:             refused,
		`"2024-01-15"`:                          refused,
		`"-2024-01-15T10:45:00Z"`:               refused,
		`"٢٠٢٤-01-15T10:45:00Z"`:                refused,
		`""`:                                    refused,
		`"` + strings.Repeat("2", 100) + `"`:    refused,
		`5`:                                     refused,
		`[]`:                                    refused,
		`null`:                                  "absent",
		`"9999-12-31T23:59:59.999999999-23:59"`: "10000-01-01T23:58:59.999999999Z",
	} {
		if got := show(evaluate(t, `{"x":`+written+`}`, "time(item.x)")); got != want {
			t.Errorf("time(%s)\n is %s\nnot %s", written, got, want)
		}
	}
}

func TestTimeIn(t *testing.T) {
	for _, c := range []struct{ written, zone, want string }{
		{`"2025-04-16T11:30:04.157929932"`, "America/Sao_Paulo", "2025-04-16T14:30:04.157929932Z zoneless=true"},
		{`"2024-07-01T16:00:00-03:00"`, "America/Sao_Paulo", "2024-07-01T19:00:00Z zoneless=false"},
		{`"2018-01-16 12:00:00"`, "America/Sao_Paulo", "2018-01-16T14:00:00Z zoneless=true"}, // summer time was kept then
		{`"2026-02-06 12:00:00"`, "UTC", "2026-02-06T12:00:00Z zoneless=true"},
		{`"2026-02-06"`, "UTC", "error: time_in: not a time as RFC 3339 writes it"},
		{`5`, "UTC", "error: time_in: takes a text"},
		{`null`, "UTC", "absent"},
	} {
		expression := fmt.Sprintf("time_in(item.x, %q)", c.zone)
		if got := show(evaluate(t, `{"x":`+c.written+`}`, expression)); got != c.want {
			t.Errorf("%s of %s\n is %s\nnot %s", expression, c.written, got, c.want)
		}
	}
	for expression, want := range map[string]string{
		`time_in(item.x, "America/Sao_Paulo") > time("2024-01-15T12:59:59Z")`:              "true",
		`time_in(item.x, "America/Sao_Paulo") == time("2024-01-15T13:00:00Z")`:             "true",
		`time_in(item.x, "UTC") - duration("1h")`:                                          "2024-01-15T09:00:00Z",
		`time(time_in(item.x, "UTC"))`:                                                     "2024-01-15T10:00:00Z zoneless=true",
		`string(time_in(item.x, "UTC"))`:                                                   `"2024-01-15T10:00:00Z"`,
		`time_in(item.x, "UTC") + duration("1m") < time_in(item.x, "America/Sao_Paulo")`:   "true",
		`time_in(item.x, "America/Sao_Paulo") - time_in(item.x, "UTC") == duration("10m")`: "false",
	} {
		if got := show(evaluate(t, `{"x":"2024-01-15T10:00:00"}`, expression)); got != want {
			t.Errorf("%s\n is %s\nnot %s", expression, got, want)
		}
	}
}

func TestUnix(t *testing.T) {
	for _, c := range []struct{ expression, want string }{
		{"unix(item.s)", "2024-01-15T10:45:00Z"},
		{"unix(item.text)", "2024-01-15T10:45:00Z"},
		{"unix(item.e)", "2033-05-18T03:33:20Z"},
		{"unix(1705315500)", "2024-01-15T10:45:00Z"},
		{"unix_ms(item.ms)", "2024-01-15T10:45:00.123Z"},
		{"unix(item.half)", "error: unix: not a whole number"},
		{"unix(item.bad)", "error: unix: not a whole number"},
		{"unix(item.long)", "error: unix: not a whole number"},
		{"unix(item.missing)", "absent"},
		{"unix(item.?missing)", "absent"},
	} {
		body := `{"s":1705315500,"text":"1705315500","e":2e9,"ms":1705315500123,"half":1705315500.5,"bad":"12h","long":1` + strings.Repeat("0", 2000) + `}`
		if got := show(evaluate(t, body, c.expression)); got != c.want {
			t.Errorf("%s is %s, not %s", c.expression, got, c.want)
		}
	}
}

// TestTimeAgainstTheStandardLibrary writes times as the standard library does.
func TestTimeAgainstTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-60e9, 250e9).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		zone := time.FixedZone("", 60*rapid.IntRange(-14*60, 14*60).Draw(t, "zone"))
		written := at.In(zone).Format(time.RFC3339Nano)
		got, zoned, ok := parseTime(written, nil)
		if !ok || !zoned || !got.Equal(at) {
			t.Errorf("%s is %v %v %v", written, got, zoned, ok)
		}
	})
}

// TestATimeThatIsNoTime: what is read as it stands is null, or not a time.
func TestATimeThatIsNoTime(t *testing.T) {
	p := compile(t, "type_prefix: com.acme\ntype: item.type\nid: item.id\ntime: item.at", Settings{})
	for at, want := range map[string]string{"null": "null[]", "5": "null[unreadable_time]", `"2024-01-15T10:00:00Z"`: "null[unreadable_time]"} {
		pay := one(t, p, `{"type":"t","id":"e","at":`+at+`}`).Payment
		if got := fmt.Sprint(text(pay.OccurredAt), pay.Notes); got != want {
			t.Errorf("%s became %s, want %s", at, got, want)
		}
	}
}

// TestWhenItHappened holds the time of events against the contract: nonsense becomes
// received-at, and is never a failure.
func TestWhenItHappened(t *testing.T) {
	p := compile(t, `
type_prefix: com.acme
type: item.type
id: item.id
time: 'has(item.ms) ? unix_ms(item.ms) : time_in(item.at, "America/Sao_Paulo")'`, Settings{})
	const receivedAt = "2024-01-15T10:45:02.5Z"
	for written, want := range map[string]string{
		`"at":"2024-01-15T10:00:00Z"`:          "2024-01-15T10:00:00Z 2024-01-15T10:00:00Z []",
		`"at":"2024-01-15T07:00:00"`:           "2024-01-15T10:00:00Z 2024-01-15T10:00:00Z [zoneless_time]",
		`"at":"2000-01-01T00:00:00Z"`:          "2000-01-01T00:00:00Z 2000-01-01T00:00:00Z []",
		`"at":"1999-12-31T23:59:59Z"`:          receivedAt + " null [unreadable_time]",
		`"at":"1999-12-31T23:59:59-01:00"`:     "2000-01-01T00:59:59Z 2000-01-01T00:59:59Z []",
		`"at":"2034-01-15T10:45:02.5Z"`:        "2034-01-15T10:45:02.5Z 2034-01-15T10:45:02.5Z []",
		`"at":"2034-01-15T10:45:02.500000001"`: receivedAt + " null [unreadable_time]",
		`"at":"0000-01-01T00:00:00Z"`:          receivedAt + " null [unreadable_time]",
		`"at":"9999-12-31T23:59:59Z"`:          receivedAt + " null [unreadable_time]",
		`"at":"2024-01-15T23:59:60Z"`:          receivedAt + " null [unreadable_time]",
		`"at":"yesterday"`:                     receivedAt + " null [unreadable_time]",
		`"at":7`:                               receivedAt + " null [unreadable_time]",
		`"at":{}`:                              receivedAt + " null [unreadable_time]",
		`"at":null`:                            receivedAt + " null []",
		`"x":1`:                                receivedAt + " null []",
		`"ms":1705312800000`:                   "2024-01-15T10:00:00Z 2024-01-15T10:00:00Z []",
		`"ms":0`:                               receivedAt + " null [unreadable_time]",
		`"ms":-1e18`:                           receivedAt + " null [unreadable_time]",
		`"ms":1e999`:                           receivedAt + " null [unreadable_time]",
		`"ms":9223372036854775807`:             receivedAt + " null [unreadable_time]",
	} {
		e := one(t, p, `{"type":"t","id":"e",`+written+`}`)
		got := fmt.Sprintf("%s %s %v", e.Time.Format(time.RFC3339Nano), text(e.Payment.OccurredAt), e.Payment.Notes)
		if got != want {
			t.Errorf("%s\n is %s\nnot %s", written, got, want)
		}
	}
}
