package mapping

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"paybridge/schemas/provider"
)

// headerRead is a header that an expression names in so many words.
type headerRead struct {
	name string // lower case, as expressions have it
	key  string // where: "type"
	at   provider.Position
}

// readsHeader is the name of the header that one node reads; "" where it reads none,
// or one whose name is computed.
func readsHeader(e ast.Expr) string {
	isHeader := func(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == varHeader }
	literal := func(e ast.Expr) string {
		if e.Kind() == ast.LiteralKind {
			if s, ok := e.AsLiteral().(types.String); ok {
				return string(s)
			}
		}
		return ""
	}
	switch e.Kind() {
	case ast.SelectKind:
		if s := e.AsSelect(); isHeader(s.Operand()) {
			return s.FieldName()
		}
	case ast.CallKind:
		args := e.AsCall().Args()
		switch e.AsCall().FunctionName() {
		case operators.Index, operators.OptIndex, operators.OptSelect:
			if isHeader(args[0]) {
				return literal(args[1])
			}
		case operators.In:
			if isHeader(args[1]) {
				return literal(args[0])
			}
		}
	}
	return ""
}

// Unstored reports the headers that expressions name and the pack's auth half does
// not store: a delivery never has them, so that what reads them is always absent.
func (p *Program) Unstored(a *provider.Auth) provider.Problems {
	stored, _ := a.Stored()
	var problems provider.Problems
	for _, r := range p.headers {
		name := textproto.CanonicalMIMEHeaderKey(r.name)
		if slices.Contains(stored, name) {
			continue
		}
		problem := provider.Problem{At: r.at, Key: "events." + r.key, Message: fmt.Sprintf("reads the header %s, which is not stored", strings.ToLower(name)), Hint: fmt.Sprintf("add `keep: [%s]` under auth", name)}
		if !slices.Contains(problems, problem) {
			problems = append(problems, problem)
		}
	}
	return problems
}
