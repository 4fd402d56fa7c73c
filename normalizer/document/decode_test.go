package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"paybridge/schemas/delivery"
)

func TestDecodeKeepsWhatWasWritten(t *testing.T) {
	body := []byte(" {\"b\": [1.00, -0, 1E+2, 9007199254740993], \"a\\u00e7\":{\"x\\/y\":\"l\\u00e9 \\ud83d\\ude00\"},\n\"t\":true,\"f\":false,\"n\":null,\"\":\"\"} ")
	d, err := Decode(body, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	root := d.Root()
	if got, want := string(root.Raw()), strings.TrimSpace(string(body)); got != want {
		t.Errorf("root spans %q, want %q", got, want)
	}
	var names []string
	for i := range root.Size() {
		names = append(names, root.At(i).Name())
	}
	if got, want := fmt.Sprintf("%q", names), `["b" "aç" "t" "f" "n" ""]`; got != want {
		t.Errorf("members are %s, want %s", got, want)
	}
	for _, c := range []struct {
		node    *Node
		kind    Kind
		text    string
		raw     string
		pointer string
	}{
		{root.Member("b"), List, "", "[1.00, -0, 1E+2, 9007199254740993]", "/b"},
		{root.Member("b").At(0), Number, "1.00", "1.00", "/b/0"},
		{root.Member("b").At(1), Number, "-0", "-0", "/b/1"},
		{root.Member("b").At(2), Number, "1E+2", "1E+2", "/b/2"},
		{root.Member("b").At(3), Number, "9007199254740993", "9007199254740993", "/b/3"},
		{root.Member("aç"), Object, "", `{"x\/y":"l\u00e9 \ud83d\ude00"}`, "/aç"},
		{root.Member("aç").Member("x/y"), Text, "lé 😀", `"l\u00e9 \ud83d\ude00"`, "/aç/x~1y"},
		{root.Member("t"), Bool, "true", "true", "/t"},
		{root.Member("f"), Bool, "false", "false", "/f"},
		{root.Member("n"), Null, "null", "null", "/n"},
		{root.Member(""), Text, "", `""`, "/"},
	} {
		if c.node.Kind() != c.kind || c.node.Text() != c.text || string(c.node.Raw()) != c.raw || c.node.Pointer() != c.pointer {
			t.Errorf("%s: %v %q %q, want %s: %v %q %q", c.node.Pointer(), c.node.Kind(), c.node.Text(), c.node.Raw(),
				c.pointer, c.kind, c.text, c.raw)
		}
		if c.node.Document() != d {
			t.Errorf("%s belongs to another document", c.pointer)
		}
	}
	if !root.Member("t").True() || root.Member("f").True() || root.Member("").True() {
		t.Error("True is true of true alone")
	}
	for _, absent := range []string{"B", "aç ", "x/y"} {
		if root.Member(absent) != nil {
			t.Errorf("there is no member %q", absent)
		}
	}
	if root.Member("b").Member("0") != nil {
		t.Error("a list has no members")
	}
}

func TestDecodeOfScalars(t *testing.T) {
	for body, kind := range map[string]Kind{
		`"x"`: Text, "5": Number, " null": Null, "true\n": Bool, "[]": List, "{ }": Object, "5\t": Number, "6\r": Number, "7\n": Number, "8 ": Number,
	} {
		d, err := Decode([]byte(body), Limits{})
		if err != nil {
			t.Errorf("%q: %v", body, err)
			continue
		}
		if d.Root().Kind() != kind || d.Root().Pointer() != "" || d.Root().Size() != 0 {
			t.Errorf("%q is a %v at %q", body, d.Root().Kind(), d.Root().Pointer())
		}
		if got := string(d.Root().Raw()); got != strings.TrimSpace(body) {
			t.Errorf("%q spans %q", body, got)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	long := strings.Repeat("k", 70)
	manyKeys := members(70)
	for _, c := range []struct {
		name, body string
		want       Error
	}{
		{"nothing", "", Error{delivery.MalformedJSON, "", "the body is empty"}},
		{"white space", " \r\n\t", Error{delivery.MalformedJSON, "", "the body is empty"}},
		{"a byte order mark", "\xef\xbb\xbf{}", Error{delivery.MalformedJSON, "", "the body begins with a byte order mark"}},
		{"another value", "{}{}", Error{delivery.MalformedJSON, "", "something follows the JSON value"}},
		{"a word after", "{} x", Error{delivery.MalformedJSON, "", "something follows the JSON value"}},
		{"a NUL after", "{}\x00", Error{delivery.MalformedJSON, "", "something follows the JSON value"}},
		{"lines", "{}\n{}\n", Error{delivery.MalformedJSON, "", "something follows the JSON value"}},
		{"a cut", `{"a":{"b":[1,`, Error{delivery.MalformedJSON, "/a/b", "the body ends too early"}},
		{"a cut text", `{"a":"secr`, Error{delivery.MalformedJSON, "/a", "the body ends too early"}},
		{"a duplicate key", `{"x":[{"a":1,"b":2,"a":3}]}`, Error{delivery.MalformedJSON, "/x/0/a", "duplicate key"}},
		{"an escaped duplicate key", `{"a":1,"\u0061":3}`, Error{delivery.MalformedJSON, "/a", "duplicate key"}},
		{"a duplicate of the first of many keys", `{` + manyKeys + `"k0":1}`, Error{delivery.MalformedJSON, "/k0", "duplicate key"}},
		{"a duplicate of the last of many keys", `{` + manyKeys + `"k69":1}`, Error{delivery.MalformedJSON, "/k69", "duplicate key"}},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", Error{delivery.MalformedJSON, "/a", "invalid UTF-8"}},
		{"an overlong NUL", "{\"a\":\"\xc0\x80\"}", Error{delivery.MalformedJSON, "/a", "invalid UTF-8"}},
		{"a surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", Error{delivery.MalformedJSON, "/a", "invalid UTF-8"}},
		{"a lone surrogate", `{"a":"\ud800"}`, Error{delivery.MalformedJSON, "/a", "lone surrogate"}},
		{"a turned pair", `{"a":"\udc00\ud800"}`, Error{delivery.MalformedJSON, "/a", "lone surrogate"}},
		{"a lone surrogate in a key", `{"\ud800":1}`, Error{delivery.MalformedJSON, "", "lone surrogate"}},
		{"a leading zero", `{"a":01}`, Error{delivery.MalformedJSON, "", "not JSON"}},
		{"NaN", `[NaN]`, Error{delivery.MalformedJSON, "/0", "not JSON"}},
		{"a trailing comma", `[1,]`, Error{delivery.MalformedJSON, "", "not JSON"}},
		{"a wrong bracket", `{"a":[1}}`, Error{delivery.MalformedJSON, "/a", "not JSON"}},
		{"a number for a key", `{1:2}`, Error{delivery.MalformedJSON, "", "not JSON"}},
		{"an object for a key", `{{"a":"b"}:2}`, Error{delivery.MalformedJSON, "", "not JSON"}},
		{"single quotes", `{'a':1}`, Error{delivery.MalformedJSON, "", "not JSON"}},
		{"a control character", "{\"a\":\"\x01\"}", Error{delivery.MalformedJSON, "/a", "not JSON"}},
		{"a form", "a=1&b=2", Error{delivery.MalformedJSON, "", "not JSON"}},
		{"a long name", `{"` + long + `":[tru]}`, Error{delivery.MalformedJSON, "/" + long[:64] + "…/0", "not JSON"}},
		{"65 lists", strings.Repeat("[", 65) + strings.Repeat("]", 65), Error{delivery.TooDeep, strings.Repeat("/0", 63), "nested too deep"}},
		{"a key of 1,025 bytes", `{"` + strings.Repeat("k", 1025) + `":1}`, Error{delivery.TooLarge, "/" + long[:64] + "…", "a key is too long"}},
	} {
		_, err := Decode([]byte(c.body), Limits{})
		var got *Error
		if !errors.As(err, &got) {
			t.Errorf("%s: got %v", c.name, err)
			continue
		}
		if *got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, *got, c.want)
		}
	}
}

// members are so many members of an object, with a comma behind each: "k0" and on.
func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k%d":%d,`, i, i)
	}
	return b.String()
}

func TestErrorsNeverHoldAValue(t *testing.T) {
	const canary = "29708061000"
	for _, body := range []string{
		`{"a":"` + canary + `\q"}`, `{"a":` + canary + `x}`, `{"a":"` + canary + `" "b"}`, `["` + canary + `\ud800"]`,
		canary + "!", `{"a":"` + canary, "[\"" + canary + "\xff\"]", `{"a":1}` + canary,
	} {
		_, err := Decode([]byte(body), Limits{})
		if err == nil {
			t.Errorf("%q decodes", body)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("%q: the error holds a value: %v", body, err)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		body   string
		limits Limits
		want   delivery.Reason
	}{
		{"[[1]]", Limits{Depth: 2}, ""},
		{"[[[]]]", Limits{Depth: 2}, delivery.TooDeep},
		{`{"a":{"b":{}}}`, Limits{Depth: 2}, delivery.TooDeep},
		{"[1,2,3]", Limits{Nodes: 4}, ""},
		{"[1,2,3,4]", Limits{Nodes: 4}, delivery.TooLarge},
		{`{"abc":1}`, Limits{KeyBytes: 3}, ""},
		{`{"abcd":1}`, Limits{KeyBytes: 3}, delivery.TooLarge},
		{`{"\u0061bc":1}`, Limits{KeyBytes: 3}, ""},
		{`{` + members(searched) + `"long":1}`, Limits{KeyBytes: 3}, delivery.TooLarge},
		{`{"a":1,"a":2}`, Limits{Nodes: 3}, delivery.MalformedJSON}, // a name is no value
		{strings.Repeat("[", 64) + strings.Repeat("]", 64), Limits{}, ""},
	} {
		_, err := Decode([]byte(c.body), c.limits)
		var got delivery.Reason
		var e *Error
		if errors.As(err, &e) {
			got = e.Reason
		}
		if got != c.want {
			t.Errorf("%s with %+v: %q, want %q", c.body, c.limits, got, c.want)
		}
	}
}

// TestHostileBodiesAreCheap decodes what is built to be slow. The bound is wide: a
// quadratic step in any of them takes minutes.
func TestHostileBodiesAreCheap(t *testing.T) {
	mib := 1 << 20
	keys := func(n int, format string) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, format, i)
		}
		return b.String() + "}"
	}
	for name, c := range map[string]struct {
		body string
		want delivery.Reason
	}{
		"1 MiB of open lists":      {strings.Repeat("[", mib), delivery.TooDeep},
		"1 MiB of open objects":    {strings.Repeat(`{"":`, mib/4), delivery.TooDeep},
		"1 MiB of open braces":     {strings.Repeat("{", mib), delivery.MalformedJSON},
		"lists and objects":        {strings.Repeat(`[{"":`, mib/5), delivery.TooDeep},
		"99,999 keys":              {keys(99_999, `"%d":0`), ""},
		"100,000 keys":             {keys(100_000, `"%d":0`), delivery.TooLarge},
		"a key of 1 MB":            {`{"` + strings.Repeat("k", mib) + `":0}`, delivery.TooLarge},
		"an escaped key of 1 MB":   {`{"` + strings.Repeat(`\n`, mib/2) + `":0}`, delivery.TooLarge},
		"a text of 1 MiB":          {`"` + strings.Repeat("k", mib) + `"`, ""},
		"a text of commas":         {`"` + strings.Repeat(",", mib) + `"`, ""},
		"350,000 elements":         {"[" + strings.Repeat("0,", 350_000) + "0]", delivery.TooLarge},
		"1,000,000 digits":         {strings.Repeat("9", 1_000_000), ""},
		"the same key again":       {keys(100_000, `"k":%d`), delivery.MalformedJSON},
		"many small escaped texts": {"[" + strings.Repeat(`"\n",`, 90_000) + `""]`, ""},
		"many small objects":       {"[" + strings.Repeat(`{"a":0},`, 45_000) + "0]", ""},
	} {
		began := time.Now()
		d, err := Decode([]byte(c.body), Limits{})
		took := time.Since(began)
		var got delivery.Reason
		var e *Error
		if errors.As(err, &e) {
			got = e.Reason
		}
		if got != c.want {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if took > 2*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if len(err2text(err)) > 8192 {
			t.Errorf("%s: the error is %d bytes long", name, len(err.Error()))
		}
		if name == "99,999 keys" {
			for _, key := range []string{"0", "77777", "99998"} {
				if m := d.Root().Member(key); m == nil || m.Name() != key || m.Pointer() != "/"+key {
					t.Errorf("%s: member %s is not found", name, key)
				}
			}
			if d.Root().Member("99999") != nil {
				t.Errorf("%s: member 99999 is found", name)
			}
		}
	}
}

func err2text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestLargeObjectsInsideOthers(t *testing.T) {
	inner := func(from int) string {
		var b bytes.Buffer
		b.WriteByte('{')
		for i := range searched + 1 {
			fmt.Fprintf(&b, `"k%d":{"v":%d},`, from+i, from+i)
		}
		b.Truncate(b.Len() - 1)
		return b.String() + "}"
	}
	d, err := Decode([]byte(`[`+inner(0)+`,{"x":`+inner(100)+`}]`), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range searched + 1 {
		for from, in := range map[int]*Node{0: d.Root().At(0), 100: d.Root().At(1).Member("x")} {
			if got, want := in.Member(fmt.Sprint("k", from+i)).Member("v").Text(), fmt.Sprint(from+i); got != want {
				t.Errorf("k%s holds %s", want, got)
			}
		}
	}
	if d.Root().At(0).Member("k100") != nil {
		t.Error("a member is found in the wrong object")
	}
}

// TestMembersAreFound looks for members where an object is searched, where it is indexed, and
// at the border between the two.
func TestMembersAreFound(t *testing.T) {
	for n := searched - 1; n <= searched+1; n++ {
		d, err := Decode([]byte(`[{`+strings.TrimSuffix(members(n), ",")+`}]`), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		o := d.Root().At(0)
		for i := range n {
			if m := o.Member(fmt.Sprint("k", i)); m == nil || m.Text() != fmt.Sprint(i) {
				t.Errorf("of %d members, k%d is not found", n, i)
			}
		}
		if o.Member(fmt.Sprint("k", n)) != nil {
			t.Errorf("of %d members, one more is found", n)
		}
	}
}

func TestAtPanicsBeyondTheEnd(t *testing.T) {
	d, err := Decode([]byte("[[1],2]"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{-1, 1, 2} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("At(%d) of one element returns", i)
				}
			}()
			d.Root().At(0).At(i)
		}()
	}
}

func TestAllocations(t *testing.T) {
	body := []byte(picpay)
	got := testing.AllocsPerRun(100, func() {
		if _, err := Decode(body, Limits{}); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%d bytes, %.0f allocations", len(body), got)
	if got > 20 {
		t.Errorf("%.0f allocations for %d bytes, want at most 20", got, len(body))
	}
}

func BenchmarkDecode(b *testing.B) {
	body := []byte(picpay)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := Decode(body, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzDecode holds Decode against two other opinions on what JSON is, and against
// the source that it claims to keep.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		picpay, "[]", `{"a":[1.0,-0,1e400,"\u0000\ud83d\ude00"]}`, `{"a":1,"a":2}`, `["\ud800"]`, "[1,]", "{}{}", "\xef\xbb\xbf1",
		"\"\xff\"", strings.Repeat("[", 70), ` { "x" : [ null , true ] } `, "1 2", "tru", `{"a"}`, `{"a":}`, "[}", "\"\x7f\u2028\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		d, err := Decode(body, Limits{})
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		strict := jsontext.Value(body).IsValid()
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Problem == "" {
				t.Fatalf("the error is %#v", err)
			}
			if e.Reason == delivery.MalformedJSON && strict {
				t.Fatalf("%v, but it is JSON", err)
			}
			return
		}
		if !strict || !json.Valid(body) {
			t.Fatal("decodes, but is not JSON")
		}
		var other any
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&other); err != nil {
			t.Fatal(err)
		}
		same(t, d.Root(), other)
	})
}

// same fails where n differs from what encoding/json read.
func same(t *testing.T, n *Node, other any) {
	t.Helper()
	again, err := Decode(n.Raw(), Limits{})
	if err != nil || !Identical(n, again.Root()) {
		t.Fatalf("%s: the span %q is not the value: %v", n.Pointer(), n.Raw(), err)
	}
	switch v := other.(type) {
	case nil:
		if n.Kind() != Null {
			t.Fatalf("%s: %v, want null", n.Pointer(), n.Kind())
		}
	case bool:
		if n.Kind() != Bool || n.True() != v {
			t.Fatalf("%s: %v, want %v", n.Pointer(), n.Text(), v)
		}
	case json.Number:
		if n.Kind() != Number || n.Text() != string(v) {
			t.Fatalf("%s: %v, want %v", n.Pointer(), n.Text(), v)
		}
	case string:
		if n.Kind() != Text || n.Text() != v {
			t.Fatalf("%s: %q, want %q", n.Pointer(), n.Text(), v)
		}
	case []any:
		if n.Kind() != List || n.Size() != len(v) {
			t.Fatalf("%s: %v of %d, want %d", n.Pointer(), n.Kind(), n.Size(), len(v))
		}
		for i := range v {
			same(t, n.At(i), v[i])
		}
	case map[string]any:
		if n.Kind() != Object || n.Size() != len(v) {
			t.Fatalf("%s: %v of %d, want %d", n.Pointer(), n.Kind(), n.Size(), len(v))
		}
		for name, value := range v {
			member := n.Member(name)
			if member == nil {
				t.Fatalf("%s: no %q", n.Pointer(), name)
			}
			same(t, member, value)
		}
	}
}
