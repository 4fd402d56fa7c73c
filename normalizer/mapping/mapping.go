// Package mapping turns a decoded delivery into events: the compiled CEL
// programs of a pack's events half, and the helpers for money, time and ids that
// they call.
//
// # The promise
//
// Mapping is a pure function of the delivery, its sequence and the pack: no
// clock, no chance, no I/O. The same delivery gives the same events, forever.
// Numbers reach an expression as exact decimals. An expression's cost is bounded.
//
// # What an expression sees
//
// The nodes of the document themselves, not a copy in maps and floats: a member is
// looked up when it is asked for. What is not there is absent, which is no error of
// the pack: a payment field is null and a condition false where what they read is
// absent. Everything else that goes wrong makes a dead letter of the one item that
// it goes wrong for, never of its neighbours, and names a field of the pack, never
// a value of the body.
//
// # What bounds it
//
// The syntax of every expression has a largest size, depth and nesting of loops;
// patterns and zones are written out, so the body chooses neither; functions whose
// result could be of any size refuse; and what an evaluation does is metered in
// steps and bytes and stopped at a limit, for each expression and for the delivery
// as a whole. The meter counts work, not time: the same delivery is stopped at the
// same place on every machine.
package mapping

import (
	"cel.dev/cel-go/common/cost"

	"paybridge/normalizer/document"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
	"paybridge/schemas/provider"
)

// Native says how much of the provider's own item an event carries.
type Native string

// The settings of events.native.
const (
	NativeFull     Native = "full"     // the item, byte for byte
	NativeRedacted Native = "redacted" // the item without what the pack lists as personal
	NativeNone     Native = "none"     // nothing
)

// Settings are the operator's. A zero is the default.
type Settings struct {
	SourceBase string // default "urn:paybridge:"
	SchemaBase string // default "urn:paybridge:schema:"; one that ends in a slash is followed by the path that /schemas/ serves
	TypePrefix string // overrides the pack's; "" keeps it
	Native     Native // default full

	// Unsampled is the share, 0 to 1, of the traces that start here whose events say
	// that nobody records them. A trace that a request has brought keeps its own word.
	Unsampled float64
}

// orDefault replaces zeros.
func (s Settings) orDefault() Settings {
	if s.SourceBase == "" {
		s.SourceBase = "urn:paybridge:"
	}
	if s.SchemaBase == "" {
		s.SchemaBase = "urn:paybridge:schema:"
	}
	if s.Native == "" {
		s.Native = NativeFull
	}
	return s
}

// Program is a pack's events half, compiled. It is immutable and safe for
// concurrent use.
type Program struct {
	events   provider.Events
	settings Settings
	form     bool

	ignore, items *expression // nil where the pack leaves them out, as id and time
	lets          []let
	nativeType    *expression
	id            *expression
	derived       []*expression
	time          *expression
	payment       []setting
	rules         []rule
	personal      []document.Pattern
	headers       []headerRead

	tracker *cost.Tracker // cloned for every delivery
}

// Item is what became of one item of a delivery: exactly one of the two.
type Item struct {
	Event *event.Event
	Dead  *Dead
}

// Dead is an item, or a whole delivery, that does not become an event.
type Dead struct {
	Reason  delivery.Reason
	Pointer string // RFC 6901 pointer into the body; never a value
	Problem string // for the log: which field of the pack, what went wrong; never a value
}

// Error makes a Dead an error.
func (d *Dead) Error() string {
	text := string(d.Reason) + ": " + d.Problem
	if d.Pointer != "" {
		text += " at " + d.Pointer
	}
	return text
}

// RuleInfo is one line of what a pack's types become, for people.
type RuleInfo struct {
	When      string // the expression, as written
	Kind      string // "" where the rule leaves it open
	Direction string
	State     string
	Notes     []string
	At        provider.Position
}

// Rules lists the pack's rules, in order.
func (p *Program) Rules() []RuleInfo {
	rules := make([]RuleInfo, len(p.events.Rules))
	for i, r := range p.events.Rules {
		rules[i] = RuleInfo{When: r.When.Text, Kind: r.Kind, Direction: r.Direction, State: r.State, Notes: r.Notes, At: r.At}
	}
	return rules
}
