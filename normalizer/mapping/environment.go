package mapping

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"paybridge/schemas/event"
)

// The names that an expression may use, besides the pack's own let names. What
// each holds is in package provider's description of a pack.
const (
	varBody       = "body"
	varHeader     = "header"
	varEndpoint   = "endpoint"
	varSource     = "source"
	varReceivedAt = "received_at"
	varItem       = "item" // not in items and ignore, which come before there is one
	varType       = "type" // not in let and type, which it is made of
)

// ownNames may not be names of a let.
var ownNames = []string{varBody, varHeader, varEndpoint, varSource, varReceivedAt, varItem, varType}

// deliveryEnvironment is what items and ignore see.
func deliveryEnvironment(z zones) (*cel.Env, error) {
	// Sizes are bounded before anything is parsed; names and types are then checked as in
	// any typed language. What is read from a body is dyn: it is checked when it is there.
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(standard())),
		cel.OptionalTypes(),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ExpressionNodeLimit(maxNodes),
		cel.ExpressionNestingDepthLimit(maxNesting),
		cel.Variable(varBody, cel.DynType),
		cel.Variable(varHeader, cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable(varEndpoint, cel.StringType),
		cel.Variable(varSource, cel.StringType),
		cel.Variable(varReceivedAt, cel.TimestampType),
	}
	options = append(options, comparisons()...)
	options = append(options, textFunctions()...)
	options = append(options, listFunctions()...)
	options = append(options, conversions(z)...)
	return cel.NewCustomEnv(options...)
}

// conversions declares the helpers that turn what a provider writes into what an
// event holds.
func conversions(z zones) []cel.EnvOption {
	unary := func(name string, result *cel.Type, f func(ref.Val) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_dyn", []*cel.Type{cel.DynType}, result, cel.UnaryBinding(f)))
	}
	binary := func(name string, second, result *cel.Type, f func(a, b ref.Val) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_dyn", []*cel.Type{cel.DynType, second}, result, cel.BinaryBinding(f)))
	}
	return []cel.EnvOption{
		// int(x): the value of a number or a text that is an integer; an error where something would be lost.
		unary("int", cel.IntType, toInt),
		// string(x): a text, a number's own text, a time as RFC 3339.
		unary("string", cel.StringType, toString),
		// time(x): RFC 3339 with its zone.
		unary("time", cel.TimestampType, toTime),
		// time_in(x, zone): the same, in the zone where it has none; notes zoneless_time.
		binary("time_in", cel.StringType, cel.TimestampType, z.toTimeIn),
		// unix(x), unix_ms(x): whole seconds and milliseconds since 1970.
		unary("unix", cel.TimestampType, fromUnix(time.Second)),
		unary("unix_ms", cel.TimestampType, fromUnix(time.Millisecond)),
		// money(value, currency), minor(value, currency): exact amounts in major and in minor units.
		binary("money", cel.DynType, moneyType, toMoney("money", event.NewMoney)),
		binary("minor", cel.DynType, moneyType, toMoney("minor", event.MoneyFromMinor)),
		// document(type, number): a tax or identity document, masked.
		binary("document", cel.DynType, documentType, toDocument),
		// digest(): SHA-256 of the body in hex, for providers that name nothing that identifies an event.
		cel.Function("digest", cel.Overload("digest", nil, cel.StringType, cel.LateFunctionBinding())),
	}
}

// standard is the part of CEL's standard library that packs get: no doubles, no
// bytes, no conversion that could lose something, no comparison that does not know
// a number. What is left out here is declared again, by comparisons and conversions,
// in a form that does, or has no use in a pack: a new function has to be asked for
// and priced before a pack can call it.
func standard() *env.LibrarySubset {
	return &env.LibrarySubset{IncludeFunctions: []*env.Function{
		env.NewFunction(operators.Conditional),
		env.NewFunction(operators.LogicalAnd),
		env.NewFunction(operators.LogicalOr),
		env.NewFunction(operators.LogicalNot),
		// Written by no author: exists and all become it.
		env.NewFunction(operators.NotStrictlyFalse),
		env.NewFunction(operators.Equals),
		env.NewFunction(operators.NotEquals),
		env.NewFunction(operators.Index),
		subset(operators.Add, overloads.AddInt64, overloads.AddString, overloads.AddList, overloads.AddTimestampDuration,
			overloads.AddDurationTimestamp, overloads.AddDurationDuration),
		subset(operators.Subtract, overloads.SubtractInt64, overloads.SubtractTimestampDuration,
			overloads.SubtractTimestampTimestamp, overloads.SubtractDurationDuration),
		subset(operators.Multiply, overloads.MultiplyInt64),
		subset(operators.Divide, overloads.DivideInt64),
		subset(operators.Modulo, overloads.ModuloInt64),
		subset(operators.Negate, overloads.NegateInt64),
		subset(overloads.Size, overloads.SizeString, overloads.SizeStringInst, overloads.SizeList, overloads.SizeListInst,
			overloads.SizeMap, overloads.SizeMapInst),
		env.NewFunction(overloads.Contains),
		env.NewFunction(overloads.StartsWith),
		env.NewFunction(overloads.EndsWith),
		env.NewFunction(overloads.Matches),
		subset(overloads.TypeConvertDuration, overloads.StringToDuration),
	}}
}

// subset is a function with only those overloads.
func subset(function string, ids ...string) *env.Function {
	list := make([]*env.Overload, len(ids))
	for i, id := range ids {
		list[i] = &env.Overload{ID: id}
	}
	return env.NewFunction(function, list...)
}

// programOptions adapt the evaluation of every expression. Its cost is metered by
// the delivery that it is evaluated for; see run.
func programOptions() []cel.ProgramOption {
	return []cel.ProgramOption{
		cel.CustomDecoratorV2(equality),
		cel.CustomDecoratorV2(sizes),
		cel.CustomDecoratorV2(constantLists),
		cel.OptimizeRegex(interpreter.MatchesRegexOptimization),
	}
}
