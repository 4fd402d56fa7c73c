package mapping

import (
	"reflect"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"paybridge/schemas/event"
)

// masked is a document that has lost its number.
type masked struct{ document event.Document }

var documentType = types.NewOpaqueType("document")

// Equal compares what is left to see.
func (m *masked) Equal(other ref.Val) ref.Val {
	o, ok := other.(*masked)
	return types.Bool(ok && m.document == o.document)
}

func (m *masked) Type() ref.Type                            { return documentType }
func (m *masked) Value() any                                { return m }
func (m *masked) ConvertToType(t ref.Type) ref.Val          { return convert(m, t) }
func (m *masked) ConvertToNative(reflect.Type) (any, error) { return nil, errNative }

// toDocument is document(type, number).
func toDocument(kind, number ref.Val) ref.Val {
	number = operand(number)
	if types.IsError(number) {
		return number
	}
	text, ok := scalarText(number)
	if !ok {
		return fail("document: the number is not a text or a number")
	}
	name := "UNKNOWN"
	switch k := operand(kind).(type) {
	case types.String:
		if k != "" && len(k) <= 32 {
			name = strings.ToUpper(string(k))
		}
	case *types.Err:
		// A document whose type is not said is still one.
	default:
		return fail("document: the type is not a text")
	}
	return &masked{event.Document{Type: name, Masked: mask(name, text)}}
}

// mask hides a document's number as Brazilian practice does: of a CPF and of a
// CNPJ the middle six characters stay, of any other number the middle third, of a
// short one nothing.
func mask(kind, number string) string {
	if len(number) > maxDigits {
		return strings.Repeat("*", 32)
	}
	// What providers put between the digits says nothing about who it is.
	kept := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '/' || r == ' ' {
			return -1
		}
		return r
	}, number)
	n := []rune(kept)
	switch {
	// Receipts of Pix show a CPF like that.
	case kind == "CPF" && len(n) == 11:
		return "***." + string(n[3:6]) + "." + string(n[6:9]) + "-**"
	case kind == "CNPJ" && len(n) == 14:
		return "**." + string(n[2:5]) + "." + string(n[5:8]) + "/****-**"
	case len(n) < 9 || len(n) > 32:
		return strings.Repeat("*", min(len(n), 32))
	}
	third := len(n) / 3
	return strings.Repeat("*", third) + string(n[third:2*third]) + strings.Repeat("*", len(n)-2*third)
}
