package mapping

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"
	_ "time/tzdata"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"

	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
	"paybridge/schemas/provider"
)

// received is when all deliveries of these tests were received.
var received = time.Date(2024, 1, 15, 10, 45, 2, 500_000_000, time.UTC)

// readPack reads an events half, given without its first line and its indentation,
// as the normalizer does, so that positions are those of a file.
func readPack(t testing.TB, events string) *provider.Events {
	t.Helper()
	yaml := "name: acme\nevents:\n  " + strings.ReplaceAll(strings.TrimSpace(events), "\n", "\n  ") + "\n"
	library, err := (&provider.Library{}).With(fstest.MapFS{"acme/provider.yaml": {Data: []byte(yaml)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	e, err := library.Events("acme")
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	return e
}

// compile compiles an events half that has to be right.
func compile(t testing.TB, events string, s Settings) *Program {
	t.Helper()
	p, err := Compile(readPack(t, events), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// deliver makes a delivery to source "shop".
func deliver(body string) *delivery.Delivery {
	return &delivery.Delivery{
		Source: "shop", Provider: "acme", Endpoint: delivery.DefaultEndpoint, ReceivedAt: received,
		Scheme: "hmac", KeyID: "current", Body: []byte(body),
	}
}

// mapDelivery decodes and maps a delivery; every event must be one that can be sent.
func mapDelivery(t testing.TB, p *Program, d *delivery.Delivery) []Item {
	t.Helper()
	doc, dead := p.Decode(d)
	if dead != nil {
		return []Item{{Dead: dead}}
	}
	items := p.Map(d, doc, 42)
	for _, item := range items {
		if (item.Event == nil) == (item.Dead == nil) {
			t.Fatalf("an item is %+v, neither or both", item)
		}
		if item.Event != nil {
			if err := item.Event.Validate(); err != nil {
				t.Fatal(err)
			}
			if item.Event.Payment.Notes == nil {
				t.Fatal("notes are nil; they have to be an empty list")
			}
		}
	}
	return items
}

// one maps a body that has to become one event.
func one(t testing.TB, p *Program, body string) *event.Event {
	t.Helper()
	items := mapDelivery(t, p, deliver(body))
	if len(items) != 1 || items[0].Event == nil {
		t.Fatalf("%.200s became %d items: %v", body, len(items), items[0].Dead)
	}
	return items[0].Event
}

// dead maps a body that has to become one dead letter.
func dead(t testing.TB, p *Program, body string) *Dead {
	t.Helper()
	items := mapDelivery(t, p, deliver(body))
	if len(items) != 1 || items[0].Dead == nil {
		t.Fatalf("%.200s became %d items, the first an event", body, len(items))
	}
	return items[0].Dead
}

// evaluate evaluates one expression in which item is the body.
func evaluate(t testing.TB, body, text string) (ref.Val, *failure) {
	t.Helper()
	c := &compiler{zones: zones{}}
	var err error
	if c.env, err = deliveryEnvironment(c.zones); err != nil {
		t.Fatal(err)
	}
	c.declare(varItem, cel.DynType)
	c.declare(varType, cel.StringType)
	x := c.expression("test", provider.Text{Text: text}, wantAny)
	if x == nil {
		t.Fatal(c.problems)
	}
	p := compile(t, "type_prefix: com.acme\ntype: item.type\nderived_id: [item.id]", Settings{})
	d := deliver(body)
	d.Header = map[string][]string{"Event-Type": {"Paid"}, "Event_type": {"Other"}}
	doc, dead := p.Decode(d)
	if dead != nil {
		t.Fatal(dead)
	}
	r, err := p.start(d, doc)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	r.enter(doc.Root())
	return r.eval(x)
}

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func money(m *event.Money) string {
	if m == nil {
		return "null"
	}
	return m.Value + " " + m.Currency + " " + text(m.Minor)
}
