package mapping

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"paybridge/normalizer/document"
)

// parse is the root of a document as CEL sees it.
func parse(t *testing.T, body string) ref.Val {
	t.Helper()
	doc, err := document.Decode([]byte(body), document.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return value(doc.Root())
}

// native is the same JSON as CEL's own values. The tests use no numbers in it: CEL
// has no exact ones.
func native(t *testing.T, body string) ref.Val {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

const shapes = `{"a":"x","b":true,"c":null,"d":["x","y",["z"]],"e":{"f":"g","h":{}},"":"empty"}`

// TestAnObjectIsAMapOfCEL holds what CEL asks of a map against CEL's own map.
func TestAnObjectIsAMapOfCEL(t *testing.T) {
	ours, theirs := parse(t, shapes).(traits.Mapper), native(t, shapes).(traits.Mapper)
	if ours.Size() != theirs.Size() || ours.Type() != theirs.Type() {
		t.Errorf("size %v and type %v, want %v and %v", ours.Size(), ours.Type(), theirs.Size(), theirs.Type())
	}
	for _, key := range []ref.Val{types.String("a"), types.String("d"), types.String(""), types.String("z"), types.Int(1), types.True, types.NullValue} {
		v, ok := ours.Find(key)
		want, wantOK := theirs.Find(key)
		if ok != wantOK || ok && equal(v, want) != types.True {
			t.Errorf("find %v: %v %v, want %v %v", key, v, ok, want, wantOK)
		}
		if ours.Contains(key) != theirs.Contains(key) {
			t.Errorf("contains %v: %v, want %v", key, ours.Contains(key), theirs.Contains(key))
		}
		if types.IsError(ours.Get(key)) != types.IsError(theirs.Get(key)) {
			t.Errorf("get %v: %v, want %v", key, ours.Get(key), theirs.Get(key))
		}
	}
	var names []string
	for i := ours.Iterator(); i.HasNext() == types.True; {
		names = append(names, string(i.Next().(types.String)))
	}
	if want := []string{"a", "b", "c", "d", "e", ""}; !slices.Equal(names, want) {
		t.Errorf("the names are %q, in the order of the text %q", names, want)
	}
	if equal(ours, theirs) != types.True || equal(theirs, ours) != types.True {
		t.Error("the same JSON is not equal")
	}
}

// TestAListIsAListOfCEL holds what CEL asks of a list against CEL's own list.
func TestAListIsAListOfCEL(t *testing.T) {
	const body = `["x",true,null,["y"],{"a":"b"}]`
	ours, theirs := parse(t, body).(traits.Lister), native(t, body).(traits.Lister)
	if ours.Size() != theirs.Size() || ours.Type() != theirs.Type() {
		t.Errorf("size %v and type %v, want %v and %v", ours.Size(), ours.Type(), theirs.Size(), theirs.Type())
	}
	for _, index := range []ref.Val{types.Int(0), types.Int(4), types.Int(5), types.Int(-1), types.String("0"), types.True} {
		got, want := ours.Get(index), theirs.Get(index)
		if types.IsError(got) != types.IsError(want) || !types.IsError(got) && equal(got, want) != types.True {
			t.Errorf("get %v: %v, want %v", index, got, want)
		}
	}
	for _, v := range []ref.Val{types.String("x"), types.NullValue, types.String("z"), types.False} {
		if ours.Contains(v) != theirs.Contains(v) {
			t.Errorf("contains %v: %v, want %v", v, ours.Contains(v), theirs.Contains(v))
		}
	}
	i, n := ours.Iterator(), 0
	for ; i.HasNext() == types.True; n++ {
		if equal(i.Next(), theirs.Get(types.Int(n))) != types.True {
			t.Errorf("element %d differs", n)
		}
	}
	if n != 5 || i.Next() != nil {
		t.Errorf("%d elements, and then more", n)
	}
	for _, pair := range [][2]ref.Val{{ours, theirs}, {theirs, ours}, {ours, ours}} {
		sum, ok := pair[0].(traits.Adder).Add(pair[1]).(traits.Lister)
		if !ok || sum.Size() != types.Int(10) || equal(sum.Get(types.Int(7)), types.NullValue) != types.True {
			t.Errorf("the sum is %v", sum)
		}
	}
	if !types.IsError(ours.Add(types.String("x"))) {
		t.Error("a text is added to a list")
	}
}

// TestValuesStayInside: nothing that an expression holds can be taken out as a Go
// value, or turned into another type, behind the conversions' back.
func TestValuesStayInside(t *testing.T) {
	values := map[string]ref.Val{
		"object":   parse(t, `{}`),
		"list":     parse(t, `[]`),
		"number":   parse(t, `1.50`),
		"headers":  headers{"A": {"b"}},
		"money":    toMoney("money", nil)(types.NullValue, types.NullValue),
		"document": toDocument(types.String("CPF"), types.String("29708061000")),
		"iterator": parse(t, `[]`).(traits.Lister).Iterator(),
	}
	for name, v := range values {
		if name == "money" {
			if !types.IsError(v) {
				t.Error("money of nothing is something")
			}
			v = &amount{}
		}
		if got, err := v.ConvertToNative(reflect.TypeFor[float64]()); err == nil {
			t.Errorf("%s became the float %v", name, got)
		}
		for _, to := range []ref.Type{types.DoubleType, types.IntType, types.StringType} {
			if got := v.ConvertToType(to); !types.IsError(got) {
				t.Errorf("%s became the %v %v", name, to, got)
			}
		}
		if name == "iterator" {
			if !types.IsError(v.Equal(v)) || v.Value() != nil || v.Type() != types.IteratorType {
				t.Error("an iterator is a value")
			}
			continue
		}
		if got := v.ConvertToType(v.Type()); equal(got, v) != types.True {
			t.Errorf("%s is not itself: %v", name, got)
		}
		if got := v.ConvertToType(types.TypeType); got != v.Type().(ref.Val) {
			t.Errorf("the type of %s is %v, not %v", name, got, v.Type())
		}
		if v.Equal(types.String("x")) != types.False || v.Value() == nil {
			t.Errorf("%s is equal to a text, or has no value", name)
		}
	}
}

func TestHeadersAreAMapOfCEL(t *testing.T) {
	h := headers{"Event-Type": {"Paid"}, "X-Twice": {"a", "b"}, "X-Empty": {""}, "X-None": nil}
	for name, want := range map[string]string{"event-type": "Paid", "x-twice": "a, b", "x-empty": ""} {
		if got, ok := h.Find(types.String(name)); !ok || got != types.String(want) {
			t.Errorf("%s is %v %v, want %s", name, got, ok, want)
		}
		if got := h.Get(types.String(name)); got != types.String(want) {
			t.Errorf("%s is %v, want %s", name, got, want)
		}
	}
	for _, absent := range []ref.Val{types.String("Event-Type"), types.String("x-none"), types.String("y"), types.Int(1)} {
		if _, ok := h.Find(absent); ok || h.Contains(absent) != types.False || !types.IsError(h.Get(absent)) {
			t.Errorf("there is a header %v", absent)
		}
	}
	if h.Size() != types.Int(4) || h.Type() != types.MapType {
		t.Errorf("size %v, type %v", h.Size(), h.Type())
	}
	same := native(t, `{"event-type":"Paid"}`)
	if one := (headers{"Event-Type": {"Paid"}}); one.Equal(same) != types.True || equal(same, one) != types.True || h.Equal(same) != types.False {
		t.Error("equality of headers is wrong")
	}
}

func TestNodesOfValues(t *testing.T) {
	doc, err := document.Decode([]byte(`{"o":{},"l":[],"n":1,"t":"x","b":true,"z":null}`), document.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, kept := range map[string]bool{"o": true, "l": true, "n": true, "t": false, "b": false, "z": false} {
		member := doc.Root().Member(name)
		if got := node(value(member)); kept && got != member || !kept && got != nil {
			t.Errorf("the node of %s is %v", name, got)
		}
	}
}
