package mapping

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// The bounds of what a pack may cost. A unit is about one step of the evaluator,
// or sixteen bytes that a function reads or writes: tens of nanoseconds. So an
// expression ends within some ten milliseconds and a delivery within a second or so,
// whatever its pack and its body are: well before JetStream takes the message
// for lost and gives it to another worker. A real pack spends a few thousand units
// on an item.
const (
	evaluationCost = 200_000   // one expression
	deliveryCost   = 5_000_000 // all expressions of one delivery

	maxExpression  = 4096 // bytes of one expression
	maxNodes       = 1000 // nodes of one expression's syntax tree
	maxNesting     = 50   // depth of one expression's syntax tree
	maxLoops       = 2    // comprehensions (map, filter, exists, all …) inside each other
	maxExpressions = 400  // expressions of one pack
	maxPattern     = 256  // bytes of a regular expression
	maxDigits      = 1024 // bytes of a number that is compared or converted

	// maxItems is how many items one delivery may have.
	maxItems = 1000
)

// staticCost is what an expression costs whatever the body is, and true, if its
// syntax tells: no loop, and no function whose work grows with a text. Most
// expressions are like that, and are spared the meter, which allocates at every call.
// The few steps in them that do grow with the body charge for it; see charge.
func staticCost(checked *cel.Ast) (uint64, bool) {
	var cost uint64
	static := true
	types := checked.NativeRep().TypeMap()
	ast.PostOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		cost++
		switch e.Kind() {
		case ast.ComprehensionKind:
			static = false
		case ast.CallKind:
			price, ok := staticCall(e.AsCall(), types[e.ID()])
			cost += price
			static = static && ok
		}
	}))
	return cost, static
}

// staticCall is the price of a call whatever its arguments are, and true, or false where
// its work grows with them. Comparisons and conversions read at most one number, which
// has at most maxDigits.
func staticCall(call ast.CallExpr, result *types.Type) (uint64, bool) {
	switch call.FunctionName() {
	case operators.Conditional, operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot,
		operators.Index, operators.OptIndex, operators.OptSelect, operators.Equals, operators.NotEquals,
		operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate,
		overloads.StartsWith, overloads.EndsWith, overloads.Size, "or", "orValue", "hasValue", "value", "digest":
		return 1, true
	case operators.Add:
		return 1, result.Kind() == types.IntKind
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
		"int", "string", "time", "time_in", "unix", "unix_ms", "money", "minor", "document":
		return maxDigits / 16, true
	case operators.In:
		list := call.Args()[1]
		if list.Kind() != ast.ListKind {
			return 0, false
		}
		for _, element := range list.AsList().Elements() {
			if element.Kind() != ast.LiteralKind {
				return 0, false
			}
		}
		return maxDigits / 16, true
	}
	return 0, false
}

// varRun is the name under which the evaluator's frames know the delivery. No
// expression can write it.
const varRun = "@run"

// charge makes the delivery pay for bytes that were read, where the meter does not.
// It answers an error once the delivery's budget is spent, and nil until then.
func charge(frame *interpreter.ExecutionFrame, bytes uint64) ref.Val {
	if bytes < 1024 || frame.CostTracker() != nil {
		return nil
	}
	if v, ok := frame.ResolveName(varRun); ok {
		if r := v.(*run); !r.pay(bytes / 16) {
			return types.WrapErr(interpreter.EvalCancelledError{Cause: interpreter.CostLimitExceeded})
		}
	}
	return nil
}

// meter prices calls by the bytes and elements that pass through them, in place
// of CEL's own table, which knows nothing of a document's values.
type meter struct{}

// CallCost is what one call costs besides the evaluation of its arguments.
func (meter) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	// What a function makes counts like what it reads: it was written, and will be read.
	bytes := weight(result)
	for _, arg := range args {
		bytes += weight(arg)
	}
	if function == "matches" && len(args) == 2 {
		// RE2 is linear in the text times the pattern.
		bytes += weight(args[0]) * weight(args[1]) / 4
	}
	if bytes/16 < uint64(len(smallCosts)) {
		return &smallCosts[bytes/16]
	}
	cost := 1 + bytes/16
	return &cost
}

// smallCosts spares an allocation for every call. It is never written again.
var smallCosts = func() (costs [64]uint64) {
	for i := range costs {
		costs[i] = 1 + uint64(i)
	}
	return costs
}()

// weight is about how many bytes lie behind v.
func weight(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return uint64(len(v))
	// What has a fixed size weighs nothing: the call itself is a unit.
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
