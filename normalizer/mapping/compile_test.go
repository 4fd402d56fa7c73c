package mapping

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"paybridge/schemas/provider"
)

func TestCompileReportsEveryProblemAtItsLine(t *testing.T) {
	const pack = `
type_prefix: com.acme
items: body.evnts.filter(e, e.x
ignore: item.ping
let: {charge: 'itme.data'}
type: item.event == "x"
id: item.id
derived_id:
  - item.id
  - |
    item.id
      + stats
time: item.created_at + 1.5
payment:
  amount: string(item.amount)
  rail: pix
rules:
  - {when: 'type == 5', kind: payin}
  - when: |
      type == "a" &&
      item.matches(item.pattern)
    state: settled
    set: {parent: 'item.a +'}
personal: [/a/b]`
	_, err := Compile(readPack(t, pack), Settings{})
	var problems provider.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("the error is %v", err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%d %s: %s; %s", p.At.Line, p.Key, p.Message, p.Hint))
		if p.At.File != "acme/provider.yaml" {
			t.Errorf("%v is in no file", p)
		}
	}
	want := []string{
		`4 events.items: ends too early (at character 25); close what is open: ( [ { " '`,
		`5 events.ignore: the name "item" is not known here (at character 1); there is no item yet where items and ignore are evaluated: write body`,
		`6 events.let.charge: the name "itme" is not known here (at character 1); write item`,
		`13 events.derived_id[1]: the name "stats" is not known here (at character 5); put it in quotes if it is a text, or write one of: body, charge, endpoint, header, item, received_at, source, type`,
		`14 events.time: has a number with a point, which would be a float (at character 17); write it as text, for money("1.50", …), or compare whole minor units`,
		`16 events.payment.amount: is of the type string, not money; write money(value, currency), or minor(value, currency) for cents`,
		`17 events.payment.rail: the name "pix" is not known here (at character 1); put it in quotes if it is a text, or write one of: body, charge, endpoint, header, item, received_at, source, type`,
		`19 events.rules[0].when: == does not take (string, int) (at character 6); make the types alike with string(x) or int(x)`,
		`22 events.rules[1].when: has a regular expression that is not written out; write it as text; the body never chooses it`,
		`24 events.rules[1].set.parent: ends too early (at character 9); close what is open: ( [ { " '`,
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("missing:  %s", want[i])
		case i >= len(want):
			t.Errorf("too much: %s", got[i])
		case got[i] != want[i]:
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
}

// problemOf compiles one expression in the place of a pack and gives what is wrong.
func problemOf(t *testing.T, change func(*provider.Events)) string {
	t.Helper()
	e := &provider.Events{Name: "acme", TypePrefix: "com.acme", Type: provider.Text{Text: "item.type"}}
	change(e)
	_, err := Compile(e, Settings{})
	var problems provider.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var all []string
	for _, p := range problems {
		all = append(all, p.Key+": "+p.Message+"; "+p.Hint)
	}
	return strings.Join(all, "\n")
}

func TestCompileRefuses(t *testing.T) {
	x := func(s string) provider.Text { return provider.Text{Text: s} }
	payment := func(name, expr string) func(*provider.Events) {
		return func(e *provider.Events) { e.Payment = []provider.Let{{Name: name, Expr: x(expr)}} }
	}
	reference := func(expr string) func(*provider.Events) { return payment("reference", expr) }
	for _, c := range []struct {
		name   string
		change func(*provider.Events)
		want   string // a part of the one problem; "" where it is none
	}{
		{"nothing", func(*provider.Events) {}, ""},
		{"no type", func(e *provider.Events) { e.Type.Text = " " }, "events.type: is missing"},
		{"type in type", func(e *provider.Events) { e.Type = x(`type == type ? "a" : "b"`) }, `the name "type" is not known here`},
		{"type in a let", func(e *provider.Events) { e.Let = []provider.Let{{Name: "a", Expr: x("type")}} }, `the name "type" is not known here`},
		{"a later let", func(e *provider.Events) {
			e.Let = []provider.Let{{Name: "first", Expr: x("second")}, {Name: "second", Expr: x("item")}}
		}, `events.let.first: the name "second" is not known here`},
		{"an earlier let", func(e *provider.Events) {
			e.Let = []provider.Let{{Name: "first", Expr: x("item")}, {Name: "second", Expr: x("first.a")}}
		}, ""},
		{"the type of a let", func(e *provider.Events) {
			e.Let = []provider.Let{{Name: "count", Expr: x("size(item.list)")}}
			e.ID = x("count.trim()")
		}, "events.id: trim does not take int.()"},
		{"a let twice", func(e *provider.Events) {
			e.Let = []provider.Let{{Name: "a", Expr: x("item")}, {Name: "a", Expr: x("item")}}
		}, "events.let.a: is a name that expressions already have"},
		{"a let with a problem", func(e *provider.Events) {
			e.Let = []provider.Let{{Name: "a", Expr: x("itm")}}
			e.Payment = []provider.Let{{Name: "id", Expr: x("a.b")}}
		}, `events.let.a: the name "itm" is not known here (at character 1); write item`},
		{"an unknown field", payment("amuont", "item.a"), `events.payment.amuont: is no field of a payment that a pack sets; write amount`},
		{"a far field", payment("zzzzzzzz", "item.a"), "write one of: id, reference"},
		{"an unknown function", reference("tostring(item.a)"), `the name "tostring" is not known here (at character 9); write string`},
		{"a timestamp", reference("string(timestamp(item.a))"), "write time(x), or unix(x)"},
		{"a double", reference("string(double(item.a))"), "there are no floats"},
		{"a clock", reference("string(now)"), "mapping reads no clock: write received_at"},
		{"a float", reference("item.a > 1.5 ? 'a' : 'b'"), "which would be a float"},
		{"an exponent", reference("item.a > 1e3 ? 'a' : 'b'"), "which would be a float"},
		{"an unsigned integer", reference("item.a == 1u ? 'a' : 'b'"), "has a literal of a type that no value here has"},
		{"bytes", reference("item.a == b'x' ? 'a' : 'b'"), "has a literal of a type that no value here has"},
		{"a condition that is a text", func(e *provider.Events) { e.Ignore = x("string(body.a)") }, "events.ignore: is of the type string, not a condition"},
		{"items that are no list", func(e *provider.Events) { e.Items = x("size(body)") }, "events.items: is of the type int, not a list"},
		{"a time that is a text", func(e *provider.Events) { e.Time = x("string(item.at)") }, "events.time: is of the type string, not a time"},
		{"an optional time", func(e *provider.Events) { e.Time = x("item.?at.optMap(t, time(t))") }, ""},
		{"a null", reference("item.a == 1 ? 'x' : null"), "write condition ? optional.of(x) : optional.none()"},
		{"a null beside what is read", reference("item.a == 1 ? item.b : null"), ""},
		{"a name of the contract", func(e *provider.Events) { e.Let = []provider.Let{{Name: "body", Expr: x("item")}} }, "events.let.body: is a name that expressions already have"},
		{"a member called in", reference("item.in"), `in is a word of the language (at character 6); write ["in"] for a member of that name: item["in"]`},
		{"the name of a type", reference("int == int ? 'a' : 'b'"), `the name "int" is not known here`},
		{"an optional", reference("item.?a"), ""},
		{"an optional money", payment("amount", "item.?a.optMap(v, money(v, 'BRL'))"), ""},
		{"an optional text for money", payment("amount", "item.?a.optMap(v, string(v))"), "not money"},
		{"a document that is a text", payment("payer.document", "string(item.cpf)"), "write document(type, number), which masks it"},
		{"an object in a text", reference("{'a': 1}"), "not a text"},
		{"an unknown zone", func(e *provider.Events) { e.Time = x("time_in(item.at, 'America/Sao Paulo')") }, `names the zone "America/Sao Paulo", which is not known`},
		{"a local zone", func(e *provider.Events) { e.Time = x("time_in(item.at, 'Local')") }, "which is not known"},
		{"a path for a zone", func(e *provider.Events) { e.Time = x("time_in(item.at, '../../etc/passwd')") }, "which is not known"},
		{"a zone of the body's", func(e *provider.Events) { e.Time = x("time_in(item.at, item.zone)") }, "a time_in whose zone is not written out"},
		{"a bad pattern", reference("item.a.matches('(') ? 'a' : 'b'"), "has a bad regular expression"},
		{"a long pattern", reference("item.a.matches('" + strings.Repeat("a", 257) + "') ? 'a' : 'b'"), "a regular expression over 256 bytes"},
		{"a header in capitals", reference("header['Event-Type']"), `write header["event-type"]`},
		{"an optional header in capitals", reference("header[?'Event-Type']"), `write header["event-type"]`},
		{"a rule without a condition", func(e *provider.Events) { e.Rules = []provider.Rule{{Kind: "payin"}} }, "events.rules[0].when: is missing"},
		{"a rule that decides nothing", func(e *provider.Events) { e.Rules = []provider.Rule{{When: x("true")}} }, "events.rules[0]: decides nothing"},
		{"a kind that is none", func(e *provider.Events) { e.Rules = []provider.Rule{{When: x("true"), Kind: "payment"}} }, "not one of the contract's words"},
		{"a state that is none", func(e *provider.Events) { e.Rules = []provider.Rule{{When: x("true"), State: "paid"}} }, "not one of the contract's words"},
		{"a direction that is none", func(e *provider.Events) { e.Rules = []provider.Rule{{When: x("true"), Direction: "up"}} }, "not one of the contract's words"},
		{"a bad pointer", func(e *provider.Events) { e.Personal = []provider.Text{x("data/name")} }, "events.personal[0]: the pointer \"data/name\" does not begin with a slash"},
		{"a reserved word", func(e *provider.Events) { e.Let = []provider.Let{{Name: "in", Expr: x("item")}}; e.ID = x("in.a") }, "events.id: "},
	} {
		got := problemOf(t, c.change)
		if c.want == "" && got != "" || c.want != "" && (!strings.Contains(got, c.want) || strings.Contains(got, "\n")) {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestRulesAreListedForPeople(t *testing.T) {
	p := compile(t, `
type_prefix: com.acme
type: item.type
derived_id: [item.id]
rules:
  - {when: 'type == "a"', kind: payin, notes: [assumed_state]}
  - {when: 'true', direction: in, state: settled}`, Settings{})
	rules := p.Rules()
	if len(rules) != 2 {
		t.Fatalf("%d rules", len(rules))
	}
	first, second := rules[0], rules[1]
	if first.When != `type == "a"` || first.Kind != "payin" || first.State != "" || len(first.Notes) != 1 || first.At.Line != 7 {
		t.Errorf("the first is %+v", first)
	}
	if second.When != "true" || second.Direction != "in" || second.State != "settled" || second.At.Line != 8 {
		t.Errorf("the second is %+v", second)
	}
}
