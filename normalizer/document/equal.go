package document

// Equal says whether a and b are the same JSON: members in any order, texts by
// what they mean, numbers by their exact value (1.0 is 1).
func Equal(a, b *Node) bool { return equal(a, b, true) }

// Identical is Equal with numbers compared by their text (1.0 is not 1).
func Identical(a, b *Node) bool { return equal(a, b, false) }

func equal(a, b *Node, byValue bool) bool {
	if a.kind != b.kind || a.Size() != b.Size() {
		return false
	}
	switch a.kind {
	case Number:
		return a.Text() == b.Text() || byValue && CompareNumbers(a.Text(), b.Text()) == 0
	case List:
		for i := range a.Size() {
			if !equal(a.At(i), b.At(i), byValue) {
				return false
			}
		}
		return true
	case Object:
		for i := range a.Size() {
			x := a.At(i)
			if y := b.Member(x.Name()); y == nil || !equal(x, y, byValue) {
				return false
			}
		}
		return true
	}
	return a.Text() == b.Text()
}
