package provider

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// goodFixture has every part of a fixture.
const goodFixture = `A payment that was made.
From https://acme.example/docs.

-- case.yaml --
received_at: 2026-01-15T10:45:00.5Z
method: PUT
endpoint: Orders
url: https://pay.example/webhooks/acme/Orders
query: a=b&c
secrets:
  next: second-secret
  current: first-secret
allow_weak: true
sequence: 42
answer: 200
answer_body: "[accepted]"
answer_type: text/plain
stored: [x-signature]
dead_letter: ignored
-- headers --
x-signature:  abc  
event_type: paid

X-Twice: 1
X-Twice: 2
X-Colon: a:b
-- body --
{"a":1}

-- event-0.json --
{"id": "1"}
-- event-1.json --
{"id": "2"}
`

// fixturesOf reads the fixtures of a pack that has one, acme/fixtures/case.txtar.
func fixturesOf(t testing.TB, text string) ([]Fixture, error) {
	t.Helper()
	files := folder(good)
	files["acme/fixtures/case.txtar"] = &fstest.MapFile{Data: []byte(text)}
	files["acme/fixtures/notes.md"] = &fstest.MapFile{Data: []byte("passed over")}
	l, err := (&Library{}).With(files, "")
	if err != nil {
		t.Fatal(err)
	}
	return l.Fixtures("acme")
}

func TestAWholeFixture(t *testing.T) {
	fixtures, err := fixturesOf(t, goodFixture)
	if err != nil {
		t.Fatal(err)
	}
	f := fixtures[0]
	for got, want := range map[string]string{
		fmt.Sprint(len(fixtures), f.Name, f.At): "1caseacme/fixtures/case.txtar:1",
		f.Doc:                                   "A payment that was made.\nFrom https://acme.example/docs.",
		fmt.Sprint(f.ReceivedAt):                "2026-01-15 10:45:00.5 +0000 UTC",
		fmt.Sprint(f.Method, f.Endpoint, f.URL, f.Query):                 "PUTOrdershttps://pay.example/webhooks/acme/Ordersa=b&c",
		fmt.Sprint(f.Secrets, f.AllowWeak, f.Sequence):                   "[{next second-secret} {current first-secret}] true 42",
		fmt.Sprint(f.Answer, f.AnswerBody, f.AnswerType):                 "200[accepted]text/plain",
		fmt.Sprint(f.Stored, f.DeadLetter):                               "[X-Signature]ignored",
		fmt.Sprint(f.Header):                                             "map[Event_type:[paid] X-Colon:[a:b] X-Signature:[abc] X-Twice:[1 2]]",
		fmt.Sprintf("%q", f.Body):                                        `"{\"a\":1}\n"`,
		fmt.Sprintf("%s%s(%d)", f.Events[0], f.Events[1], len(f.Events)): "{\"id\": \"1\"}\n{\"id\": \"2\"}\n(2)",
	} {
		if got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

func TestFixtureDefaults(t *testing.T) {
	fixtures, err := fixturesOf(t, "Refused.\n-- case.yaml --\nreceived_at: '2026-01-15T10:45:00-03:00'\nsecrets: {a: b}\nanswer: 401\n-- headers --\n-- body.base64 --\nAAEC\n/w==\n")
	if err != nil {
		t.Fatal(err)
	}
	f := fixtures[0]
	if got := fmt.Sprint(f.Method, f.Sequence, f.ReceivedAt, f.Answer, f.Stored == nil, f.Body, f.Header); got != "POST1 2026-01-15 13:45:00 +0000 UTC 401 true [0 1 2 255] map[]" {
		t.Error(got)
	}
	l := acme(t, good)
	if fixtures, err := l.Fixtures("acme"); err != nil || fixtures != nil {
		t.Errorf("a pack without fixtures: %v %v", fixtures, err)
	}
}

func TestFixtureProblems(t *testing.T) {
	for _, c := range []struct{ old, other, want string }{
		{"A payment that was made.\nFrom https://acme.example/docs.\n", "", ":1: does not say what the case is and where it comes from"},
		{"-- case.yaml --", "-- case.yml --", ":1: case.yaml: is missing|:4: case.yml: is not a file of a fixture; write case.yaml, headers"},
		{"received_at: 2026-01-15T10:45:00.5Z", "received_at: 2026-01-15", ":5: received_at: is not an RFC 3339 time; write it as"},
		{"received_at: 2026-01-15T10:45:00.5Z\n", "", ":5: received_at: is missing"},
		{"sequence: 42", "sequence: -1", ":14: sequence: is not one; write a whole number"},
		{"sequence: 42", "sequences: 42", ":14: sequences: is not a key of the format"},
		{"sequence: 42", "sequence: [", ":14: is not YAML: "},
		{"answer: 200", "answer: 500", ":15: answer: is not 200 or 401"},
		{"answer: 200\n", "", ":5: answer: is not 200 or 401"},
		{"  next: second-secret\n  current: first-secret\n", "", ":10: secrets: is empty, not a mapping|:10: secrets: has no secret"},
		{"secrets:\n  next: second-secret\n  current: first-secret\n", "", ":5: secrets: has no secret"},
		{"answer: 200", "answer: 401", ":1: is refused, so nothing can come of it"},
		{"secrets:\n  next: second-secret\n  current: first-secret\n", "secrets: {}\n", ":10: secrets: has no secret"},
		{"next: second-secret", "next: 5", `:11: secrets.next: is a number, not text; put it in quotes: "5"`},
		{"dead_letter: ignored", "dead_letter: lost", `:19: dead_letter: "lost" is not known; write one of: malformed_json`},
		{"stored: [x-signature]", "stored: [x signature]", `:18: stored[0]: "x signature" is no header name`},
		{"allow_weak: true", "allow_weak: 1", ":13: allow_weak: is a number; write true or false"},
		{"event_type: paid", "event_type", ":22: headers: has a line that is no header; write Name: value"},
		{"X-Colon: a:b", "X Colon: b", ":26: headers: has a line that is no header"},
		{"-- headers --", "-- header --", ":1: headers: is missing|:20: header: is not a file of a fixture"},
		{"-- body --", "-- body.base64 --", ":27: body.base64: is not base64"},
		{"-- event-0.json --", "-- body.base64 --", ":1: body: has to stand, or body.base64, and not both|:32: event-1.json: is not a file of a fixture; write case.yaml, headers, body, body.base64, or the next event: event-0.json"},
		{"-- event-0.json --", "-- event-2.json --", ":30: event-2.json: is not a file of a fixture|:32: event-1.json: is not a file"},
		{"-- event-1.json --", "-- event-0.json --", ":32: event-0.json: stands twice; remove one"},
		{`{"id": "2"}`, `{"id": "2"`, ":32: event-1.json: is not JSON"},
	} {
		t.Run(c.other, func(t *testing.T) {
			if strings.Count(goodFixture, c.old) != 1 {
				t.Fatalf("%q is not once in the fixture", c.old)
			}
			_, err := fixturesOf(t, strings.Replace(goodFixture, c.old, c.other, 1))
			if err == nil {
				t.Fatal("no problem")
			}
			lines, want := strings.Split(err.Error(), "\n"), strings.Split(c.want, "|")
			if len(lines) != len(want) {
				t.Fatalf("%v", err)
			}
			for i := range want {
				if !strings.HasPrefix(lines[i], "acme/fixtures/case.txtar"+want[i]) {
					t.Errorf("%s\nwant acme/fixtures/case.txtar%s", lines[i], want[i])
				}
			}
		})
	}
}

func TestAnAcceptedFixtureSaysWhatComesOfIt(t *testing.T) {
	text := "Accepted.\n-- case.yaml --\nreceived_at: 2026-01-15T10:45:00Z\nsecrets: {a: b}\nanswer: 200\n-- headers --\n-- body --\nx\n"
	if _, err := fixturesOf(t, text); err == nil || err.Error() != "acme/fixtures/case.txtar:1: is accepted, and nothing comes of it; add event-0.json, or dead_letter to case.yaml" {
		t.Errorf("%v", err)
	}
	if _, err := fixturesOf(t, strings.Replace(text, "answer: 200", "answer: 200\ndead_letter: malformed_json", 1)); err != nil {
		t.Error(err)
	}
}

func TestFixturesAreBounded(t *testing.T) {
	if _, err := fixturesOf(t, strings.Repeat("x", maxFixture+1)); err == nil || !strings.Contains(err.Error(), "case.txtar: is larger than") {
		t.Errorf("%v", err)
	}
	files := folder(good)
	for i := range maxFixtures + 1 {
		files[fmt.Sprintf("acme/fixtures/%d.txtar", i)] = &fstest.MapFile{}
	}
	l, err := (&Library{}).With(files, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Fixtures("acme"); err == nil || err.Error() != "acme/fixtures: has 1001 fixtures, more than 1000" {
		t.Errorf("%v", err)
	}
}
