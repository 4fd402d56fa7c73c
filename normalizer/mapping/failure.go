package mapping

import (
	"errors"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// failure says why an expression has no value. It never holds a value of the body.
type failure struct {
	absent    bool // what it reads is not there: a null field, a false condition
	refused   bool // a helper cannot make of a value what it should: a false condition
	exhausted bool // it was stopped: the budget of the evaluation is spent
	problem   string
}

var (
	failAbsent    = &failure{absent: true, problem: "what it reads is not in the body"}
	failExhausted = &failure{exhausted: true, problem: "it costs too much; make the expression simpler or the lists that it walks shorter"}
)

// helperError is what a helper says of its argument: constant text.
type helperError string

func (e helperError) Error() string { return string(e) }

// fail is a helper's refusal as a value.
func fail(problem helperError) ref.Val { return types.WrapErr(problem) }

// explain sorts out what CEL says. Its own messages may hold values of the body,
// so none is passed on.
func explain(err error) *failure {
	var helper helperError
	var canceled interpreter.EvalCancelledError
	switch {
	case errors.As(err, &canceled):
		return failExhausted
	case errors.As(err, &helper):
		return &failure{refused: true, problem: string(helper)}
	}
	message := err.Error()
	// A name that is selected in a list, or from a scalar, is as absent as one that is not
	// in an object: the body is not of the shape that the pack expects, there.
	for _, missing := range []string{"no such key", "index out of bounds", "optional.none() dereference", "unsupported index type"} {
		if strings.HasPrefix(message, missing) {
			return failAbsent
		}
	}
	// CEL has no type of error for it; its words are pinned by a test.
	if strings.HasPrefix(message, "no such overload") {
		return &failure{problem: "a value is not of the type that an operator or a helper takes"}
	}
	return &failure{problem: "it cannot be evaluated: an overflow, a division by zero or a bad index"}
}
