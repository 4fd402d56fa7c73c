package mapping

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"paybridge/schemas/provider"
)

// wants is what an expression's place takes.
type wants struct {
	kinds []string // names of CEL types
	what  string   // for people
	write string
}

var (
	wantAny      = wants{}
	wantBool     = wants{[]string{"bool"}, "a condition", "write one that is true or false, such as type == \"ping\""}
	wantText     = wants{[]string{"string", "int", "bool", "number"}, "a text", "write string(…)"}
	wantList     = wants{[]string{"list"}, "a list", "write one such as body.events"}
	wantTime     = wants{[]string{"timestamp"}, "a time", "write time(…), time_in(…, \"America/Sao_Paulo\"), unix(…) or unix_ms(…)"}
	wantMoney    = wants{[]string{"money"}, "money", "write money(value, currency), or minor(value, currency) for cents"}
	wantTexts    = wants{[]string{"list"}, "a list of texts", "write one such as [item.hash]"}
	wantDocument = wants{[]string{"document"}, "a document", "write document(type, number), which masks it"}
)

// takes says whether a value of type t may stand here. What is only known when the
// body is there (dyn) is checked then.
func (w wants) takes(t *cel.Type) bool {
	if name := t.TypeName(); name == "optional_type" && len(t.Parameters()) == 1 {
		t = t.Parameters()[0]
	}
	switch t.Kind() {
	case types.DynKind, types.NullTypeKind, types.TypeParamKind:
		return true
	}
	name := t.TypeName()
	if t.Kind() == types.TimestampKind {
		name = "timestamp"
	}
	return len(w.kinds) == 0 || slices.Contains(w.kinds, name)
}

// check refuses what type-checks but does not belong into a pack.
func (c *compiler) check(key string, t provider.Text, text string, checked *cel.Ast, want wants) {
	if !want.takes(checked.OutputType()) {
		c.problem(t.At, key, fmt.Sprintf("is of the type %s, not %s", cel.FormatCELType(checked.OutputType()), want.what), want.write)
	}
	native := checked.NativeRep()
	at := func(e ast.Expr) provider.Position {
		return position(t, text, native.SourceInfo().GetStartLocation(e.ID()).Line())
	}
	loops := deepestLoop(native.Expr())
	if loops > maxLoops {
		c.problem(t.At, key, fmt.Sprintf("has %d loops (map, filter, exists, all) inside each other, more than %d", loops, maxLoops), "name the inner list in let")
	}
	// A macro repeats what it is given: exists(x, …) would report a mistake in its list
	// as often as it reads it.
	seen := map[string]bool{}
	ast.PostOrderVisit(native.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if name := readsHeader(e); name != "" {
			c.headers = append(c.headers, headerRead{name, key, at(e)})
		}
		if message, hint := c.forbidden(e, native.TypeMap()[e.ID()]); message != "" && !seen[message] {
			seen[message] = true
			c.problem(at(e), key, message, hint)
		}
	}))
	// The least that it may cost is known where its lists are literals. What a body makes
	// of it is the meter's business.
	estimate, err := c.env.EstimateCost(checked, unknownSizes{})
	if err == nil && estimate.Min > evaluationCost {
		c.problem(t.At, key, "costs too much whatever the body is", "make the lists in it shorter")
	}
}

// forbidden says what is wrong with one node, "" where nothing is.
func (c *compiler) forbidden(e ast.Expr, t *types.Type) (message, hint string) {
	// The checker takes the name of a type, such as int or type, for a value. Nothing here
	// is one.
	switch e.Kind() {
	case ast.IdentKind:
		if t.Kind() == types.TypeKind {
			return c.reword("undeclared reference to '" + e.AsIdent() + "'")
		}
	case ast.LiteralKind:
		switch e.AsLiteral().(type) {
		case types.Double:
			return floatProblem, floatHint
		case types.Uint, types.Bytes:
			return "has a literal of a type that no value here has", "write a whole number or a text"
		}
	case ast.CallKind:
		return c.forbiddenCall(e.AsCall())
	}
	return "", ""
}

// forbiddenCall is forbidden for calls: what an argument must be written out for, so
// that it is known, and known to be harmless, when the pack is loaded.
func (c *compiler) forbiddenCall(call ast.CallExpr) (message, hint string) {
	args := call.Args()
	// Only a text that stands in the expression itself counts as written out.
	literal := func(e ast.Expr) (string, bool) {
		if e.Kind() != ast.LiteralKind {
			return "", false
		}
		s, ok := e.AsLiteral().(types.String)
		return string(s), ok
	}
	switch call.FunctionName() {
	case "time_in":
		name, ok := literal(args[1])
		if !ok {
			return "has a time_in whose zone is not written out", "write it as text: time_in(x, \"America/Sao_Paulo\")"
		}
		// The zone is loaded here, once: evaluation does no I/O. "Local" is the machine's,
		// and the same delivery must give the same event on every machine.
		zone, err := time.LoadLocation(name)
		if err != nil || name == "" || name == "Local" {
			return fmt.Sprintf("names the zone %q, which is not known", name), "write one of the IANA database, such as \"America/Sao_Paulo\" or \"UTC\""
		}
		c.zones[name] = zone
	case "matches":
		pattern, ok := literal(args[len(args)-1])
		if !ok {
			return "has a regular expression that is not written out", "write it as text; the body never chooses it"
		}
		if len(pattern) > maxPattern {
			return fmt.Sprintf("has a regular expression over %d bytes", maxPattern), "make it shorter"
		}
		// Go's expressions are linear in the text; one that is too large for it is refused here.
		if _, err := regexp.Compile(pattern); err != nil {
			return fmt.Sprintf("has a bad regular expression: %v", err), ""
		}
	case operators.Index, operators.OptIndex:
		name, ok := literal(args[1])
		if ok && args[0].Kind() == ast.IdentKind && args[0].AsIdent() == varHeader && name != strings.ToLower(name) {
			return fmt.Sprintf("reads the header %q; their names are in lower case here", name), fmt.Sprintf("write header[%q]", strings.ToLower(name))
		}
	}
	return "", ""
}

// deepestLoop is how many comprehensions lie inside each other's steps. One in the
// range of another comes before it, not inside.
func deepestLoop(e ast.Expr) int {
	var walk func(n ast.NavigableExpr, depth int) int
	walk = func(n ast.NavigableExpr, depth int) int {
		inside := depth
		var before int64
		if n.Kind() == ast.ComprehensionKind {
			inside++
			before = n.AsComprehension().IterRange().ID()
		}
		deepest := inside
		for _, child := range n.Children() {
			if n.Kind() == ast.ComprehensionKind && child.ID() == before {
				deepest = max(deepest, walk(child, depth))
				continue
			}
			deepest = max(deepest, walk(child, inside))
		}
		return deepest
	}
	return walk(ast.NavigateExpr(ast.NewAST(e, nil), e), 0)
}

// unknownSizes tells CEL's estimate that nothing is known of a body.
type unknownSizes struct{}

// EstimateSize is anything: a body may be empty or huge.
func (unknownSizes) EstimateSize(cost.AstNode) *cost.SizeEstimate {
	return &cost.SizeEstimate{Min: 0, Max: math.MaxInt32}
}

// EstimateCallCost is left to CEL's own table.
func (unknownSizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// position is the line of the pack where a line (from 1) of an expression stands. A
// text of several lines is a YAML block, whose first line follows its key.
func position(t provider.Text, text string, line int) provider.Position {
	at := t.At
	if strings.Contains(text, "\n") && line > 0 {
		at.Line += line
	}
	return at
}
