package mapping

import (
	"net/textproto"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// headers are the HTTP headers that a delivery kept, under lower-case names.
type headers textproto.MIMEHeader

var _ traits.Mapper = headers(nil)

// FindStringKey is how CEL selects a header.
func (h headers) FindStringKey(name string) (any, bool) {
	// A header has one name here, so that a pack cannot be right on one provider's
	// spelling and wrong on a proxy's.
	if name != strings.ToLower(name) {
		return nil, false
	}
	values := textproto.MIMEHeader(h).Values(name)
	if len(values) == 0 {
		return nil, false
	}
	// Lines of one name are one value, as HTTP has it.
	return types.String(strings.Join(values, ", ")), true
}

// Find is FindStringKey for names that an expression computes.
func (h headers) Find(key ref.Val) (ref.Val, bool) {
	if name, ok := key.(types.String); ok {
		if v, ok := h.FindStringKey(string(name)); ok {
			return v.(ref.Val), true
		}
	}
	return nil, false
}

// Get is Find with an error for what is absent.
func (h headers) Get(key ref.Val) ref.Val {
	if v, ok := h.Find(key); ok {
		return v
	}
	return absent()
}

// Contains is what `in` asks.
func (h headers) Contains(key ref.Val) ref.Val {
	_, ok := h.Find(key)
	return types.Bool(ok)
}

// Iterator walks the names in their order, the same every time.
func (h headers) Iterator() traits.Iterator {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	return types.NewStringList(types.DefaultTypeAdapter, names).Iterator()
}

func (h headers) Size() ref.Val                             { return types.Int(len(h)) }
func (h headers) Equal(other ref.Val) ref.Val               { return equal(h, other) }
func (h headers) Type() ref.Type                            { return types.MapType }
func (h headers) Value() any                                { return h }
func (h headers) ConvertToType(t ref.Type) ref.Val          { return convert(h, t) }
func (h headers) ConvertToNative(reflect.Type) (any, error) { return nil, errNative }
