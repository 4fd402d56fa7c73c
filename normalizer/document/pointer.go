package document

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxName is how many bytes of a member's name a pointer shows.
const maxName = 64

// Pointer is the RFC 6901 pointer to n from the root, for errors: names over 64
// bytes are cut and end in "…".
func (n *Node) Pointer() string {
	var b strings.Builder
	n.writePointer(&b)
	return b.String()
}

func (n *Node) writePointer(b *strings.Builder) {
	if n.parent < 0 {
		return
	}
	container := &n.doc.nodes[n.parent]
	container.writePointer(b)
	b.WriteByte('/')
	if container.kind == List {
		b.WriteString(strconv.Itoa(int(n.position)))
		return
	}
	b.WriteString(cutName(strings.NewReplacer("~", "~0", "/", "~1").Replace(n.Name())))
}

// cutPointer cuts every name of an RFC 6901 pointer.
func cutPointer(pointer string) string {
	if len(pointer) <= maxName {
		return pointer
	}
	names := strings.Split(pointer, "/")
	for i, name := range names {
		names[i] = cutName(name)
	}
	return strings.Join(names, "/")
}

// cutName cuts a name to 64 bytes, at a character.
func cutName(name string) string {
	if len(name) <= maxName {
		return name
	}
	end := maxName
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + "…"
}
