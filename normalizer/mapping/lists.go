package mapping

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxList is how many elements a list may have that a function makes.
const maxList = 10_000

const errLongList = helperError("a list has more than 10,000 elements")

// listFunctions declares the bounded functions on lists. Their names and meanings are
// those of CEL's lists extension.
func listFunctions() []cel.EnvOption {
	list := cel.ListType(cel.DynType)
	return []cel.EnvOption{
		cel.Function("flatten", cel.MemberOverload("list_flatten", []*cel.Type{list}, list, cel.UnaryBinding(flatten))),
		cel.Function("distinct", cel.MemberOverload("list_distinct", []*cel.Type{list}, list, cel.UnaryBinding(distinct))),
	}
}

// flatten takes one level of lists out of a list.
func flatten(v ref.Val) ref.Val {
	// What is not a list stays as it is, as in CEL's own flatten.
	flat := []ref.Val{}
	for i := v.(traits.Lister).Iterator(); i.HasNext() == types.True; {
		element := i.Next()
		inner, ok := element.(traits.Lister)
		if !ok {
			flat = append(flat, element)
		}
		if ok {
			for j := inner.Iterator(); j.HasNext() == types.True && len(flat) <= maxList; {
				flat = append(flat, j.Next())
			}
		}
		if len(flat) > maxList {
			return fail(errLongList)
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, flat)
}

// distinct leaves out what stands in a list before. It compares each with each, so
// the list may have 100 elements.
func distinct(v ref.Val) ref.Val {
	l := v.(traits.Lister)
	if size, ok := l.Size().(types.Int); !ok || size > 100 {
		return fail("distinct: the list has more than 100 elements")
	}
	// The first of equal elements stays, in its place.
	var kept []ref.Val
next:
	for i := l.Iterator(); i.HasNext() == types.True; {
		element := i.Next()
		for _, other := range kept {
			if equal(element, other) == types.True {
				continue next
			}
		}
		kept = append(kept, element)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, kept)
}
