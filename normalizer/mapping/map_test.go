package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// orders is a pack that uses everything once.
const orders = `
type_prefix: com.acme
version: "2"
items: body.events
ignore: body.ping
let: {data: item.data}
type: item.type
id: item.id
derived_id: [item.type, data.ref, data.status]
time: time(item.at)
payment:
  id: data.ref
  reference: data.order
  rail: data.rail
  amount: money(data.amount, data.currency)
  original: money(data.original, data.currency)
  refunded: money(data.refunded, data.currency)
  fee: minor(data.fee, data.currency)
  net: minor(data.net, data.currency)
  network.end_to_end_id: data.e2e
  network.txid: data.txid
  network.return_id: data.rtr
  network.chain: data.chain
  network.tx_hashes: data.hashes
  payer.name: data.payer.name
  payer.document: document(data.payer.kind, data.payer.number)
  payer.bank_ispb: data.payer.bank
  payee.name: data.payee.name
  payee.document: document(data.payee.kind, data.payee.number)
  payee.bank_ispb: data.payee.bank
  provider_status: data.status
  provider_code: data.code
  reason: data.reason
rules:
  - {when: 'type.startsWith("in.")', kind: payin, direction: in}
  - {when: 'data.status == "PAID"', state: confirmed, notes: [assumed_state]}
  - {when: 'type == "back"', kind: refund, direction: out, state: settled, set: {parent: data.ref, id: 'data.ref + "/r"'}, id: '"back-" + string(data.n)'}
  - {when: 'int(data.code) >= 400', state: failed, notes: [late]}
personal: [/data/payer, /data/*/number]`

func TestMapFillsEveryField(t *testing.T) {
	const item = `{"type":"in.pix","id":"evt_1","at":"2024-01-15T07:45:00.25-03:00","data":{"ref":"r1","order":"o1","rail":"pix","amount":"75.00","original":80,` +
		`"refunded":"0.0","fee":199,"net":7301,"currency":"brl","e2e":"E1","txid":"t1","rtr":"D1","chain":"main","hashes":["a","b"],"payer":{"name":"Ana",` +
		`"kind":"CPF","number":"297.080.610-00","bank":"22896431"},"payee":{"name":"Loja","kind":"cnpj","number":"11222333000181","bank":"1"},"status":"PAID","code":200,"reason":"none"}}`
	p := compile(t, orders, Settings{})
	body := `{"events": [ ` + item + ` ]}`
	e := one(t, p, body)
	for _, c := range []struct{ name, got, want string }{
		{"id", e.ID, "evt_1"},
		{"source", e.Source, "urn:paybridge:shop"},
		{"type", e.Type, "com.acme.in.pix"},
		{"subject", e.Subject, "r1"},
		{"time", e.Time.Format("2006-01-02T15:04:05.999999999Z07:00"), "2024-01-15T10:45:00.25Z"},
		{"dataschema", e.DataSchema, "urn:paybridge:schema:acme:in.pix:2"},
		{"provider", e.Provider, "acme"},
		{"sequence", e.Sequence, "00000000000000000042.0000"},
		{"partitionkey", e.PartitionKey, "shop/r1"},
		{"rawdigest", e.RawDigest, event.RawDigest([]byte(body))},
		{"authscheme", e.AuthScheme, "hmac"},
		{"native type", e.NativeType, "in.pix"},
		{"source name", e.SourceName, "shop"},
		{"native", string(e.Native), item},
		{"kind", string(e.Payment.Kind), "payin"},
		{"direction", string(e.Payment.Direction), "in"},
		{"state", string(e.Payment.State), "confirmed"},
		{"payment.id", text(e.Payment.ID), "r1"},
		{"reference", text(e.Payment.Reference), "o1"},
		{"parent", text(e.Payment.Parent), "null"},
		{"rail", string(e.Payment.Rail), "pix"},
		{"amount", money(e.Payment.Amount), "75.00 BRL 7500"},
		{"original", money(e.Payment.Original), "80.00 BRL 8000"},
		{"refunded", money(e.Payment.Refunded), "0.00 BRL 0"},
		{"fee", money(e.Payment.Fee), "1.99 BRL 199"},
		{"net", money(e.Payment.Net), "73.01 BRL 7301"},
		{"end_to_end_id", text(e.Payment.Network.EndToEndID), "E1"},
		{"txid", text(e.Payment.Network.TxID), "t1"},
		{"return_id", text(e.Payment.Network.ReturnID), "D1"},
		{"chain", text(e.Payment.Network.Chain), "main"},
		{"tx_hashes", strings.Join(e.Payment.Network.TxHashes, " "), "a b"},
		{"payer.name", text(e.Payment.Payer.Name), "Ana"},
		{"payer.document", fmt.Sprint(*e.Payment.Payer.Document), "{CPF ***.080.610-**}"},
		{"payer.bank", text(e.Payment.Payer.BankISPB), "22896431"},
		{"payee.name", text(e.Payment.Payee.Name), "Loja"},
		{"payee.document", fmt.Sprint(*e.Payment.Payee.Document), "{CNPJ **.222.333/****-**}"},
		{"payee.bank", text(e.Payment.Payee.BankISPB), "1"},
		{"occurred_at", text(e.Payment.OccurredAt), "2024-01-15T10:45:00.25Z"},
		{"received_at", e.Payment.ReceivedAt, "2024-01-15T10:45:02.5Z"},
		{"provider_status", text(e.Payment.ProviderStatus), "PAID"},
		{"provider_code", text(e.Payment.ProviderCode), "200"},
		{"reason", text(e.Payment.Reason), "none"},
		{"notes", strings.Join(e.Payment.Notes, " "), "assumed_state"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %s, want %s", c.name, c.got, c.want)
		}
	}
	if _, err := e.AppendStructured(nil); err != nil {
		t.Error(err)
	}
}

func TestMapOfAlmostNothing(t *testing.T) {
	p := compile(t, orders, Settings{})
	for _, data := range []string{`{}`, `{"data":null}`, `{"data":{}}`, `{"data":"text"}`, `{"data":[]}`, `{"data":{"ref":"","payer":null,"payee":{},"hashes":null,"amount":null,"currency":"BRL"}}`} {
		item := `{"type":"x",` + strings.TrimSuffix(strings.TrimPrefix(data, "{"), "}") + "}"
		e := one(t, p, `{"events":[`+strings.Replace(item, ",}", "}", 1)+`]}`)
		pay := e.Payment
		if pay.Kind != "unknown" || pay.Direction != "unknown" || pay.State != "unknown" || pay.Rail != "unknown" {
			t.Errorf("%s is %s %s %s %s", data, pay.Kind, pay.Direction, pay.State, pay.Rail)
		}
		if pay.ID != nil || pay.Amount != nil || pay.Fee != nil || pay.Network != nil || pay.Payer != nil || pay.Payee != nil || pay.OccurredAt != nil || pay.Reason != nil {
			t.Errorf("%s has something: %+v", data, pay)
		}
		if e.Subject != "" || e.PartitionKey != "shop/"+e.ID || !e.Time.Equal(received) {
			t.Errorf("%s: subject %q, partition key %q, time %v", data, e.Subject, e.PartitionKey, e.Time)
		}
		if e.ID != "x:=:=" || !slices.Equal(pay.Notes, []string{"derived_id"}) {
			t.Errorf("%s: id %q with notes %q", data, e.ID, pay.Notes)
		}
	}
}

// TestRules holds the decisions against the contract: a rule decides what it names
// and nobody before it has; its notes, fields and id count if it decided something.
func TestRules(t *testing.T) {
	p := compile(t, orders, Settings{})
	for _, c := range []struct{ name, item, want string }{
		{"each decides a part", `{"type":"in.x","id":"e","data":{"ref":"r","status":"PAID"}}`, "payin in confirmed id=r parent=null event=e notes=[assumed_state]"},
		{"one decides all", `{"type":"back","id":"e","data":{"ref":"r","n":7}}`, "refund out settled id=r/r parent=r event=back-7 notes=[]"},
		{"a later one decides the rest", `{"type":"back","id":"e","data":{"ref":"r","n":7,"status":"PAID"}}`, "refund out confirmed id=r/r parent=r event=back-7 notes=[assumed_state]"},
		{"one that comes too late counts for nothing", `{"type":"in.x","id":"e","data":{"ref":"r","status":"PAID","code":500}}`, "payin in confirmed id=r parent=null event=e notes=[assumed_state]"},
		{"a condition on what is absent is false", `{"type":"in.x","id":"e","data":{"ref":"r"}}`, "payin in unknown id=r parent=null event=e notes=[]"},
		{"a condition on nonsense is false", `{"type":"in.x","id":"e","data":{"ref":"r","code":400.5}}`, "payin in unknown id=r parent=null event=e notes=[]"},
		{"a number as a text is a number", `{"type":"in.x","id":"e","data":{"ref":"r","code":"402"}}`, "payin in failed id=r parent=null event=e notes=[late]"},
		{"an id of a rule that is absent is derived", `{"type":"back","id":"e","data":{"ref":"r","status":"s"}}`, "refund out settled id=r/r parent=r event=back:r:s notes=[derived_id]"},
	} {
		e := one(t, p, `{"events":[`+c.item+`]}`)
		pay := e.Payment
		got := fmt.Sprintf("%s %s %s id=%s parent=%s event=%s notes=%v", pay.Kind, pay.Direction, pay.State, text(pay.ID), text(pay.Parent), e.ID, pay.Notes)
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestNativeType(t *testing.T) {
	p := compile(t, orders, Settings{})
	long := strings.Repeat("x", 6000)
	for written, want := range map[string]string{
		`"payment.confirmed"`: "com.acme.payment.confirmed",
		`">"`:                 "com.acme.>",
		`""`:                  "com.acme.",
		`5`:                   "com.acme.5",
		`1e2`:                 "com.acme.1e2",
		`true`:                "com.acme.true",
		`null`:                "com.acme.null",
		`"a\r\nPUB x"`:        "com.acme.a=0D=0APUB x",
		`"` + long + `"`:      "com.acme." + long,
	} {
		e := one(t, p, `{"events":[{"type":`+written+`,"id":"e"}]}`)
		if e.Type != want || e.Payment.Kind != event.UnknownKind {
			t.Errorf("%.20s is %.40q %s, want %.40q unknown", written, e.Type, e.Payment.Kind, want)
		}
	}
	for written, want := range map[string]string{
		`{"id":"e"}`:           "type: what it reads is not in the body",
		`{"type":{},"id":"e"}`: "type: is a list or an object, not a text",
		`{"type":[],"id":"e"}`: "type: is a list or an object, not a text",
		`"text"`:               "type: what it reads is not in the body",
		`[]`:                   "type: what it reads is not in the body",
	} {
		items := mapDelivery(t, p, deliver(`{"events":[0,`+written+`]}`))
		got := items[1].Dead
		if got == nil {
			t.Errorf("%s became an event", written)
			continue
		}
		if got.Reason != delivery.MappingFailed || got.Problem != want || got.Pointer != "/events/1" {
			t.Errorf("%s: %v, want %s", written, got, want)
		}
	}
}

func TestItems(t *testing.T) {
	p := compile(t, orders, Settings{})
	item := func(i int) string { return fmt.Sprintf(`{"type":"t","id":"e%d"}`, i) }
	many := func(n int) string {
		all := make([]string, n)
		for i := range all {
			all[i] = item(i)
		}
		return `{"events":[` + strings.Join(all, ",") + `]}`
	}
	for _, n := range []int{1, 3, 1000} {
		items := mapDelivery(t, p, deliver(many(n)))
		if len(items) != n {
			t.Fatalf("%d items became %d", n, len(items))
		}
		for i, it := range items {
			if it.Event == nil || it.Event.ID != fmt.Sprint("e", i) || it.Event.Sequence != event.Sequence(42, i) || string(it.Event.Native) != item(i) {
				t.Fatalf("item %d of %d is %+v", i, n, it)
			}
		}
	}
	for body, want := range map[string]Dead{
		many(1001):                 {delivery.TooLarge, "", "items: more than 1,000 in one delivery"},
		`{"events":[]}`:            {delivery.MappingFailed, "", "items: the list is empty; write an ignore expression if that is a ping"},
		`{"events":{}}`:            {delivery.MappingFailed, "", "items: is not a list"},
		`{"events":null}`:          {delivery.MappingFailed, "", "items: is not a list"},
		`{}`:                       {delivery.MappingFailed, "", "items: what it reads is not in the body"},
		`5`:                        {delivery.MappingFailed, "", "items: what it reads is not in the body"},
		`{"ping":true}`:            {delivery.Ignored, "", "the pack ignores it"},
		`{"ping":"yes"}`:           {delivery.MappingFailed, "", "ignore: is neither true nor false"},
		`{"events":[{"a":1,"a":2}`: {delivery.MalformedJSON, "/events/0/a", "duplicate key"},
		"":                         {delivery.MalformedJSON, "", "the body is empty"},
		strings.Repeat("[", 100):   {delivery.TooDeep, strings.Repeat("/0", 63), "nested too deep"},
	} {
		if got := dead(t, p, body); *got != want {
			t.Errorf("%.40s: got %+v, want %+v", body, *got, want)
		}
	}
	if e := one(t, p, `{"ping":false,"events":[{"type":"t","id":"e"}]}`); e.ID != "e" {
		t.Errorf("what is not ignored is %+v", e)
	}
}

// TestAFailingItemLeavesItsNeighbours has one bad item among good ones.
func TestAFailingItemLeavesItsNeighbours(t *testing.T) {
	p := compile(t, orders, Settings{})
	items := mapDelivery(t, p, deliver(`{"events":[{"type":"a","id":"1"},{"type":"b","id":"2","data":{"amount":"secret","currency":"BRL"}},{"type":"c","id":"3"},`+
		`{"type":"d","id":[1]},{"type":"e","id":"5","data":{"rail":"secret"}},{"type":"f","id":"6","data":{"hashes":"secret"}},`+
		`{"type":"g","id":"7","data":{"status":["secret"]}},{"type":"h","id":"8","data":{"payer":{"kind":"CPF","number":{}}}}]}`))
	var got []string
	for _, it := range items {
		if it.Event != nil {
			got = append(got, it.Event.ID)
			continue
		}
		got = append(got, it.Dead.Error())
	}
	want := []string{
		"1",
		"mapping_failed: payment.amount: money: takes an amount, as number or text, and a currency at /events/1",
		"3",
		"mapping_failed: id: is a list or an object, not a text at /events/3",
		"mapping_failed: payment.rail: is not one of pix, card, wallet, crypto, internal, unknown at /events/4",
		"mapping_failed: payment.network.tx_hashes: is not a list of texts at /events/5",
		"mapping_failed: payment.provider_status: is a list or an object, not a text at /events/6",
		"mapping_failed: payment.payer.document: document: the number is not a text or a number at /events/7",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestItemsThatAreChosen(t *testing.T) {
	p := compile(t, `
type_prefix: com.acme
items: body.groups.map(g, g.events).flatten().filter(e, e.type != "skip")
type: item.type
id: item.id`, Settings{})
	items := mapDelivery(t, p, deliver(`{"groups":[{"events":[{"type":"a","id":"1"},{"type":"skip","id":"2"}]},{"events":[ {"type" : "b","id":"3"}]}]}`))
	if len(items) != 2 || string(items[0].Event.Native) != `{"type":"a","id":"1"}` || string(items[1].Event.Native) != `{"type" : "b","id":"3"}` {
		t.Errorf("the items are %+v", items)
	}
	made := compile(t, `
type_prefix: com.acme
items: '[{"type": "a", "id": "1"}]'
type: item.type
id: item.id`, Settings{})
	if got, want := dead(t, made, "{}").Error(), "mapping_failed: items: an element is not a part of the body; take objects of it, do not make new ones"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestForms(t *testing.T) {
	p := compile(t, `
type_prefix: com.acme
body: form
type: item.status
id: item.id
payment:
  amount: money(item.price, "EUR")`, Settings{})
	d := deliver("id=tr_1&status=paid&price=10.50&note=%C3%A7")
	items := mapDelivery(t, p, d)
	e := items[0].Event
	if e == nil {
		t.Fatal(items[0].Dead)
	}
	if e.ID != "tr_1" || e.NativeType != "paid" || money(e.Payment.Amount) != "10.50 EUR 1050" || e.RawDigest != event.RawDigest(d.Body) {
		t.Errorf("the event is %+v", e)
	}
	if got, want := string(e.Native), `{"id":"tr_1","status":"paid","price":"10.50","note":"ç"}`; got != want {
		t.Errorf("native is %s, want %s", got, want)
	}
	if got := dead(t, p, "id=1&id=2"); got.Reason != delivery.MalformedJSON || got.Pointer != "/id" {
		t.Errorf("a repeated key is %v", got)
	}
}

func TestSettings(t *testing.T) {
	const body = `{"events":[{"type":"a/b.c d","id":"e","data":{"payer":{"name":"Ana"},"x":{"number":"1","y":2}}}]}`
	const native = `{"type":"a/b.c d","id":"e","data":{"payer":{"name":"Ana"},"x":{"number":"1","y":2}}}`
	for _, c := range []struct {
		settings                             Settings
		source, eventType, dataschema, value string
	}{
		{Settings{}, "urn:paybridge:shop", "com.acme.a/b.c d", "urn:paybridge:schema:acme:a/b.c=20d:2", native},
		{Settings{Native: NativeFull, TypePrefix: "org.other", SourceBase: "https://pay.example/", SchemaBase: "urn:x:"}, "https://pay.example/shop", "org.other.a/b.c d", "urn:x:acme:a/b.c=20d:2", native},
		{Settings{Native: NativeNone, SchemaBase: "https://pay.example/schemas/"}, "urn:paybridge:shop", "com.acme.a/b.c d", "https://pay.example/schemas/acme/a/b.c=20d/2.json", ""},
		{Settings{Native: NativeRedacted}, "urn:paybridge:shop", "com.acme.a/b.c d", "urn:paybridge:schema:acme:a/b.c=20d:2", `{"type":"a/b.c d","id":"e","data":{"payer":"[redacted]","x":{"number":"[redacted]","y":2}}}`},
	} {
		e := one(t, compile(t, orders, c.settings), body)
		if e.Source != c.source || e.Type != c.eventType || e.DataSchema != c.dataschema || string(e.Native) != c.value {
			t.Errorf("%+v: %s %s %s %s", c.settings, e.Source, e.Type, e.DataSchema, e.Native)
		}
	}
}

// TestMapIsPure maps one delivery many times at once: the same events come of it.
func TestMapIsPure(t *testing.T) {
	p := compile(t, orders, Settings{})
	d := deliver(`{"events":[{"type":"in.pix","id":"e","at":"2024-01-15T10:00:00Z","data":{"ref":"r","amount":"1.00","currency":"BRL","status":"PAID"}},{"type":"x"}]}`)
	encode := func() string {
		doc, dead := p.Decode(d)
		if dead != nil {
			return dead.Error()
		}
		var all []byte
		for _, item := range p.Map(d, doc, 7) {
			var err error
			if all, err = item.Event.AppendStructured(all); err != nil {
				return err.Error()
			}
		}
		return string(all)
	}
	want := encode()
	results := make(chan string)
	for range 8 {
		go func() {
			for range 50 {
				results <- encode()
			}
		}()
	}
	for range 8 * 50 {
		if got := <-results; got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
	if !strings.Contains(want, `"id":"x:=:="`) {
		t.Error(want)
	}
}
