package mapping

import (
	"cmp"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"paybridge/normalizer/document"
)

// CEL's own comparisons ask the left operand, and an integer knows nothing of a
// number: 405 == item.code would be false whatever the code. These know both.

// equal is a == b.
func equal(a, b ref.Val) ref.Val {
	if c, ok := compareNumbers(a, b); ok {
		return types.Bool(c == 0)
	}
	// Two parts of the body are compared without making values of what is in them.
	if x, y := node(a), node(b); x != nil && y != nil {
		return types.Bool(document.Equal(x, y))
	}
	switch a := a.(type) {
	case *number:
		return types.False
	case traits.Lister:
		if b, ok := b.(traits.Lister); ok {
			return equalLists(a, b)
		}
		return types.False
	case traits.Mapper:
		if b, ok := b.(traits.Mapper); ok {
			return equalMaps(a, b)
		}
		return types.False
	}
	return types.Equal(plain(a), plain(b))
}

// equalLists compares element by element.
func equalLists(a, b traits.Lister) ref.Val {
	if a.Size() != b.Size() {
		return types.False
	}
	for x, y := a.Iterator(), b.Iterator(); x.HasNext() == types.True; {
		if r := equal(x.Next(), y.Next()); r != types.True {
			return r
		}
	}
	return types.True
}

// equalMaps compares member by member, in any order.
func equalMaps(a, b traits.Mapper) ref.Val {
	if a.Size() != b.Size() {
		return types.False
	}
	for keys := a.Iterator(); keys.HasNext() == types.True; {
		key := keys.Next()
		other, ok := b.Find(key)
		if !ok {
			return types.False
		}
		if r := equal(a.Get(key), other); r != types.True {
			return r
		}
	}
	return types.True
}

// compareNumbers compares numbers and integers; false where either is neither.
func compareNumbers(a, b ref.Val) (int, bool) {
	if x, ok := a.(types.Int); ok {
		if y, ok := b.(types.Int); ok {
			return cmp.Compare(x, y), true
		}
	}
	x, ok := digits(a)
	if !ok {
		return 0, false
	}
	y, ok := digits(b)
	if !ok {
		return 0, false
	}
	return document.CompareNumbers(x, y), true
}

// compare is the order of a and b, or an error.
func compare(a, b ref.Val) ref.Val {
	if c, ok := compareNumbers(a, b); ok {
		return types.Int(c)
	}
	comparer, ok := plain(a).(traits.Comparer)
	if !ok {
		return types.NoSuchOverloadErr()
	}
	return comparer.Compare(plain(b))
}

// contains is v in container.
func contains(container, v ref.Val) ref.Val {
	switch c := container.(type) {
	case traits.Lister:
		for elements := c.Iterator(); elements.HasNext() == types.True; {
			if equal(elements.Next(), v) == types.True {
				return types.True
			}
		}
		return types.False
	case traits.Mapper:
		// Of an object, its names.
		_, ok := c.Find(v)
		return types.Bool(ok)
	}
	return types.NoSuchOverloadErr()
}

// comparisons declares <, <=, >, >= and in.
func comparisons() []cel.EnvOption {
	ordered := func(name, id string, holds func(int) bool) cel.EnvOption {
		binding := cel.SingletonBinaryBinding(func(a, b ref.Val) ref.Val {
			switch c := compare(a, b).(type) {
			case types.Int:
				return types.Bool(holds(int(c)))
			default:
				return c
			}
		})
		options := []cel.FunctionOpt{binding}
		for _, t := range []*cel.Type{cel.IntType, cel.StringType, cel.TimestampType, cel.DurationType} {
			options = append(options, cel.Overload(id+"_"+t.TypeName(), []*cel.Type{t, t}, cel.BoolType))
		}
		return cel.Function(name, options...)
	}
	element := cel.TypeParamType("A")
	return []cel.EnvOption{
		ordered(operators.Less, "less", func(c int) bool { return c < 0 }),
		ordered(operators.LessEquals, "less_equals", func(c int) bool { return c <= 0 }),
		ordered(operators.Greater, "greater", func(c int) bool { return c > 0 }),
		ordered(operators.GreaterEquals, "greater_equals", func(c int) bool { return c >= 0 }),
		cel.Function(operators.In,
			cel.Overload("in_list", []*cel.Type{element, cel.ListType(element)}, cel.BoolType),
			cel.Overload("in_map", []*cel.Type{element, cel.MapType(element, cel.TypeParamType("B"))}, cel.BoolType),
			cel.SingletonBinaryBinding(func(v, container ref.Val) ref.Val { return contains(container, v) })),
	}
}

// equality replaces CEL's == and !=, which have no binding that a declaration
// could replace, in the plan of an expression.
func equality(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok || call.Function() != operators.Equals && call.Function() != operators.NotEquals {
		return i, nil
	}
	return &equals{InterpretableCall: call, args: call.Args(), not: call.Function() == operators.NotEquals}, nil
}

// equals is a == or != of the plan.
//
// It replaces CEL's own node after the expression was checked, so that the checker
// still refuses what cannot be equal (a text and an integer) and its messages still
// speak of ==.
type equals struct {
	interpreter.InterpretableCall
	args []interpreter.InterpretableV2
	not  bool
}

// Exec evaluates both sides and compares them.
func (e *equals) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	a := e.args[0].Exec(frame)
	if types.IsUnknownOrError(a) {
		return a
	}
	b := e.args[1].Exec(frame)
	if types.IsUnknownOrError(b) {
		return b
	}
	if spent := charge(frame, min(weight(a), weight(b))); spent != nil {
		return spent
	}
	result := equal(a, b)
	if e.not && !types.IsUnknownOrError(result) {
		result = types.Bool(result != types.True)
	}
	if costs := frame.CostTracker(); costs != nil {
		costs.EvalBinary(frame, e.ID(), e, a, b, result)
	}
	return result
}

// Eval is Exec for callers of CEL's older interface.
func (e *equals) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, e.Exec)
}

// sizes replaces CEL's size, which counts the characters of a text of any length
// unmetered.
func sizes(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok || call.Function() != overloads.Size {
		return i, nil
	}
	return &size{InterpretableCall: call, arg: call.Args()[0]}, nil
}

// size is size(x) or x.size() of the plan.
type size struct {
	interpreter.InterpretableCall
	arg interpreter.InterpretableV2
}

// Exec evaluates the argument and counts its elements or characters.
func (s *size) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := s.arg.Exec(frame)
	if types.IsUnknownOrError(v) {
		return v
	}
	sizer, ok := v.(traits.Sizer)
	if !ok {
		return types.NoSuchOverloadErr()
	}
	if text, ok := v.(types.String); ok {
		if spent := charge(frame, uint64(len(text))); spent != nil {
			return spent
		}
	}
	result := sizer.Size()
	if costs := frame.CostTracker(); costs != nil {
		costs.EvalUnary(frame, s.ID(), s, v, result)
	}
	return result
}

// Eval is Exec for callers of CEL's older interface.
func (s *size) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, s.Exec)
}

// constantLists makes a list of literals once, when the expression is planned: it is
// the same at every evaluation, and most conditions have one, a status in a list of
// statuses.
func constantLists(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	constructor, ok := i.(interpreter.InterpretableConstructor)
	if !ok || constructor.Type() != types.ListType {
		return i, nil
	}
	elements := constructor.InitVals()
	values := make([]ref.Val, len(elements))
	for k, element := range elements {
		constant, ok := element.(interpreter.InterpretableConst)
		if !ok {
			return i, nil
		}
		values[k] = constant.Value()
	}
	if len(values) == 0 {
		return i, nil // what map and filter gather into
	}
	return interpreter.NewConstValue(i.ID(), types.NewRefValList(types.DefaultTypeAdapter, values)), nil
}
