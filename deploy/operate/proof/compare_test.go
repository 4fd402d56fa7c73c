package proof

import (
	"strings"
	"testing"
)

// TestCompareJSON says what counts as the same event, and how a difference reads.
func TestCompareJSON(t *testing.T) {
	for _, test := range []struct {
		name, want, got string
		differences     string
	}{
		{"the same", `{"a":1,"b":[true,null]}`, "{ \"b\": [true, null], \"a\": 1 }", ""},
		{"a number's text", `{"a":100.00}`, `{"a":100.0}`, `/a: is 100.0, want 100.00`},
		{"a number is no text", `{"a":"1"}`, `{"a":1}`, `/a: is 1, want "1"`},
		{"a member too few", `{"a":{"b":1}}`, `{"a":{}}`, `/a/b: is not there, want 1`},
		{"a member too many", `{}`, `{"a":null}`, `/a: is null, want nothing there`},
		{"a list's length", `[1,2]`, `[1]`, `: is [1], want [1,2]`},
		{"a list's element", `{"a":[1,{"b":2}]}`, `{"a":[1,{"b":3}]}`, `/a/1/b: is 3, want 2`},
		{"another type", `{"a":{}}`, `{"a":[]}`, `/a: is [], want {}`},
		{"a name with a slash", `{"a/b~c":1}`, `{"a/b~c":2}`, `/a~1b~0c: is 2, want 1`},
		{"null is not absent", `{"a":null}`, `{}`, `/a: is not there, want null`},
		{"a trace may be left out", `{}`, `{"traceparent":"00-1"}`, ""},
		{"and is compared where it is said", `{"traceparent":"00-1"}`, `{"traceparent":"00-2"}`, `/traceparent: is "00-2", want "00-1"`},
		{"no JSON", `{`, `{}`, "is not JSON: "},
		{"two values", `{} {}`, `{}`, "is not JSON: text after the value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := strings.Join(compareJSON([]byte(test.want), []byte(test.got)), "; ")
			if got != test.differences && (!strings.HasSuffix(test.differences, ": ") || !strings.HasPrefix(got, test.differences)) {
				t.Errorf("got %q, want %q", got, test.differences)
			}
		})
	}
}

// TestCompareBounds says that a long difference is cut.
func TestCompareBounds(t *testing.T) {
	want := "[" + strings.Repeat("1,", 49) + "1]"
	got := "[" + strings.Repeat("2,", 49) + "2]"
	differences := compareJSON([]byte(want), []byte(got))
	if len(differences) != maxDifferences+1 || differences[maxDifferences] != "and 30 more differences" {
		t.Errorf("%d differences, the last is %q", len(differences), differences[len(differences)-1])
	}
	long := compareJSON([]byte(`{"a":"`+strings.Repeat("x", 500)+`"}`), []byte(`{"a":1}`))
	if len(long) != 1 || len(long[0]) > 200 {
		t.Errorf("got %q", long)
	}
}
