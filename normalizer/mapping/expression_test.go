package mapping

import (
	"fmt"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

var sample = `{"text":"5","n":5,"exact":100.00,"big":9007199254740993,"huge":12345678901234567890123,"half":0.5,"e":1e2,"tiny":1e-400,
	"yes":true,"no":false,"nil":null,"list":[1,2.50,"x",null,{"k":1}],"texts":["a","b"],"object":{"a":{"b":"deep"},"empty":{}},"dé":"accent","status":405,"long":100.` + longZeros + `}`

var longZeros = strings.Repeat("0", 2000)

// show writes a value as a test's table has it.
func show(v ref.Val, f *failure) string {
	switch {
	case f != nil && f.absent:
		return "absent"
	case f != nil && f.exhausted:
		return "exhausted"
	case f != nil:
		return "error: " + f.problem
	}
	switch v := v.(type) {
	case types.String:
		return fmt.Sprintf("%q", string(v))
	case *number:
		return "number " + v.text()
	case *amount:
		return money(&v.money) + strings.Join(v.notes, ",")
	case *masked:
		return v.document.Type + " " + v.document.Masked
	case moment:
		return fmt.Sprint(v.utc(), " zoneless=", v.zoneless)
	case types.Timestamp:
		return moment{Timestamp: v}.utc()
	case *object, *list:
		return string(node(v).Raw())
	}
	return fmt.Sprint(v.Value())
}

func TestExpressions(t *testing.T) {
	const wrongType = "error: a value is not of the type that an operator or a helper takes"
	for _, c := range []struct{ expression, want string }{
		// Selection, and what is absent.
		{`item.text`, `"5"`},
		{`item["dé"]`, `"accent"`},
		{`item.object.a.b`, `"deep"`},
		{`item.list[4].k`, "number 1"},
		{`item.list[1]`, "number 2.50"},
		{`item.missing`, "absent"},
		{`item.object.missing.deeper`, "absent"},
		{`item.nil.deeper`, "absent"},
		{`item.text.deeper`, "absent"},
		{`item.n.deeper`, "absent"},
		{`item.list.deeper`, "absent"},
		{`item.list[5]`, "absent"},
		{`item.list[-1]`, "absent"},
		{`item.list[size(item.list) - 1].k`, "number 1"},
		{`item.?missing`, "absent"},
		{`item.?missing.deeper.orValue("or")`, `"or"`},
		{`item.?text.orValue("or")`, `"5"`},
		{`item.?object.?a.?b.orValue("or")`, `"deep"`},
		{`item.?object.?a.?b`, `"deep"`},
		{`item.list[?9].orValue("or")`, `"or"`},
		{`item[?"dé"].orValue("or")`, `"accent"`},
		{`item.?missing.or(item.?text).orValue("or")`, `"5"`},
		{`item.?missing.value()`, "absent"},
		{`has(item.nil)`, "true"},
		{`has(item.missing)`, "false"},
		{`has(item.object.a.b) && !has(item.object.b)`, "true"},
		{`has(item.nil.deeper)`, "false"},
		{`item.nil == null && item.text != null`, "true"},
		{`item.nil`, "NULL_VALUE"},
		{`"text" in item && !("x" in item)`, "true"},
		{`size(item.object)`, "2"},
		{`item.object.map(name, name)[1]`, `"empty"`},

		// Numbers are exact, and know integers on either side.
		{`item.n == 5 && 5 == item.n && item.n != 6 && 6 != item.n`, "true"},
		{`item.exact == 100 && 100 == item.exact && item.e == item.exact`, "true"},
		{`item.big == 9007199254740993 && item.big != 9007199254740992`, "true"},
		{`item.huge > 9223372036854775807 && 9223372036854775807 < item.huge`, "true"},
		{`item.half > 0 && item.half < 1 && 0 < item.half && 1 >= item.half && item.tiny > 0`, "true"},
		{`item.n == "5" || item.n == true || item.n == null || item.n == item.list`, "false"},
		{`item.status in [400, 405]`, "true"},
		{`item.status in [400, 404]`, "false"},
		{`405 in [item.status]`, "true"},
		{`1 in item.list && !(5 in item.list)`, "true"},
		{`item.n in item.list`, "false"},
		{`item.n < item.status`, "true"},
		{`item.n < item.text`, wrongType},
		{`item.n + 1`, wrongType},
		{`int(item.exact)`, "100"},
		{`int(item.text) * 2 + int(item.e) % 7`, "12"},
		{`int(item.half)`, "error: int: the number is not an integer of 64 bits"},
		{`int(item.huge)`, "error: int: the number is not an integer of 64 bits"},
		{`int(" 5")`, "error: int: the text is not an integer of 64 bits"},
		{`int(item.yes)`, "error: int: takes a number or a text"},
		{`int(item.nil)`, "absent"},
		{`int(item.?missing)`, "absent"},
		{`string(item.exact)`, `"100.00"`},
		{`string(item.big) + "!"`, `"9007199254740993!"`},
		{`string(item.yes) + string(item.text) + string(7)`, `"true57"`},
		{`string(item.list)`, "error: string: takes a number, a text, a bool or a time"},
		{`1 / (size(item.list) - 5)`, "error: it cannot be evaluated: an overflow, a division by zero or a bad index"},

		// A number of over 1,024 bytes is no operand, though it is equal to itself.
		{`int(item.long)`, "error: int: the number is not an integer of 64 bits"},
		{`item.long > 5`, wrongType},
		{`item.long == 100 || item.long != item.long`, "false"},
		{`string(item.long).size()`, "2004"},

		// Equality of parts.
		{`item.texts == ["a", "b"] && ["a", "b"] == item.texts && item.texts != ["b", "a"]`, "true"},
		{`[1, 2] == item.list || item.list == []`, "false"},
		{`[item.exact] == [100]`, "true"},
		{`item.object.empty == {} && {"b": "deep"} == item.object.a`, "true"},
		{`item.object == item.object && item.object != item.list`, "true"},
		{`{"b": "deep"} == {"b": "shallow"} || {"a": 1} == {"b": 1}`, "false"},

		// Lists.
		{`item.texts.map(x, x + "!").join("-")`, `"a!-b!"`},
		{`item.list.filter(x, x == 1 || x == "x").size()`, "2"},
		{`item.list.exists(x, x == null) && !item.texts.all(x, x == "a")`, "true"},
		{`(item.texts + ["c"]).join("")`, `"abc"`},
		{`(["c"] + item.texts).join("")`, `"cab"`},
		{`[["a"], item.texts, "x"].flatten().map(x, string(x)).join("")`, `"aabx"`},
		{`["a", "b", "a"].distinct().size()`, "2"},
		{`item.texts.first().orValue("none") + item.texts.last().value()`, `"ab"`},
		{`["", "a", ""].join("-")`, `"-a-"`},

		// Texts.
		{`"a,b".split(",")[1]`, `"b"`},
		{`" x ".trim() + "Ab".lowerAscii() + "Ab".upperAscii()`, `"xabAB"`},
		{`"a-b-c".replace("-", "+")`, `"a+b+c"`},
		{`"héllo".substring(1, 3) + "héllo".substring(4)`, `"élo"`},
		{`"x".substring(1, 0)`, "error: substring: the range is not within the text"},
		{`"x".substring(2)`, "error: substring: the range is not within the text"},
		{`"hélo".indexOf("lo")`, "2"},
		{`"x".indexOf("y")`, "-1"},
		{`"payment.confirmed".startsWith("payment.") && "ab".endsWith("b") && "abc".contains("b")`, "true"},
		{`"E123".matches("^E[0-9]+$")`, "true"},
		{`item.n.trim()`, wrongType},
		{`size("héllo")`, "5"},
		{`size(item.n)`, wrongType},

		// The delivery.
		{`header["event-type"]`, `"Paid"`},
		{`header[?"event_type"].orValue("")`, `"Other"`},
		{`header["other"]`, "absent"},
		{`header["Event" + "-Type"]`, "absent"},
		{`header[?"other"].orValue("none")`, `"none"`},
		{`"event-type" in header && has(header.event_type) && size(header) == 2`, "true"},
		{`header.map(name, name).join(" ")`, `"event-type event_type"`},
		{`source + "/" + endpoint`, `"shop/default"`},
		{`body == item`, "true"},
		{`received_at`, "2024-01-15T10:45:02.5Z"},
		{`string(received_at - duration("1h"))`, `"2024-01-15T09:45:02.5Z"`},
		{`size(digest())`, "64"},

		// Conditions short-cut what is absent.
		{`has(item.missing) && item.missing == 1`, "false"},
		{`item.missing == 1 || true`, "true"},
		{`item.missing == 1 && false`, "false"},
		{`item.missing == 1 || false`, "absent"},
		{`item.yes ? "a" : item.missing`, `"a"`},
		{`item.missing ? "a" : "b"`, "absent"},
	} {
		if got := show(evaluate(t, sample, c.expression)); got != c.want {
			t.Errorf("%s\n is %s\nnot %s", c.expression, got, c.want)
		}
	}
}

// TestErrorsNeverHoldAValue reads names and values that are in the body by ways on
// which CEL's own messages repeat them.
func TestErrorsNeverHoldAValue(t *testing.T) {
	const canary = "29708061000"
	body := `{"key":"` + canary + `","n":` + canary + `,"o":{}}`
	for _, expression := range []string{
		`item.o[item.key]`, `item[item.key].x`, `{"a": 1}[item.key]`, `[1][int(item.n)]`, `item.key + 1`, `item.key - 1`, `int(item.key + "x")`,
		`time(item.key)`, `time_in(item.key, "UTC")`, `unix(item.key + "x")`, `money(item.key + "x", "BRL")`, `money(1, item.o)`, `minor(item.key + "x", "BRL")`,
		`item.key.substring(int(item.n))`, `duration(item.key)`, `item.o.map(x, x)[int(item.n)]`, `document(item.o, item.o)`, `-int(item.n) / 0`,
	} {
		v, f := evaluate(t, body, expression)
		if f == nil {
			t.Errorf("%s has a value: %s", expression, show(v, f))
		} else if strings.Contains(f.problem, canary) {
			t.Errorf("%s: the problem holds a value: %s", expression, f.problem)
		}
	}
}
