package document

import "hash/maphash"

// index finds the members of one object by name. It holds places of nodes, which have
// the names: half the cost of a map of names, which was a quarter of decoding.
type index struct {
	seed  maphash.Seed
	slots []int32 // node + 1, 0 where free; as many as a power of two
	used  int
}

// newIndex makes an index with room for about half as many members as slots.
func newIndex(slots int) *index {
	size := 64
	for size < slots {
		size *= 2
	}
	return &index{seed: maphash.MakeSeed(), slots: make([]int32, size)}
}

// slot is where a name stands, or would stand.
func (x *index) slot(doc *Document, name string) int {
	mask := len(x.slots) - 1
	at := int(maphash.String(x.seed, name)) & mask
	for x.slots[at] != 0 && doc.part(doc.nodes[x.slots[at]-1].name) != name {
		at = (at + 1) & mask
	}
	return at
}

// add adds the name of a node; false where another has it. The document need not hold
// that node yet.
func (x *index) add(doc *Document, name string, node int32) bool {
	if 2*(x.used+1) > len(x.slots) {
		x.grow(doc)
	}
	at := x.slot(doc, name)
	if x.slots[at] != 0 {
		return false
	}
	x.slots[at] = node + 1
	x.used++
	return true
}

func (x *index) grow(doc *Document) {
	old := x.slots
	x.slots = make([]int32, 2*len(old))
	for _, node := range old {
		if node != 0 {
			x.slots[x.slot(doc, doc.part(doc.nodes[node-1].name))] = node
		}
	}
}

// find is the node with a name, -1 where there is none.
func (x *index) find(doc *Document, name string) int32 {
	return x.slots[x.slot(doc, name)] - 1
}
