package provider

// Text is a scalar of the pack together with where it stands.
type Text struct {
	Text string
	At   Position
}

// Events is the events half: what the provider's bodies mean. Every Text that is
// named an expression is CEL; package normalizer/mapping compiles it.
type Events struct {
	Name       string            // pack name
	TypePrefix string            // reverse-DNS prefix of the CloudEvents type
	Version    string            // version of the native schemas and of dataschema; "1" by default
	Body       string            // how bodies decode: json (default), form
	Items      Text              // expression: the list of items of a delivery; empty: the body is the one item
	Ignore     Text              // expression: bool, true for a ping or test event of the whole delivery
	Type       Text              // expression: string, the native type of the item
	ID         Text              // expression: string, where the provider documents that its event id is unique
	DerivedID  []Text            // expressions: what identifies the event where ID is absent or not there
	Time       Text              // expression: timestamp or absent
	Let        []Let             // named expressions, each may use those before it
	Payment    []Let             // payment fields that every rule starts from
	Rules      []Rule            // first match decides; none: kind and state are unknown
	Personal   []Text            // JSON pointers ("*" matches every element or member) into the item
	Schemas    map[string]string // native type, or "*" for the others → file of its JSON Schema in the pack's folder
	At         Position
}

// Let is a named expression.
type Let struct {
	Name string
	Expr Text
}

// Rule is one line of "when this, it is that". A matching rule decides whichever
// of kind, direction and state it names and no rule before it has decided; its
// notes, fields and id count only if it decided something.
type Rule struct {
	When      Text // expression: bool
	Kind      string
	Direction string
	State     string
	Notes     []string
	Set       []Let // payment fields that this rule sets instead
	ID        Text  // expression: replaces the event id
	At        Position
}
