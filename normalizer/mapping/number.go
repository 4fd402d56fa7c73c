package mapping

import (
	"reflect"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"paybridge/normalizer/document"
)

// number is a JSON number as CEL sees it: an exact decimal that keeps its text.
// It is compared, and taken by int, string, money, minor, unix and unix_ms; it has
// no arithmetic, and never becomes a double. An author says what a number is before
// anything is done with it: 100.00 may be an amount, a count of cents or a code, and
// each of them has other digits that matter.
type number document.Node

var numberType = types.NewOpaqueType("number")

// text is the number as it is written in the body.
func (n *number) text() string { return (*document.Node)(n).Text() }

func (n *number) Equal(other ref.Val) ref.Val               { return equal(n, other) }
func (n *number) Type() ref.Type                            { return numberType }
func (n *number) Value() any                                { return n }
func (n *number) ConvertToType(t ref.Type) ref.Val          { return convert(n, t) }
func (n *number) ConvertToNative(reflect.Type) (any, error) { return nil, errNative }

// digits is the text of a number or an integer; false for all else, and for a number
// so long that no provider means it.
func digits(v ref.Val) (string, bool) {
	switch v := v.(type) {
	case *number:
		return v.text(), len(v.text()) <= maxDigits
	case types.Int:
		return strconv.FormatInt(int64(v), 10), true
	}
	return "", false
}

// toInt is int(x): x's value where it is an integer that fits.
func toInt(v ref.Val) ref.Val {
	switch v := operand(v).(type) {
	case *number:
		if text, ok := digits(v); ok {
			if i, ok := document.Integer(text); ok {
				return types.Int(i)
			}
		}
		return fail("int: the number is not an integer of 64 bits")
	case types.Int:
		return v
	case types.String:
		if len(v) <= maxDigits {
			if i, err := strconv.ParseInt(string(v), 10, 64); err == nil {
				return types.Int(i)
			}
		}
		return fail("int: the text is not an integer of 64 bits")
	case *types.Err:
		return v
	}
	return fail("int: takes a number or a text")
}

// toString is string(x): a number's own text.
func toString(v ref.Val) ref.Val {
	switch v := operand(v).(type) {
	case *number:
		return types.String(v.text())
	case types.String:
		return v
	case types.Int:
		return types.String(strconv.FormatInt(int64(v), 10))
	case types.Bool:
		return types.String(strconv.FormatBool(bool(v)))
	case moment:
		return types.String(v.utc())
	case types.Timestamp:
		return types.String(moment{Timestamp: v}.utc())
	case *types.Err:
		return v
	}
	return fail("string: takes a number, a text, a bool or a time")
}

// operand is what a helper works on: the value in an optional; null and an empty
// optional are absent.
func operand(v ref.Val) ref.Val {
	if o, ok := v.(*types.Optional); ok {
		if !o.HasValue() {
			return absent()
		}
		v = o.GetValue()
	}
	if v == types.NullValue {
		return absent()
	}
	return v
}
