package mapping

import (
	"errors"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"paybridge/schemas/event"
)

// amount is money as an expression carries it from money or minor to a field.
type amount struct {
	money event.Money
	notes []string
	none  bool // nothing can be said but the notes: the field is null
}

var moneyType = types.NewOpaqueType("money")

// Equal compares value and currency.
func (a *amount) Equal(other ref.Val) ref.Val {
	b, ok := other.(*amount)
	return types.Bool(ok && a.none == b.none && a.money.Value == b.money.Value && a.money.Currency == b.money.Currency)
}

func (a *amount) Type() ref.Type                            { return moneyType }
func (a *amount) Value() any                                { return a }
func (a *amount) ConvertToType(t ref.Type) ref.Val          { return convert(a, t) }
func (a *amount) ConvertToNative(reflect.Type) (any, error) { return nil, errNative }

// toMoney is money(value, currency) or minor(value, currency): make says which.
// Both take a text or a number; an absent value or currency is an absent amount.
func toMoney(name string, make func(value, currency string) (event.Money, []string, error)) func(value, currency ref.Val) ref.Val {
	bad := helperError(name + ": takes an amount, as number or text, and a currency")
	return func(v, c ref.Val) ref.Val {
		v, c = operand(v), operand(c)
		for _, part := range []ref.Val{v, c} {
			if types.IsError(part) {
				return part
			}
		}
		text, ok := digits(v)
		if s, isText := v.(types.String); isText {
			text, ok = string(s), true
		}
		if !ok {
			return fail(bad)
		}
		currency, ok := c.(types.String)
		if !ok {
			return fail(bad)
		}
		money, notes, err := make(text, string(currency))
		switch {
		// How many cents make one of an unknown token is a guess, and an amount is none: the
		// field is null, and the note says why.
		case errors.Is(err, event.ErrUnknownExponent):
			return &amount{notes: []string{event.NoteUnknownExponent}, none: true}
		case err != nil:
			return fail(bad)
		}
		return &amount{money: money, notes: notes}
	}
}
