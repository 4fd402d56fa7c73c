package mapping

import (
	"errors"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"paybridge/normalizer/document"
)

// object and list are a document's containers as CEL sees them: the very nodes,
// under types that have CEL's methods, so that nothing is converted or copied
// before an expression asks for it.
type (
	object document.Node
	list   document.Node
)

var (
	_ traits.Mapper = (*object)(nil)
	_ traits.Lister = (*list)(nil)
)

// value is n for CEL. Only a text costs an allocation.
func value(n *document.Node) ref.Val {
	switch n.Kind() {
	case document.Object:
		return (*object)(n)
	case document.List:
		return (*list)(n)
	case document.Text:
		return types.String(n.Text())
	case document.Number:
		return (*number)(n)
	case document.Bool:
		return types.Bool(n.True())
	}
	return types.NullValue
}

// node is the part of a document that v is, nil where v is a text, a bool or
// null, which carry none, or was made by an expression.
func node(v ref.Val) *document.Node {
	switch v := v.(type) {
	case *object:
		return (*document.Node)(v)
	case *list:
		return (*document.Node)(v)
	case *number:
		return (*document.Node)(v)
	}
	return nil
}

// errNative is what every conversion out of CEL answers: nothing here asks for one.
var errNative = errors.New("mapping: a value of a document has no native form")

// errAbsent says that what an expression reads is not in the body. Its text is
// what CEL itself says of a missing key.
var errAbsent = errors.New("no such key")

// absent is the value of what is not there.
func absent() ref.Val { return types.WrapErr(errAbsent) }

func (o *object) node() *document.Node { return (*document.Node)(o) }

// FindStringKey is how CEL selects a member.
func (o *object) FindStringKey(name string) (any, bool) {
	// A member that is null is there, and is null.
	if n := o.node().Member(name); n != nil {
		return value(n), true
	}
	return nil, false
}

// Find is FindStringKey for keys that an expression computes.
func (o *object) Find(key ref.Val) (ref.Val, bool) {
	if name, ok := key.(types.String); ok {
		if n := o.node().Member(string(name)); n != nil {
			return value(n), true
		}
	}
	return nil, false
}

// Get is Find with an error for what is absent.
func (o *object) Get(key ref.Val) ref.Val {
	if v, ok := o.Find(key); ok {
		return v
	}
	return absent()
}

// Contains is what `in` asks, of names.
func (o *object) Contains(key ref.Val) ref.Val {
	_, ok := o.Find(key)
	return types.Bool(ok)
}

func (o *object) Size() ref.Val                             { return types.Int(o.node().Size()) }
func (o *object) Iterator() traits.Iterator                 { return &iterator{container: o.node()} }
func (o *object) Equal(other ref.Val) ref.Val               { return equal(o, other) }
func (o *object) Type() ref.Type                            { return types.MapType }
func (o *object) Value() any                                { return o }
func (o *object) ConvertToType(t ref.Type) ref.Val          { return convert(o, t) }
func (o *object) ConvertToNative(reflect.Type) (any, error) { return nil, errNative }

func (l *list) node() *document.Node { return (*document.Node)(l) }

// GetInt64Index is how CEL takes an element.
func (l *list) GetInt64Index(i int64) (any, bool) {
	if i < 0 || i >= int64(l.node().Size()) {
		return nil, false
	}
	return value(l.node().At(int(i))), true
}

// Get is GetInt64Index for indexes that an expression computes.
func (l *list) Get(index ref.Val) ref.Val {
	i, ok := index.(types.Int)
	if !ok {
		return types.NoSuchOverloadErr()
	}
	if v, ok := l.GetInt64Index(int64(i)); ok {
		return v.(ref.Val)
	}
	return absent()
}

// Add makes a list of both. The elements are handed on; nothing of them is copied.
func (l *list) Add(other ref.Val) ref.Val {
	elements := make([]ref.Val, l.node().Size())
	for i := range elements {
		elements[i] = value(l.node().At(i))
	}
	return types.NewRefValList(types.DefaultTypeAdapter, elements).Add(other)
}

func (l *list) Contains(v ref.Val) ref.Val                { return contains(l, v) }
func (l *list) Size() ref.Val                             { return types.Int(l.node().Size()) }
func (l *list) Iterator() traits.Iterator                 { return &iterator{container: l.node()} }
func (l *list) Equal(other ref.Val) ref.Val               { return equal(l, other) }
func (l *list) Type() ref.Type                            { return types.ListType }
func (l *list) Value() any                                { return l }
func (l *list) ConvertToType(t ref.Type) ref.Val          { return convert(l, t) }
func (l *list) ConvertToNative(reflect.Type) (any, error) { return nil, errNative }

// iterator walks a list's elements or an object's names.
type iterator struct {
	container *document.Node
	next      int
}

func (i *iterator) HasNext() ref.Val { return types.Bool(i.next < i.container.Size()) }

func (i *iterator) Next() ref.Val {
	if i.next >= i.container.Size() {
		return nil
	}
	n := i.container.At(i.next)
	i.next++
	if i.container.Kind() == document.Object {
		return types.String(n.Name())
	}
	return value(n)
}

func (i *iterator) Equal(ref.Val) ref.Val                     { return types.NoSuchOverloadErr() }
func (i *iterator) Type() ref.Type                            { return types.IteratorType }
func (i *iterator) Value() any                                { return nil }
func (i *iterator) ConvertToType(ref.Type) ref.Val            { return types.NoSuchOverloadErr() }
func (i *iterator) ConvertToNative(reflect.Type) (any, error) { return nil, errNative }

// convert answers type(x) and dyn(x), the only conversions that lose nothing.
func convert(v ref.Val, t ref.Type) ref.Val {
	switch t.TypeName() {
	case v.Type().TypeName():
		return v
	case types.TypeType.TypeName():
		if t, ok := v.Type().(ref.Val); ok {
			return t
		}
	}
	return types.NoSuchOverloadErr()
}
