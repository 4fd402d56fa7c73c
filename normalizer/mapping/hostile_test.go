package mapping

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// largeBody has a list of 90,000 numbers, one of 2,001 texts, and a text of 400 KB.
func largeBody() string {
	return `{"type":"t","id":"e","list":[` + strings.Repeat("1,", 89_999) + `1],"text":"` + strings.Repeat("ab", 200_000) + `","texts":["x"` + strings.Repeat(`,"x"`, 2000) + `],"short":"` + strings.Repeat("ab", 20_000) + `","pattern":"(a*)*b"}`
}

// TestBombsAreRefusedAtLoad: what no body could make cheap is not loaded.
func TestBombsAreRefusedAtLoad(t *testing.T) {
	nested := func(n int) string { // n loops in each other's steps
		s := "1 == 1"
		for i := range n {
			s = fmt.Sprintf("item.l%d.all(x%d, %s)", i, i, s)
		}
		return s + ` ? "a" : "b"`
	}
	for name, c := range map[string]struct{ expression, want string }{
		"three loops":                  {nested(3), "has 3 loops"},
		"loops in maps":                {"item.a.map(x, item.b.map(y, item.c.filter(z, z == x)))[0]", "has 3 loops"},
		"a loop over literals":         {"[" + strings.Repeat("1,", 900) + "1].map(x, [" + strings.Repeat("1,", 900) + "1].map(y, x * y))[0]", "limit"},
		"a dear loop over literals":    {"[" + strings.Repeat("1,", 300) + "1].map(x, [" + strings.Repeat("1,", 300) + "1].map(y, x * y))[0][0]", "costs too much whatever the body is"},
		"a long expression":            {`"` + strings.Repeat("x", 5000) + `"`, "size exceeds limit"},
		"many operators":               {strings.Repeat("item.a + ", 450) + "item.a", "max recursion depth exceeded"},
		"deep brackets":                {strings.Repeat("(", 300) + "item.a" + strings.Repeat(")", 300), "recursion limit"},
		"a pattern of the body's":      {`"x".matches(item.pattern) ? "a" : "b"`, "not written out"},
		"a pattern that is a bomb":     {`item.text.matches("((((x{100}){100}){100}){100})") ? "a" : "b"`, "bad regular expression"},
		"a pattern that is made":       {`item.text.matches("a" + item.pattern) ? "a" : "b"`, "not written out"},
		"a function that is not there": {`item.text.format([1])`, `the name "format" is not known`},
		"a range":                      {`lists.range(1000000)[0] == 1 ? "a" : "b"`, "is not known"},
		"a repeat":                     {`item.text.repeat(1000000)`, `the name "repeat" is not known`},
	} {
		got := problemOf(t, func(e *provider.Events) {
			e.Payment = []provider.Let{{Name: "reference", Expr: provider.Text{Text: c.expression}}}
		})
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	many := problemOf(t, func(e *provider.Events) {
		for i := range maxExpressions {
			e.Let = append(e.Let, provider.Let{Name: fmt.Sprint("a", i), Expr: provider.Text{Text: "item"}})
		}
	})
	if !strings.Contains(many, "has more than 400 expressions") {
		t.Errorf("many expressions: %q", many)
	}
}

// TestBombsAreBoundedAtRunTime: what only a body makes dear is stopped, soon, as
// mapping_failed. The bound on time is wide; without the limits these take minutes
// or gigabytes.
func TestBombsAreBoundedAtRunTime(t *testing.T) {
	const (
		stopped = "payment.reference: it costs too much; make the expression simpler or the lists that it walks shorter"
		long    = "payment.reference: a text is over 64 KiB"
		parts   = "payment.reference: a text falls into more than 1,000 parts"
	)
	for expression, want := range map[string]string{
		`item.list.all(x, item.list.all(y, y == x)) ? "a" : "b"`:                         stopped,
		`item.list.map(x, item.list.map(y, y))[0][0]`:                                    stopped,
		`item.list.filter(x, item.text.contains("zz"))[0]`:                               stopped,
		`item.list.filter(x, item.text.matches("^(a|b)*c$"))[0]`:                         stopped,
		`item.list.filter(x, size(item.text) == 7)[0]`:                                   stopped,
		`item.list.filter(x, body == item)[0]`:                                           stopped,
		`item.list.filter(x, item.list == body.list)[0]`:                                 stopped,
		`item.list.filter(x, 7 in item.list)[0]`:                                         stopped,
		`item.list.exists(x, (item.text + item.text) == "") ? "a" : "b"`:                 stopped,
		`(` + strings.Repeat(`item.text + `, 40) + `item.text).contains("q") ? "a":"b"`:  stopped,
		`item.text.replace("", item.text)`:                                               long,
		`item.text.replace("a", item.text)`:                                              long,
		`item.short.replace("b", "ccccc")`:                                               long,
		`item.text.split("b")[0]`:                                                        long,
		`"` + strings.Repeat("a,", 1500) + `".split(",")[0]`:                             parts,
		`item.texts.join("")`:                                                            "payment.reference: join: the list has more than 1,000 elements",
		`[item.text, item.text].join(item.text)`:                                         long,
		`[item.list, item.list].flatten()[0]`:                                            "payment.reference: a list has more than 10,000 elements",
		`item.list.distinct()[0]`:                                                        "payment.reference: distinct: the list has more than 100 elements",
		`item.text.indexOf(item.text) == 0 ? "a" : "b"`:                                  long,
		`item.text.lowerAscii() + item.text.trim()`:                                      long,
		`(item.list + item.list + item.list).filter(x, x == 2).size() == 0 ? "a" : "b"`:  stopped,
		`[1, 2].map(x, [1, 2].map(y, item.list + item.list))[0][0].size() > 0 ? "a":"b"`: stopped,
	} {
		p := compile(t, "type_prefix: com.acme\ntype: item.type\nid: item.id\npayment:\n  reference: >-\n    "+expression, Settings{})
		began := time.Now()
		items := mapDelivery(t, p, deliver(largeBody()))
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s took %v", expression, took)
		}
		if got := items[0].Dead; got == nil || got.Reason != delivery.MappingFailed || got.Problem != want {
			t.Errorf("%s:\n got %v\nwant %s", expression, got, want)
		}
	}
}

// TestADeliveryHasOneBudget: many items, each within its own bounds, share what one
// delivery may cost. Those that come before its end are events all the same.
func TestADeliveryHasOneBudget(t *testing.T) {
	p := compile(t, `
type_prefix: com.acme
items: body.items
let: {dear: 'body.list.filter(x, x == item.n).size()'}
type: item.type
id: item.id
payment:
  reference: string(dear)`, Settings{})
	body := `{"list":[` + strings.Repeat("1,", 20_000) + `1],"items":[` + strings.Repeat(`{"type":"t","id":"e","n":2},`, 998) + `{"type":"t","id":"e","n":2}]}`
	began := time.Now()
	items := mapDelivery(t, p, deliver(body))
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	first, last := items[0], items[len(items)-1]
	if first.Event == nil || last.Dead == nil || last.Dead.Problem != "type: "+failExhausted.problem && last.Dead.Problem != "payment.reference: "+failExhausted.problem {
		t.Errorf("the first is %+v, the last %v", first.Event, last.Dead)
	}
}

// TestPlainExpressionsPayToo: expressions without a loop have a price, and what they
// read of the body is charged for.
func TestPlainExpressionsPayToo(t *testing.T) {
	pack := "type_prefix: com.acme\nitems: body.items\ntype: item.type\nid: item.id\nrules:\n"
	for range 300 {
		pack += `  - {when: 'body.a == body.b && size(body.a) == 7', kind: payin}` + "\n"
	}
	p := compile(t, pack, Settings{})
	long := strings.Repeat("x", 300_000)
	body := `{"a":"` + long + `","b":"` + long + `","items":[` + strings.Repeat(`{"type":"t","id":"e"},`, 999) + `{"type":"t","id":"e"}]}`
	began := time.Now()
	items := mapDelivery(t, p, deliver(body))
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	if last := items[len(items)-1].Dead; last == nil || !strings.HasSuffix(last.Problem, failExhausted.problem) {
		t.Errorf("the last is %v", last)
	}
}

// TestLetsAreEvaluatedOnce: names that are made of names do not multiply.
func TestLetsAreEvaluatedOnce(t *testing.T) {
	pack := "type_prefix: com.acme\nlet:\n  a0: item.list.filter(x, x == 1)\n"
	for i := range 40 {
		pack += fmt.Sprintf("  a%d: 'size(a%d) + size(a%d) > 0 ? a%d : a%d'\n", i+1, i, i, i, i)
	}
	p := compile(t, pack+"type: item.type\nid: item.id\npayment: {reference: string(size(a40))}", Settings{})
	if got := text(one(t, p, `{"type":"t","id":"e","list":[1,2,1]}`).Payment.Reference); got != "2" {
		t.Errorf("the reference is %s", got)
	}
}

func TestHostileBodiesThroughAWholePack(t *testing.T) {
	p := builtIn(t, "picpay")
	for name, body := range map[string]string{
		"many transactions": strings.Replace(picpay, `"transactions": [`, `"transactions": [`+strings.Repeat(`{"paymentType":"PIX"},`, 40_000), 1),
		"a long status":     strings.Replace(picpay, "PAID", strings.Repeat("PAID", 100_000), 1),
		"a long amount":     strings.Replace(picpay, `"amount": 10000`, `"amount": `+strings.Repeat("9", 500_000), 1),
		"an exponent":       strings.Replace(picpay, `"amount": 10000`, `"amount": 1e999999999`, 1),
		"a long name":       strings.Replace(picpay, "Amanda", strings.Repeat(`\u00e9`, 100_000), 1),
	} {
		d := picpayDelivery()
		d.Body = []byte(body)
		began := time.Now()
		items := mapDelivery(t, p, d)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if dead := items[0].Dead; dead != nil && len(dead.Error()) > 500 {
			t.Errorf("%s: the dead letter says %d bytes", name, len(dead.Error()))
		}
	}
}
