package mapping

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// The bounds of what a pack may cost. A unit is about one step of the evaluator,
// or sixteen bytes that a function reads or writes: some ten nanoseconds.
const (
	evaluationCost = 200_000    // one expression
	deliveryCost   = 10_000_000 // all expressions of one delivery

	maxExpression  = 4096 // bytes of one expression
	maxNodes       = 1000 // nodes of one expression's syntax tree
	maxNesting     = 50   // depth of one expression's syntax tree
	maxLoops       = 2    // comprehensions (map, filter, exists, all …) inside each other
	maxExpressions = 400  // expressions of one pack
	maxPattern     = 256  // bytes of a regular expression

	// maxItems is how many items one delivery may have.
	maxItems = 1000
)

// meter prices calls by the bytes and elements that pass through them, in place
// of CEL's own table, which knows nothing of a document's values.
type meter struct{}

// CallCost is what one call costs besides the evaluation of its arguments.
func (meter) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	bytes := weight(result)
	for _, arg := range args {
		bytes += weight(arg)
	}
	if function == "matches" && len(args) == 2 {
		// RE2 is linear in the text times the pattern.
		bytes += weight(args[0]) * weight(args[1]) / 4
	}
	cost := 1 + bytes/16
	if cost < uint64(len(smallCosts)) {
		return &smallCosts[cost]
	}
	return &cost
}

// smallCosts spares an allocation for every call. It is never written again.
var smallCosts = func() (costs [64]uint64) {
	for i := range costs {
		costs[i] = uint64(i)
	}
	return costs
}()

// weight is about how many bytes lie behind v.
func weight(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return uint64(len(v))
	case *types.Err, types.Int, types.Bool, types.Null, *types.Optional:
		return 0
	case traits.Lister, traits.Mapper:
		if n := node(v); n != nil {
			return uint64(len(n.Raw()))
		}
		if size, ok := v.(traits.Sizer).Size().(types.Int); ok {
			return 16 * uint64(size)
		}
	case *number:
		return uint64(len(v.text()))
	}
	return 0
}
