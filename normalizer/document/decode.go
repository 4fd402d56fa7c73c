package document

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"paybridge/schemas/delivery"
)

// Decode parses a JSON body. Its error is an *Error.
func Decode(body []byte, limits Limits) (*Document, error) {
	limits = limits.orDefault()
	switch {
	case len(bytes.TrimLeft(body, " \t\r\n")) == 0:
		return nil, &Error{Reason: delivery.MalformedJSON, Problem: "the body is empty"}
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		return nil, &Error{Reason: delivery.MalformedJSON, Problem: "the body begins with a byte order mark"}
	case len(body) > maxBody:
		return nil, &Error{Reason: delivery.TooLarge, Problem: "the body is over 1 GiB"}
	}
	// Duplicate names are looked for below: jsontext's own search costs more than all the
	// rest.
	if !jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true)) {
		return nil, explain(body, limits)
	}
	expected := min(values(body), limits.Nodes, 4096)
	s := &scanner{
		doc:     &Document{source: body, text: string(body), nodes: make([]Node, 0, expected), kids: make([]int32, 0, expected)},
		pending: make([]int32, 0, min(expected, 64)),
		limits:  limits,
	}
	s.text = s.doc.text
	if !s.value(span{}, -1, 0, 1) {
		return nil, explain(body, limits)
	}
	return s.doc, nil
}

// maxBody keeps every span within an int32.
const maxBody = 1 << 30

// values is an upper bound of the number of values in a body: each but the first
// stands after a comma or an opening bracket.
func values(body []byte) int {
	return 1 + bytes.Count(body, []byte(",")) + bytes.Count(body, []byte("[")) + bytes.Count(body, []byte("{"))
}

// scanner fills a document from a body that is known to be valid JSON: it looks only for
// where each value begins and ends. What it stops at is over a limit or a duplicate
// name, and for explain to find again.
type scanner struct {
	doc       *Document
	text      string // the body
	at        int    // what is before it has been read
	unescaped strings.Builder
	scratch   []byte
	pending   []int32 // children of the containers that are still open
	limits    Limits
}

// space passes over white space and returns the byte after it.
func (s *scanner) space() byte {
	for s.text[s.at] <= ' ' {
		s.at++
	}
	return s.text[s.at]
}

// value reads one value, with its children, as the position-th child of parent.
func (s *scanner) value(name span, parent, position int32, depth int) bool {
	if len(s.doc.nodes) >= s.limits.Nodes {
		return false
	}
	first := s.space()
	self := len(s.doc.nodes)
	start := s.at
	s.doc.nodes = append(s.doc.nodes, Node{doc: s.doc, name: name, parent: parent, position: position, start: int32(start)})
	if first == '{' || first == '[' {
		return s.container(int32(self), depth)
	}
	n := &s.doc.nodes[self]
	switch first {
	case '"':
		n.kind, n.text = Text, s.quoted()
	case 't', 'f':
		n.kind, n.text = Bool, s.word()
	case 'n':
		n.kind, n.text = Null, s.word()
	default:
		n.kind, n.text = Number, s.word()
	}
	n.end = int32(s.at)
	return true
}

// word reads what is not quoted, to its end.
func (s *scanner) word() span {
	start := s.at
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ',', ']', '}', ' ', '\t', '\r', '\n':
			return span{int32(start), int32(s.at)}
		}
		s.at++
	}
	return span{int32(start), int32(s.at)}
}

// container reads an object or a list. Its children are gathered on one stack for
// the whole document, and moved next to each other when it closes.
func (s *scanner) container(self int32, depth int) bool {
	if depth > s.limits.Depth {
		return false
	}
	kind := List
	if s.text[s.at] == '{' {
		kind = Object
	}
	base := len(s.pending)
	var seen names
	for {
		s.at++ // the opening bracket, or a comma
		if c := s.space(); c == '}' || c == ']' {
			break // empty
		}
		var name span
		if kind == Object {
			name = s.quoted()
			if !s.unique(name, self, s.pending[base:], &seen) {
				return false
			}
			s.space()
			s.at++ // the colon
		}
		child := int32(len(s.doc.nodes))
		s.pending = append(s.pending, child)
		if !s.value(name, self, int32(len(s.pending)-1-base), depth+1) {
			return false
		}
		if s.space() != ',' {
			break
		}
	}
	s.at++ // the closing bracket
	n := &s.doc.nodes[self]
	n.kind, n.end = kind, int32(s.at)
	first := int32(len(s.doc.kids))
	n.kids = span{first, first + int32(len(s.pending)-base)}
	s.doc.kids = append(s.doc.kids, s.pending[base:]...)
	s.pending = s.pending[:base]
	return true
}

// quoted reads a string, decoded: a part of the body where nothing is escaped, else a
// part of one text that holds all that was escaped.
func (s *scanner) quoted() span {
	start := s.at + 1
	length := strings.IndexByte(s.text[start:], '"')
	if strings.IndexByte(s.text[start:start+length], '\\') < 0 {
		s.at = start + length + 1
		return span{int32(start), int32(start + length)}
	}
	end := start
	for s.text[end] != '"' {
		if s.text[end] == '\\' {
			end++
		}
		end++
	}
	// A string of valid JSON is no error.
	s.scratch, _ = jsontext.AppendUnquote(s.scratch[:0], s.doc.source[s.at:end+1])
	s.at = end + 1
	from := len(s.text) + s.unescaped.Len()
	s.unescaped.Write(s.scratch)
	s.doc.unescaped = s.unescaped.String()
	return span{int32(from), int32(from + len(s.scratch))}
}

// unique says that the name of the next member of an object is not too long, and that
// none of its members has it.
func (s *scanner) unique(at span, object int32, members []int32, seen *names) bool {
	name := s.doc.part(at)
	if len(name) > s.limits.KeyBytes {
		return false
	}
	if len(members) < searched {
		if seen.add(name) {
			return true
		}
		for _, i := range members {
			if s.doc.part(s.doc.nodes[i].name) == name {
				return false
			}
		}
		return true
	}
	named := s.doc.large[object]
	if named == nil {
		named = s.index(object, members)
	}
	return named.add(s.doc, name, int32(len(s.doc.nodes)))
}

// index indexes the members of an object that has grown too large to search.
func (s *scanner) index(object int32, members []int32) *index {
	if s.doc.large == nil {
		s.doc.large = map[int32]*index{}
	}
	named := newIndex(4 * len(members))
	for _, i := range members {
		named.add(s.doc, s.doc.part(s.doc.nodes[i].name), i)
	}
	s.doc.large[object] = named
	return named
}

// names remembers of each name of an object one of 256 marks. Two names with different
// marks are different, so that most need no comparison.
type names [4]uint64

// add adds a name, and says whether its mark is a new one.
func (n *names) add(name string) bool {
	mark := uint(len(name))
	for i := len(name) - 1; i >= 0 && i >= len(name)-4; i-- { // where names such as item_1 and item_2 differ
		mark = 31*mark + uint(name[i])
	}
	in, bit := &n[mark/64%4], uint64(1)<<(mark%64)
	isNew := *in&bit == 0
	*in |= bit
	return isNew
}
