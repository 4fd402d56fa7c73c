package document

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"paybridge/schemas/delivery"
)

// Decode parses a JSON body. Its error is an *Error.
func Decode(body []byte, limits Limits) (*Document, error) {
	limits = limits.orDefault()
	if len(bytes.TrimLeft(body, " \t\r\n")) == 0 {
		return nil, &Error{Reason: delivery.MalformedJSON, Problem: "the body is empty"}
	}
	if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		return nil, &Error{Reason: delivery.MalformedJSON, Problem: "the body begins with a byte order mark"}
	}
	if len(body) > maxBody {
		return nil, &Error{Reason: delivery.TooLarge, Problem: "the body is over 1 GiB"}
	}

	expected := min(values(body), limits.Nodes, 4096)
	d := &decoder{
		Decoder: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true)),
		doc:     &Document{source: body, nodes: make([]Node, 0, expected), kids: make([]int32, 0, expected)},
		text:    string(body),
		pending: make([]int32, 0, min(expected, 64)),
		limits:  limits,
	}
	if err := d.value("", -1, 0, 1); err != nil {
		return nil, d.explain(err)
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, &Error{Reason: delivery.MalformedJSON, Problem: "something follows the JSON value"}
	}
	return d.doc, nil
}

// maxBody keeps every span within an int32.
const maxBody = 1 << 30

// values is an upper bound of the number of values in a body: each but the first
// stands after a comma or an opening bracket.
func values(body []byte) int {
	return 1 + bytes.Count(body, []byte(",")) + bytes.Count(body, []byte("[")) + bytes.Count(body, []byte("{"))
}

// decoder fills a document from jsontext's values.
type decoder struct {
	*jsontext.Decoder
	doc       *Document
	text      string // the body; unescaped texts are parts of it
	unescaped strings.Builder
	scratch   []byte
	pending   []int32 // children of the containers that are still open
	limits    Limits
}

var (
	errTooDeep   = errors.New("nested too deep")
	errNodes     = errors.New("too many values")
	errKey       = errors.New("a key is too long")
	errDuplicate = errors.New("duplicate key")
)

// value reads one value, with its children, as the position-th child of parent.
func (d *decoder) value(name string, parent, position int32, depth int) error {
	if len(d.doc.nodes) >= d.limits.Nodes {
		return errNodes
	}
	self := int32(len(d.doc.nodes))
	d.doc.nodes = append(d.doc.nodes, Node{doc: d.doc, name: name, parent: parent, position: position})
	switch d.PeekKind() {
	case '{', '[':
		return d.container(self, depth)
	}
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	n := &d.doc.nodes[self]
	n.end = int32(d.InputOffset())
	n.start = n.end - int32(len(raw))
	switch raw[0] {
	case '"':
		n.kind = Text
		n.text, err = d.unquote(n.start, n.end)
		return err
	case 't', 'f':
		n.kind = Bool
	case 'n':
		n.kind = Null
	default:
		n.kind = Number
	}
	n.text = d.text[n.start:n.end]
	return nil
}

// container reads an object or a list. Its children are gathered on one stack for
// the whole document, and moved next to each other when it closes.
func (d *decoder) container(self int32, depth int) error {
	if depth > d.limits.Depth {
		return errTooDeep
	}
	open, err := d.ReadToken()
	if err != nil {
		return err
	}
	isObject := open.Kind() == '{'
	d.doc.nodes[self].start = int32(d.InputOffset()) - 1
	base := len(d.pending)
	for d.PeekKind() != '}' && d.PeekKind() != ']' {
		var name string
		if isObject {
			if name, err = d.name(self, d.pending[base:]); err != nil {
				return err
			}
		}
		child := int32(len(d.doc.nodes))
		d.pending = append(d.pending, child)
		if err := d.value(name, self, int32(len(d.pending)-1-base), depth+1); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	n := &d.doc.nodes[self]
	n.end = int32(d.InputOffset())
	n.kind = List
	n.first, n.size = int32(len(d.doc.kids)), int32(len(d.pending)-base)
	d.doc.kids = append(d.doc.kids, d.pending[base:]...)
	d.pending = d.pending[:base]
	if isObject {
		n.kind = Object
	}
	return nil
}

// name reads the name of the next member of an object. It looks for duplicates
// itself: jsontext's own search costs more than all the rest of decoding.
func (d *decoder) name(object int32, members []int32) (string, error) {
	raw, err := d.ReadValue()
	if err != nil {
		return "", err
	}
	end := int32(d.InputOffset())
	name, err := d.unquote(end-int32(len(raw)), end)
	if err != nil {
		return "", err
	}
	if len(name) > d.limits.KeyBytes {
		return "", errKey
	}
	if len(members) < searched {
		for _, i := range members {
			if d.doc.nodes[i].name == name {
				return "", errDuplicate
			}
		}
		return name, nil
	}
	named := d.doc.large[object]
	if named == nil {
		named = d.index(object, members)
	}
	if !named.add(d.doc.nodes, name, int32(len(d.doc.nodes))) {
		return "", errDuplicate
	}
	return name, nil
}

// index indexes the members of an object that has grown too large to search.
func (d *decoder) index(object int32, members []int32) *index {
	if d.doc.large == nil {
		d.doc.large = map[int32]*index{}
	}
	named := newIndex(4 * len(members))
	for _, i := range members {
		named.add(d.doc.nodes, d.doc.nodes[i].name, i)
	}
	d.doc.large[object] = named
	return named
}

// unquote decodes the string at a span: a part of the body where nothing is
// escaped, else a part of one text that holds all that was escaped.
func (d *decoder) unquote(start, end int32) (string, error) {
	inner := d.text[start+1 : end-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner, nil
	}
	var err error
	d.scratch, err = jsontext.AppendUnquote(d.scratch[:0], d.doc.source[start:end])
	if err != nil {
		return "", err
	}
	from := d.unescaped.Len()
	d.unescaped.Write(d.scratch)
	return d.unescaped.String()[from:], nil
}

// explain turns what stopped the decoder into an Error.
func (d *decoder) explain(err error) *Error {
	e := &Error{Reason: delivery.MalformedJSON, Pointer: cutPointer(string(d.StackPointer()))}
	switch err {
	case errDuplicate:
		e.Problem = err.Error()
		return e
	case errTooDeep:
		e.Reason, e.Problem = delivery.TooDeep, err.Error()
		return e
	case errNodes, errKey:
		e.Reason, e.Problem = delivery.TooLarge, err.Error()
		return e
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		e.Pointer = cutPointer(string(syntax.JSONPointer))
	}
	switch {
	case !utf8.Valid(d.doc.source):
		e.Problem = "invalid UTF-8"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		e.Problem = "the body ends too early"
	case syntax != nil && syntax.Err != nil && strings.Contains(syntax.Err.Error(), "surrogate"):
		e.Problem = "lone surrogate"
	default:
		e.Problem = "not JSON"
	}
	return e
}
