package provider

import (
	"net/textproto"
	"time"
)

// Fixture is one case of a pack: a request as the provider sends it, and what
// must come of it. It is fixtures/<Name>.txtar in the pack's folder, whose files
// are
//
//	case.yaml                 what the other files do not say, below
//	headers                   Name: value lines
//	body or body.base64       the body; the final newline of the former is the archive's, not the body's
//	event-0.json, …           the structured CloudEvents that come of it
type Fixture struct {
	Name string // file name without ".txtar"
	Doc  string // what the case is and where it comes from
	At   Position

	ReceivedAt time.Time // case.yaml: received_at, RFC 3339
	Method     string    // method; POST where the case does not say
	Endpoint   string    // endpoint; "" for a source without endpoints
	URL        string    // url: external URL, for signatures over it; "" where the case does not say
	Query      string    // query: raw query without "?"
	Header     textproto.MIMEHeader
	Body       []byte
	Secrets    []FixtureSecret // secrets: in the order of the file; the first signs
	AllowWeak  bool            // allow_weak: the secrets are a documentation's examples
	Sequence   uint64          // sequence of the delivery in the stream; 1 where the case does not say

	Answer     int        // answer: 200 or 401
	AnswerBody string     // answer_body: constant body of the 200; "" where the case does not say
	AnswerType string     // answer_type: its content type
	Stored     []string   // stored: canonical names of those of its headers that are stored with the delivery; nil where the case does not say
	DeadLetter string     // dead_letter: reason, of the delivery or of an item; "" where there is none
	Events     [][]byte   // in order of the items
	EventsAt   []Position // where each of them begins; nil where the fixture was made in Go
}

// FixtureSecret is a secret of a fixture: not a secret at all.
type FixtureSecret struct {
	ID   string
	Text string
}
