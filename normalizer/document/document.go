// Package document decodes the body of a delivery once: into a tree of nodes
// whose numbers keep their text, whose members keep their order and whose source
// bytes stay reachable.
//
// # The promise
//
// What decodes has no duplicate key, no invalid UTF-8, no unbounded depth and no
// unbounded number of keys, and no number in it was ever a float. What does not
// decode costs no more than reading it once, and its error says where, never what.
//
// # How
//
// The grammar is jsontext's, which sees a body twice at the most: whether it is valid,
// and if not, why. What is valid is cut into nodes by a scanner that looks for nothing but
// where values end. A document is one slice of nodes, in the order of the text, and one
// slice of the containers' children, so that a body of 2 KB costs a handful of
// allocations, an element is found by its index and a large object's member by a hash.
// Texts are parts of one copy of the body.
package document

import "paybridge/schemas/delivery"

// Limits bound what is decoded. A zero is the default.
type Limits struct {
	Depth    int // nesting of arrays and objects; default 64
	Nodes    int // values in the whole document; default 100,000
	KeyBytes int // length of a member's name, decoded; default 1,024
}

// The default limits.
const (
	DefaultDepth    = 64
	DefaultNodes    = 100_000
	DefaultKeyBytes = 1024
)

// orDefault replaces zeros.
func (l Limits) orDefault() Limits {
	if l.Depth <= 0 {
		l.Depth = DefaultDepth
	}
	if l.Nodes <= 0 {
		l.Nodes = DefaultNodes
	}
	if l.KeyBytes <= 0 {
		l.KeyBytes = DefaultKeyBytes
	}
	return l
}

// Document is one decoded body. It is immutable, safe for concurrent use, and
// keeps the body alive; nobody may write to the body while it is in use.
type Document struct {
	source    []byte // JSON: the body itself, or what a form was rewritten to
	text      string // the source once more
	unescaped string // all texts in which something was escaped, decoded
	nodes     []Node // in the order of the text; the root is the first
	kids      []int32
	large     map[int32]*index // members of objects too large to search
}

// part is a part of the text, or, counting on from its end, of what was unescaped.
func (d *Document) part(s span) string {
	if end := int32(len(d.text)); s.from >= end {
		return d.unescaped[s.from-end : s.to-end]
	}
	return d.text[s.from:s.to]
}

// Root is the outermost value.
func (d *Document) Root() *Node { return &d.nodes[0] }

// Source is the JSON that all spans refer to: the body, byte for byte, or for a
// form the JSON object that stands for it. The caller must not change it.
func (d *Document) Source() []byte { return d.source }

// Error says why a body does not decode. It never holds a value of the body.
type Error struct {
	Reason  delivery.Reason // MalformedJSON, TooDeep or TooLarge
	Pointer string          // RFC 6901 pointer to the last good place; member names over 64 bytes are cut
	Problem string          // "duplicate key", "invalid UTF-8", …: constant text
}

func (e *Error) Error() string {
	if e.Pointer == "" {
		return string(e.Reason) + ": " + e.Problem
	}
	return string(e.Reason) + ": " + e.Problem + " at " + e.Pointer
}
