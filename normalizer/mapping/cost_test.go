package mapping

import (
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"paybridge/schemas/provider"
)

// TestWhatIsMetered: an expression is spared the meter only if nothing in it can grow
// with the body.
func TestWhatIsMetered(t *testing.T) {
	c := &compiler{zones: zones{}}
	var err error
	if c.env, err = deliveryEnvironment(c.zones); err != nil {
		t.Fatal(err)
	}
	c.declare(varItem, cel.DynType)
	for expression, metered := range map[string]bool{
		`item.a.b.c`:                         false,
		`item.?a.?b.orValue("x")`:            false,
		`has(item.a) ? item.a : item.b`:      false,
		`item.a == "x" && !(item.b != 5)`:    false,
		`item.a in ["x", "y", 5]`:            false,
		`int(item.a) >= 300 || item.b < 5`:   false,
		`money(item.a, "BRL")`:               false,
		`time_in(item.a, "UTC")`:             false,
		`item.a[size(item.a) - 1]`:           false,
		`size(item.a) + 1 == 2`:              false,
		`item.a.startsWith("x")`:             false,
		`header[?"a"].or(header[?"b"])`:      false,
		`digest()`:                           false,
		`document("CPF", item.a)`:            false,
		`item.a in item.b`:                   true,
		`item.a in [item.b]`:                 true,
		`item.a + item.b`:                    true,
		`"x" + string(item.b)`:               true,
		`item.a.contains("x")`:               true,
		`item.a.matches("x")`:                true,
		`item.a.map(x, x)`:                   true,
		`item.a.exists(x, x == 1)`:           true,
		`item.?a.optMap(x, x)`:               true,
		`item.a.split(",")[0]`:               true,
		`item.a.trim()`:                      true,
		`[item.a].flatten()`:                 true,
		`item.a == "x" ? item.b.trim() : ""`: true,
	} {
		x := c.expression("test", provider.Text{Text: expression}, wantAny)
		if x == nil {
			t.Fatal(c.problems)
		}
		if x.metered != metered {
			t.Errorf("%s: metered is %v", expression, x.metered)
		}
		if x.cost == 0 || x.cost > 1000 {
			t.Errorf("%s costs %d", expression, x.cost)
		}
	}
}

func TestTheMeterWeighsWhatPasses(t *testing.T) {
	text := types.String(strings.Repeat("x", 1600))
	object := parse(t, `{"a":"`+string(text)+`"}`)
	for _, c := range []struct {
		name, function string
		args           []ref.Val
		result         ref.Val
		want           uint64
	}{
		{"scalars", "f", []ref.Val{types.Int(1), types.True, types.NullValue}, types.False, 1},
		{"an error", "f", []ref.Val{text}, absent(), 101},
		{"a text in and out", "f", []ref.Val{text}, text, 201},
		{"a large one", "f", []ref.Val{types.String(strings.Repeat("x", 160_000))}, types.True, 10_001},
		{"a number", "f", []ref.Val{parse(t, strings.Repeat("1", 160))}, types.True, 11},
		{"a part of the body", "f", []ref.Val{object}, types.True, 101},
		{"a list of CEL's", "f", []ref.Val{types.NewStringList(types.DefaultTypeAdapter, make([]string, 50))}, types.True, 51},
		{"a pattern", "matches", []ref.Val{text, types.String("abcdefgh")}, types.True, 1 + (1600+8+1600*8/4)/16},
	} {
		if got := *(meter{}).CallCost(c.function, "", c.args, c.result); got != c.want {
			t.Errorf("%s costs %d, want %d", c.name, got, c.want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { meter{}.CallCost("f", "", nil, types.True) }); n > 0 {
		t.Errorf("a small cost takes %.0f allocations", n)
	}
}

// TestTheBudgetOfADelivery counts what is paid, by either way of counting.
func TestTheBudgetOfADelivery(t *testing.T) {
	p := compile(t, "type_prefix: com.acme\ntype: item.type\nid: item.id", Settings{})
	d := deliver(`{"type":"t"}`)
	doc, dead := p.Decode(d)
	if dead != nil {
		t.Fatal(dead)
	}
	r, err := p.start(d, doc)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if r.left() != deliveryCost {
		t.Errorf("at first, %d is left", r.left())
	}
	if !r.pay(100) || r.left() != deliveryCost-100 {
		t.Errorf("after 100, %d is left", r.left())
	}
	if spent := charge(r.plain, 1023); spent != nil || r.left() != deliveryCost-100 {
		t.Errorf("a short text cost %v, and %d is left", spent, r.left())
	}
	if spent := charge(r.plain, 1600); spent != nil || r.left() != deliveryCost-200 {
		t.Errorf("a long text cost %v, and %d is left", spent, r.left())
	}
	if spent := charge(r.plain, 16*deliveryCost); spent == nil || explain(spent.(*types.Err)) != failExhausted {
		t.Errorf("what is too much cost %v", spent)
	}
	if r.left() != 0 || r.pay(1) {
		t.Errorf("at last, %d is left", r.left())
	}
	r.enter(doc.Root())
	if _, f := r.eval(p.nativeType); f != failExhausted {
		t.Errorf("without a budget, the type is %v", f)
	}
}
