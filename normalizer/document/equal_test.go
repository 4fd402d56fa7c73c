package document

import "testing"

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b             string
		equal, identical bool
	}{
		{`{"a":1,"b":[true,null]}`, ` { "b" : [ true , null ] , "a" : 1 } `, true, true},
		{`"\u0061\/"`, `"a/"`, true, true},
		{"1", "1.0", true, false},
		{"[1e2]", "[100]", true, false},
		{"-0", "0", true, false},
		{"1", `"1"`, false, false},
		{"1", "2", false, false},
		{"true", "false", false, false},
		{"null", "false", false, false},
		{"[1,2]", "[2,1]", false, false},
		{"[1]", "[1,1]", false, false},
		{`{"a":1}`, `{"b":1}`, false, false},
		{`{"a":1}`, `{"a":1,"b":1}`, false, false},
		{`{"a":{"b":"x"}}`, `{"a":{"b":"y"}}`, false, false},
		{"[]", "{}", false, false},
	} {
		a, err := Decode([]byte(c.a), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := Decode([]byte(c.b), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := Equal(a.Root(), b.Root()); got != c.equal {
			t.Errorf("Equal(%s, %s) is %v", c.a, c.b, got)
		}
		if got := Identical(a.Root(), b.Root()); got != c.identical {
			t.Errorf("Identical(%s, %s) is %v", c.a, c.b, got)
		}
		if Equal(a.Root(), b.Root()) != Equal(b.Root(), a.Root()) {
			t.Errorf("Equal(%s, %s) depends on the order", c.a, c.b)
		}
	}
}
