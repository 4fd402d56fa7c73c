package mapping

import (
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types/ref"

	"paybridge/normalizer/document"
	"paybridge/schemas/event"
	"paybridge/schemas/provider"
)

// expression is one compiled expression of a pack.
type expression struct {
	key      string  // where it stands in the pack, without "events.": "payment.amount"
	constant ref.Val // its value where it is a literal; nil otherwise
	program  cel.Program
	metered  bool   // the meter has to see every step; else cost is all that there is
	cost     uint64 // of one evaluation that is not metered
}

// let is a named expression.
type let struct {
	name string
	*expression
}

// rule is a compiled rule.
type rule struct {
	when      *expression
	kind      event.Kind // "" where the rule leaves it open, as the next two
	direction event.Direction
	state     event.State
	notes     []string
	set       []setting
	id        *expression // nil where the rule keeps the id
}

// setting is the expression of one payment field.
type setting struct {
	field int // index in paymentFields
	*expression
}

// Compile type-checks every expression of the pack and reports every problem at
// once, each with file, line and what to write: the error is a provider.Problems.
func Compile(e *provider.Events, s Settings) (*Program, error) {
	c := &compiler{zones: zones{}}
	var err error
	if c.env, err = deliveryEnvironment(c.zones); err != nil {
		return nil, err
	}
	p := &Program{events: *e, settings: s.orDefault(), form: e.Body == "form"}
	if p.settings.TypePrefix == "" {
		p.settings.TypePrefix = e.TypePrefix
	}
	// The order of what follows is the order in which names become known: a delivery has no
	// item before its items are listed, and an item no type before its type is evaluated.
	p.ignore = c.expression("ignore", e.Ignore, wantBool)
	p.items = c.expression("items", e.Items, wantList)

	c.declare(varItem, cel.DynType)
	for _, l := range e.Let {
		x := c.expression("let."+l.Name, l.Expr, wantAny)
		if slices.Contains(ownNames, l.Name) || slices.ContainsFunc(p.lets, func(other let) bool { return other.name == l.Name }) {
			c.problem(l.Expr.At, "let."+l.Name, "is a name that expressions already have", "choose another name")
			continue
		}
		p.lets = append(p.lets, let{l.Name, x})
		c.declare(l.Name, c.result)
	}
	if p.nativeType = c.expression("type", e.Type, wantText); p.nativeType == nil && len(c.problems) == 0 {
		c.problem(e.At, "type", "is missing", "write the expression of the native type, such as item.event")
	}

	c.declare(varType, cel.StringType)
	p.id = c.expression("id", e.ID, wantText)
	for i, part := range e.DerivedID {
		p.derived = append(p.derived, c.expression(index("derived_id", i), part, wantText))
	}
	p.time = c.expression("time", e.Time, wantTime)
	p.payment = c.settings("payment", e.Payment)
	for i, r := range e.Rules {
		p.rules = append(p.rules, c.rule(index("rules", i), r))
	}
	for i, pointer := range e.Personal {
		pattern, err := document.ParsePattern(pointer.Text)
		if err != nil {
			c.problem(pointer.At, index("personal", i), err.Error(), "")
		}
		p.personal = append(p.personal, pattern)
	}
	if c.count > maxExpressions {
		c.problem(e.At, "", "has more than "+strconv.Itoa(maxExpressions)+" expressions", "split the pack in two")
	}
	if len(c.problems) > 0 {
		slices.SortStableFunc(c.problems, func(a, b provider.Problem) int { return a.At.Line - b.At.Line })
		return nil, c.problems
	}
	tracker, err := cost.NewTracker(meter{})
	if err != nil {
		return nil, err
	}
	p.tracker, p.headers = tracker, c.headers
	return p, nil
}

// index is the key of the i-th element of a list, as provider.Problem writes it.
func index(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// compiler gathers problems while it compiles.
type compiler struct {
	env      *cel.Env
	result   *cel.Type // of the expression compiled last; dyn where it has problems
	zones    zones
	count    int
	headers  []headerRead
	problems provider.Problems
}

// problem records what is wrong at a key of the events half.
func (c *compiler) problem(at provider.Position, key, message, hint string) {
	c.problems = append(c.problems, provider.Problem{At: at, Key: strings.TrimSuffix("events."+key, "."), Message: message, Hint: hint})
}

// declare makes a name known to the expressions that follow.
func (c *compiler) declare(name string, t *cel.Type) {
	extended, err := c.env.Extend(cel.Variable(name, t))
	if err != nil {
		c.problem(provider.Position{}, "let."+name, "is no name: "+err.Error(), "")
		return
	}
	c.env = extended
}

// expression compiles one expression; nil where there is none, or where it has
// problems.
func (c *compiler) expression(key string, t provider.Text, want wants) *expression {
	// What uses the name of a let that has problems is not reported for them again.
	c.result = cel.DynType
	text := strings.TrimSpace(t.Text)
	if text == "" {
		return nil
	}
	c.count++
	// One compilation reports all that is wrong with the expression, and a pack goes on
	// after it: an author sees every mistake at once.
	checked, issues := c.env.Compile(text)
	if issues.Err() != nil {
		c.reportIssues(key, t, text, issues)
		return nil
	}
	before := len(c.problems)
	c.check(key, t, text, checked, want)
	if len(c.problems) > before {
		return nil
	}
	c.result = checked.OutputType()
	cost, static := staticCost(checked)
	x := &expression{key: key, cost: cost, metered: !static}
	// A literal, such as the rail of a provider that has one, is not evaluated again.
	if root := checked.NativeRep().Expr(); root.Kind() == ast.LiteralKind {
		x.constant = root.AsLiteral()
		return x
	}
	var err error
	if x.program, err = c.env.Program(checked, programOptions()...); err != nil {
		c.problem(t.At, key, "cannot be planned: "+err.Error(), "")
		return nil
	}
	return x
}

// settings compiles payment fields, in the order in which fields are made.
func (c *compiler) settings(key string, fields []provider.Let) []setting {
	var all []setting
	for _, f := range fields {
		i := slices.IndexFunc(paymentFields, func(known paymentField) bool { return known.name == f.Name })
		if i < 0 {
			c.problem(f.Expr.At, key+"."+f.Name, "is no field of a payment that a pack sets", suggest(f.Name, fieldNames()))
			continue
		}
		all = append(all, setting{i, c.expression(key+"."+f.Name, f.Expr, paymentFields[i].want)})
	}
	// One order of fields, whatever the file's, gives one order of notes and failures.
	slices.SortStableFunc(all, func(a, b setting) int { return a.field - b.field })
	return all
}

// rule compiles a rule. What package provider has checked in a file is checked again,
// for packs that are made in Go.
func (c *compiler) rule(key string, r provider.Rule) rule {
	compiled := rule{
		when: c.expression(key+".when", r.When, wantBool),
		kind: event.Kind(r.Kind), direction: event.Direction(r.Direction), state: event.State(r.State),
		notes: r.Notes,
		set:   c.settings(key+".set", r.Set),
		id:    c.expression(key+".id", r.ID, wantText),
	}
	if strings.TrimSpace(r.When.Text) == "" {
		c.problem(r.At, key+".when", "is missing", `write the condition, such as 'type == "payment.confirmed"'`)
	}
	if r.Kind == "" && r.Direction == "" && r.State == "" {
		c.problem(r.At, key, "decides nothing", "write at least one of kind, direction, state")
	}
	known := r.Kind == "" || compiled.kind.Valid()
	known = known && (r.Direction == "" || compiled.direction.Valid())
	known = known && (r.State == "" || compiled.state.Valid())
	if !known {
		c.problem(r.At, key, "has a kind, direction or state that is not one of the contract's words", "see the table of the canonical payment")
	}
	return compiled
}
