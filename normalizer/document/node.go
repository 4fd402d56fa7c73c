package document

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	Text
	List
	Object
)

// String is the kind's name, for messages.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "bool"
	case Number:
		return "number"
	case Text:
		return "text"
	case List:
		return "list"
	case Object:
		return "object"
	}
	return "invalid"
}

// Node is one value of a document. Nodes are compared and kept by pointer; they
// live as long as any of them is reachable.
type Node struct {
	doc  *Document
	name span // of a member of an object, decoded: a part of the document
	text span // of a text, decoded; of a number, a bool and null, as written
	kids span // of a list and an object: of Document.kids

	start, end int32 // in the source
	parent     int32 // index of the container; -1 at the root
	position   int32 // place in the container

	kind Kind
}

// span is from where to where, without the end.
type span struct{ from, to int32 }

// Kind is what n is.
func (n *Node) Kind() Kind { return n.kind }

// Text is the decoded text of a text, and the exact text of a number, a bool or
// null; empty for lists and objects.
func (n *Node) Text() string { return n.doc.part(n.text) }

// True says whether n is the bool true.
func (n *Node) True() bool { return n.kind == Bool && n.Text() == "true" }

// Name is the decoded name of a member; empty for all else.
func (n *Node) Name() string { return n.doc.part(n.name) }

// Size is the number of elements or members; 0 for scalars.
func (n *Node) Size() int { return int(n.kids.to - n.kids.from) }

// Document is the document that n is part of.
func (n *Node) Document() *Document { return n.doc }

// Raw is n as it stands in the source, byte for byte. The caller must not change it.
func (n *Node) Raw() []byte { return n.doc.source[n.start:n.end:n.end] }

// At is the i-th element of a list or member of an object, in the order of the
// text. It panics where there is none.
func (n *Node) At(i int) *Node {
	if i < 0 || i >= n.Size() {
		panic("document: index out of range")
	}
	return &n.doc.nodes[n.doc.kids[int(n.kids.from)+i]]
}

// Member is the member of that exact name; nil where there is none, or where n is
// not an object.
func (n *Node) Member(name string) *Node {
	if n.kind != Object {
		return nil
	}
	d := n.doc
	if n.Size() > searched { // see scanner.unique, which indexed them
		if i := d.large[n.index()].find(d, name); i >= 0 {
			return &d.nodes[i]
		}
		return nil
	}
	for _, i := range d.kids[n.kids.from:n.kids.to] {
		if d.part(d.nodes[i].name) == name {
			return &d.nodes[i]
		}
	}
	return nil
}

// searched is how many members an object may have for its members to be searched
// one by one: real ones are small, and an index costs as much as decoding them.
const searched = 64

// index is n's place in its document.
func (n *Node) index() int32 {
	if n.parent < 0 {
		return 0
	}
	container := &n.doc.nodes[n.parent]
	return n.doc.kids[container.kids.from+n.position]
}
