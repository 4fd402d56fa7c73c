package document

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Redacted is what stands in place of a value that was redacted.
const Redacted = `"` + redactedText + `"`

const redactedText = "[redacted]"

// Pattern is an RFC 6901 pointer in which "*" is every element of a list or every
// member of an object: "/data/transactions/*/pix/payer/name".
type Pattern struct{ steps []string }

// ParsePattern parses a pattern. The empty pointer, the whole value, is refused:
// events.native: none is for that.
func ParsePattern(text string) (Pattern, error) {
	if text == "" {
		return Pattern{}, errors.New("the pointer is empty; write one such as /data/customer/name")
	}
	rest, ok := strings.CutPrefix(text, "/")
	if !ok {
		return Pattern{}, fmt.Errorf("the pointer %q does not begin with a slash; write %q", text, "/"+text)
	}
	steps := strings.Split(rest, "/")
	for i, step := range steps {
		if bad := strings.NewReplacer("~0", "", "~1", "").Replace(step); strings.Contains(bad, "~") {
			return Pattern{}, fmt.Errorf("the pointer %q has a ~ that is neither ~0 (a tilde) nor ~1 (a slash)", text)
		}
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	}
	return Pattern{steps: steps}, nil
}

// Redact is n's JSON with the value of every place that a pattern names replaced
// by [Redacted]. Nulls stay, and so does all white space. Where no pattern meets
// anything the result is n.Raw itself; the caller must not change it.
func Redact(n *Node, patterns []Pattern) []byte {
	hidden := n.doc.hide([]*Node{n}, patterns)
	if len(hidden) == 0 {
		return n.Raw()
	}
	out := make([]byte, 0, len(n.Raw()))
	out, copied := splice(n, hidden, out, n.start)
	return append(out, n.doc.source[copied:n.end]...)
}

// RedactItems is the document's source with the value of every place that a pattern
// names, from each of items, replaced by [Redacted]. Items are nodes of the document. Where
// no pattern meets anything the result is the source itself; the caller must not change it.
func (d *Document) RedactItems(items []*Node, patterns []Pattern) []byte {
	hidden := d.hide(items, patterns)
	if len(hidden) == 0 {
		return d.source
	}
	out, copied := splice(d.Root(), hidden, make([]byte, 0, len(d.source)), 0)
	return append(out, d.source[copied:]...)
}

// RedactForm is RedactItems for a form, written as a form again.
func (d *Document) RedactForm(items []*Node, patterns []Pattern) []byte {
	hidden := d.hide(items, patterns)
	var out []byte
	for i := range d.Root().Size() {
		member := d.Root().At(i)
		text := member.Text()
		if hidden[member] || hidden[d.Root()] {
			text = redactedText
		}
		if i > 0 {
			out = append(out, '&')
		}
		out = append(append(append(out, url.QueryEscape(member.Name())...), '='), url.QueryEscape(text)...)
	}
	return out
}

// hide gathers what patterns name, from each of items.
func (d *Document) hide(items []*Node, patterns []Pattern) map[*Node]bool {
	hidden := map[*Node]bool{}
	for _, n := range items {
		for _, p := range patterns {
			mark(n, p.steps, hidden)
		}
	}
	return hidden
}

// mark gathers the nodes below n at the end of steps.
func mark(n *Node, steps []string, hidden map[*Node]bool) {
	if len(steps) == 0 {
		if n.kind != Null {
			hidden[n] = true
		}
		return
	}
	for i := range n.Size() {
		kid := n.At(i)
		if steps[0] == "*" || kid.step() == steps[0] {
			mark(kid, steps[1:], hidden)
		}
	}
}

// step is the part of a pointer that leads from n's container to n.
func (n *Node) step() string {
	if n.doc.nodes[n.parent].kind == List {
		return strconv.Itoa(int(n.position))
	}
	return n.Name()
}

// splice appends the source from copied on, up to the last hidden node in n, with
// hidden nodes replaced, and returns how far it got.
func splice(n *Node, hidden map[*Node]bool, out []byte, copied int32) ([]byte, int32) {
	if hidden[n] {
		out = append(out, n.doc.source[copied:n.start]...)
		return append(out, Redacted...), n.end
	}
	for i := range n.Size() {
		out, copied = splice(n.At(i), hidden, out, copied)
	}
	return out, copied
}
