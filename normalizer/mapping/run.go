package mapping

import (
	"strings"

	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"paybridge/normalizer/document"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// run is the evaluation of one delivery: what the names of expressions stand for,
// and the budget that they share.
type run struct {
	program  *Program
	delivery *delivery.Delivery
	digest   string // event.RawDigest of the body

	// A frame is what CEL evaluates in. There are two, because a meter in a frame sees
	// every call, and costs an allocation at each: see staticCost.
	plain   *interpreter.ExecutionFrame // for expressions whose cost is known
	metered *interpreter.ExecutionFrame // for the others; nil until one is evaluated
	tracker *cost.Tracker               // the meter of metered
	limit   uint64                      // where the meter stops the expression that is being evaluated
	paid    uint64                      // of the delivery's budget, besides what the meter counts

	body       ref.Val
	item       ref.Val
	nativeType ref.Val
	lets       []ref.Val // values of the let names for the item; nil until one is asked for
}

// start prepares the evaluation of d; the caller closes it.
func (p *Program) start(d *delivery.Delivery, doc *document.Document) (*run, error) {
	r := &run{program: p, delivery: d, digest: event.RawDigestOf(d.BodyDigest()), body: value(doc.Root()), lets: make([]ref.Val, len(p.lets))}
	var err error
	r.plain, err = interpreter.NewExecutionFrame(r)
	return r, err
}

// meter makes the frame in which every step is metered.
func (r *run) meter() error {
	if r.metered != nil {
		return nil
	}
	var err error
	if r.tracker, err = r.program.tracker.Clone(); err != nil {
		return err
	}
	r.tracker.Limit = &r.limit
	if r.metered, err = interpreter.NewExecutionFrame(r); err != nil {
		return err
	}
	r.metered.SetCostTracker(r.tracker)
	return nil
}

// pay takes from the delivery's budget; false once it is spent.
func (r *run) pay(units uint64) bool {
	r.paid += units
	return r.left() > 0
}

// left is what is left of the delivery's budget.
func (r *run) left() uint64 {
	spent := r.paid
	if r.tracker != nil {
		spent += r.tracker.ActualCost()
	}
	return deliveryCost - min(spent, deliveryCost)
}

// close gives the frames back to the evaluator.
func (r *run) close() {
	r.plain.Close()
	if r.metered != nil {
		r.metered.Close()
	}
}

// enter makes n the item.
func (r *run) enter(n *document.Node) {
	r.item, r.nativeType = value(n), nil
	clear(r.lets)
}

// ResolveName is what a name of an expression stands for.
func (r *run) ResolveName(name string) (any, bool) {
	switch name {
	case varItem:
		return r.item, r.item != nil
	case varBody:
		return r.body, true
	case varType:
		return r.nativeType, r.nativeType != nil
	// The rest is asked for seldom, and made when it is.
	case varHeader:
		return headers(r.delivery.Header), true
	case varEndpoint:
		return types.String(r.delivery.Endpoint), true
	case varSource:
		return types.String(r.delivery.Source), true
	case varReceivedAt:
		return types.Timestamp{Time: r.delivery.ReceivedAt}, true
	case varRun:
		return r, true
	}
	for i := range r.program.lets {
		if r.program.lets[i].name == name {
			return r.let(i), true
		}
	}
	return nil, false
}

// ResolveFunction is the one function that knows the delivery: digest.
func (r *run) ResolveFunction(name string) (functions.LateBoundOp, bool) {
	return func(string, ...ref.Val) ref.Val {
		return types.String(strings.TrimPrefix(r.digest, "sha256-"))
	}, name == "digest"
}

// Parent is nil: there are no other names.
func (r *run) Parent() interpreter.Activation { return nil }

// let is the value of a let name, evaluated once for an item, and only if it is
// asked for. An expression sees only the names before its own, so it ends.
func (r *run) let(i int) ref.Val {
	if r.lets[i] != nil {
		return r.lets[i]
	}
	v, err := r.evaluate(r.program.lets[i].expression)
	if err != nil {
		v = types.WrapErr(err)
	}
	r.lets[i] = v
	return v
}

// evaluate is the value of an expression as CEL has it.
func (r *run) evaluate(x *expression) (ref.Val, error) {
	if x.constant != nil {
		return x.constant, nil
	}
	if !x.metered {
		if !r.pay(x.cost) {
			return nil, interpreter.EvalCancelledError{Cause: interpreter.CostLimitExceeded}
		}
		v, _, err := x.program.Eval(r.plain)
		return v, err
	}
	if err := r.meter(); err != nil {
		return nil, err
	}
	// A let name that is evaluated inside another expression has bounds of its own; what it
	// cost counts for both.
	outer := r.limit
	r.limit = r.tracker.ActualCost() + min(evaluationCost, r.left())
	v, _, err := x.program.Eval(r.metered)
	r.limit = outer
	return v, err
}

// eval is the value of an expression, out of its optional.
func (r *run) eval(x *expression) (ref.Val, *failure) {
	v, err := r.evaluate(x)
	if err != nil {
		return nil, explain(err)
	}
	if o, ok := v.(*types.Optional); ok {
		if !o.HasValue() {
			return nil, failAbsent
		}
		v = o.GetValue()
	}
	if types.IsUnknown(v) {
		return nil, &failure{problem: "it cannot be evaluated"}
	}
	return v, nil
}

// condition is the value of a condition. It is false where what it reads is absent,
// and where a helper refuses what it reads: a code that is no integer is in no range.
func (r *run) condition(x *expression) (bool, *failure) {
	v, failed := r.eval(x)
	switch {
	case failed != nil && (failed.absent || failed.refused):
		return false, nil
	case failed != nil:
		return false, failed
	case v == types.NullValue:
		return false, nil
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, &failure{problem: "is neither true nor false"}
	}
	return bool(b), nil
}

// text is the value of an expression that is a text; absent and null are "".
func (r *run) text(x *expression) (string, *failure) {
	v, failed := r.eval(x)
	switch {
	case failed != nil && failed.absent:
		return "", nil
	case failed != nil:
		return "", failed
	case v == types.NullValue:
		return "", nil
	}
	text, ok := scalarText(v)
	if !ok {
		return "", &failure{problem: "is a list or an object, not a text"}
	}
	return text, nil
}
