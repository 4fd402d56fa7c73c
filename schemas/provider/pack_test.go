package provider

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// good is a pack with every key of the format.
const good = `name: acme
title: Acme Pay
docs: [https://acme.example/docs]
confidence: documented
endpoints: [Orders, refunds]
auth:
  scheme: hmac
  hash: sha256
  key: whsec
  signed: "{id}.{timestamp}.[{header:x-event};]{body}"
  signature:
    headers: [x-acme-signature, X-Signature]
    list: ","
    pairs: "="
    take: v1
    prefix: "sha256="
    prefix_optional: true
    encoding: [hex, base64]
  timestamp: {pair: t, unit: seconds, tolerance: 5m}
  id: {header: acme-id}
  keep: [x-event-type, event_type]
  answer: {content_type: text/plain, body: "[accepted]"}
events:
  type_prefix: com.acme
  version: "2"
  body: form
  items: body.events
  ignore: 'body.?ping.orValue(false)'
  type: item.event
  id: item.id
  derived_id: [item.a, item.b]
  time: time(item.at)
  let: {charge: item.data, code: int(charge.code)}
  payment:
    id: charge.id
    network.chain: charge.chain
    payer.name: charge.name
  rules:
    - when: 'type == "paid"'
      kind: payin
      direction: in
      state: confirmed
      notes: [funds_received]
      set: {parent: charge.parent}
      id: item.other
    - {when: 'true', state: pending}
  personal: [/data/name, /data/*/payer~1name]
  schemas: {paid: paid.schema.json, "*": any.schema.json}
`

// folder is the file system of a pack named acme.
func folder(text string) fstest.MapFS {
	return fstest.MapFS{
		"acme/provider.yaml":    {Data: []byte(text)},
		"acme/paid.schema.json": {Data: []byte(`{"type": "object", "$defs": {"x": {"type": "string"}}, "properties": {"event": {"$ref": "#/$defs/x"}}}`)},
		"acme/any.schema.json":  {Data: []byte(`{}`)},
	}
}

// acme is a library with the pack alone.
func acme(t testing.TB, text string) *Library {
	t.Helper()
	l, err := (&Library{}).With(folder(text), "/packs")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// change is good with one part replaced, which has to be there.
func change(t testing.TB, old, other string) string {
	t.Helper()
	if strings.Count(good, old) != 1 {
		t.Fatalf("%q is not once in the pack", old)
	}
	return strings.Replace(good, old, other, 1)
}

// expect compares a half's problems with the lines that they have to begin with.
func expect(t *testing.T, err error, want ...string) {
	t.Helper()
	var problems Problems
	if len(want) == 0 {
		if err != nil {
			t.Errorf("unexpected: %v", err)
		}
		return
	}
	if !errors.As(err, &problems) {
		t.Errorf("%v, want problems", err)
		return
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Errorf("%d problems, want %d:\n%v", len(lines), len(want), err)
		return
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], "/packs/acme/provider.yaml"+want[i]) {
			t.Errorf("got  %s\nwant /packs/acme/provider.yaml%s", lines[i], want[i])
		}
	}
}

func TestAWholePack(t *testing.T) {
	l := acme(t, good)
	about, err := l.About("acme")
	expect(t, err)
	if got := fmt.Sprintf("%+v", about); got != "{Name:acme Title:Acme Pay Docs:[https://acme.example/docs] Endpoints:[Orders refunds] Confidence:documented}" {
		t.Error(got)
	}
	if !about.Endpoint("refunds") || about.Endpoint("Refunds") {
		t.Error("an endpoint's name is exact")
	}
	a, err := l.Auth("acme")
	expect(t, err)
	s := a.AnyOf[0]
	if a.Name != "acme" || len(a.AnyOf) != 1 || s.Kind != HMAC || s.Hash != SHA256 || s.Key != KeyWhsec || s.Signed != "{id}.{timestamp}.[{header:x-event};]{body}" {
		t.Errorf("%+v", a)
	}
	if got := fmt.Sprintf("%+v", s.Signature); got != "{Headers:[X-Acme-Signature X-Signature] List:, Pairs:= Take:v1 Prefix:sha256= Optional:true Encoding:[hex base64] At:/packs/acme/provider.yaml:12}" {
		t.Error(got)
	}
	if got := fmt.Sprintf("%+v %+v", *s.Timestamp, *s.ID); got != "{From:{Header: Query: Pair:t Prefix: At:/packs/acme/provider.yaml:19} Unit:seconds Tolerance:5m0s At:/packs/acme/provider.yaml:19} {Header:Acme-Id Query: Pair: Prefix: At:/packs/acme/provider.yaml:20}" {
		t.Error(got)
	}
	if got := fmt.Sprint(a.Keep, a.Answer); got != "[X-Event-Type Event_type] {text/plain [accepted]}" {
		t.Error(got)
	}
	if headers, query := a.Stored(); fmt.Sprint(headers, query) != "[X-Acme-Signature X-Signature Acme-Id X-Event X-Event-Type Event_type] false" {
		t.Error(headers, query)
	}
	e, err := l.Events("acme")
	expect(t, err)
	if got := fmt.Sprint(e.Name, e.TypePrefix, e.Version, e.Body, e.Schemas, words(e.DerivedID), words(e.Personal)); got != "acmecom.acme2formmap[*:any.schema.json paid:paid.schema.json] [item.a item.b] [/data/name /data/*/payer~1name]" {
		t.Error(got)
	}
	if got := fmt.Sprint(e.Let, e.Payment, e.Rules); got != "[{charge {item.data /packs/acme/provider.yaml:33}} {code {int(charge.code) /packs/acme/provider.yaml:33}}] "+
		"[{id {charge.id /packs/acme/provider.yaml:35}} {network.chain {charge.chain /packs/acme/provider.yaml:36}} {payer.name {charge.name /packs/acme/provider.yaml:37}}] "+
		"[{{type == \"paid\" /packs/acme/provider.yaml:39} payin in confirmed [funds_received] [{parent {charge.parent /packs/acme/provider.yaml:44}}] {item.other /packs/acme/provider.yaml:45} /packs/acme/provider.yaml:39} "+
		"{{true /packs/acme/provider.yaml:46}   pending [] [] { } /packs/acme/provider.yaml:46}]" {
		t.Error(got)
	}
}

func TestDefaults(t *testing.T) {
	l := acme(t, "name: acme\ntitle: A\nconfidence: unconfirmed\nauth: {scheme: basic}\nevents: {type_prefix: a.b, type: item.t, id: item.id}\n")
	a, err := l.Auth("acme")
	expect(t, err)
	if a.AnyOf[0].Kind != Basic || a.Answer != (Answer{}) {
		t.Errorf("%+v", a)
	}
	e, err := l.Events("acme")
	expect(t, err)
	if e.Version != "1" || e.Body != "json" || e.Schemas != nil {
		t.Errorf("%+v", e)
	}
}

// TestHalvesAreIndependent breaks one half and reads the other.
func TestHalvesAreIndependent(t *testing.T) {
	l := acme(t, change(t, "type: item.event\n", "type: [1]\n  nonsense: {a: {}}\n"))
	_, err := l.Auth("acme")
	expect(t, err)
	_, err = l.Events("acme")
	expect(t, err, ":29: events.type: is a list, not text", ":30: events.nonsense: is not a key of the format")
	l = acme(t, change(t, "hash: sha256", "hash: md5"))
	_, err = l.Events("acme")
	expect(t, err)
	_, err = l.About("acme")
	expect(t, err)
	_, err = l.Auth("acme")
	expect(t, err, `:8: auth.hash: "md5" is not known; write one of: sha1, sha256, sha512`)
	l = acme(t, "name: acme\ntitle: A\nconfidence: documented\n")
	_, err = l.Auth("acme")
	expect(t, err, ":1: auth: is missing; write how the provider signs")
	_, err = l.Events("acme")
	expect(t, err, ":1: events: is missing; write what the provider's bodies mean")
}

// TestFiles are mistakes of the whole file: every reader reports them alike.
func TestFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":            {"", ":1: is not YAML: the file is empty"},
		"comment":          {"# nothing\n", ":1: is not YAML: the file is empty"},
		"not YAML":         {"a: b\n  c: [\n", ":2: is not YAML: "},
		"a tab":            {"a:\n\tb: c\n", ":2: is not YAML: "},
		"a list":           {"- a\n", ":1: is a list, not a mapping; write key: value lines"},
		"two documents":    {"name: acme\n---\nname: acme\n", ":2: holds more than one document"},
		"an unknown key":   {good + "extra: 1\n", ":49: extra: is not a key of the format; write one of: name, title, docs"},
		"a doubled key":    {good + "name: acme\n", ":49: name: stands twice; remove one"},
		"a number as key":  {good + "1: x\n", ":49: has a key that is a number"},
		"a merge key":      {good + "<<: {a: b}\n", ":49: has a key that is of the type !!merge"},
		"an alias":         {strings.Replace(good, "title: Acme Pay", "title: &t Acme", 1) + "docs2: *t\n", ":49: docs2: is not a key"},
		"another name":     {strings.Replace(good, "name: acme", "name: acne", 1), `:1: name: "acne" is not the folder's name; write name: acme`},
		"a number as name": {strings.Replace(good, "name: acme", "name: 12", 1), `:1: name: is a number, not text; put it in quotes: "12"`},
		"no name":          {strings.Replace(good, "name: acme\n", "", 1), ":1: name: is missing; write name: acme"},
	} {
		t.Run(name, func(t *testing.T) {
			l := acme(t, c.text)
			_, err := l.About("acme")
			expect(t, err, c.want)
			_, err = l.Auth("acme")
			expect(t, err, c.want)
			_, err = l.Events("acme")
			expect(t, err, c.want)
		})
	}
}

func TestAbout(t *testing.T) {
	for _, c := range []struct{ old, other, want string }{
		{"title: Acme Pay", "title:", ":2: title: is empty, not text"},
		{"title: Acme Pay", `title: ""`, ":2: title: is empty; write it, or leave the key out"},
		{"title: Acme Pay", "title: true", `:2: title: is a true or false, not text; put it in quotes: "true"`},
		{"title: Acme Pay", "title: 2024-01-01", `:2: title: is a date, not text; put it in quotes: "2024-01-01"`},
		{"title: Acme Pay\n", "", ":1: title: is missing"},
		{"docs: [https://acme.example/docs]", "docs: https://acme.example", ":3: docs: is text, not a list; write [first, second]"},
		{"docs: [https://acme.example/docs]", "docs: [acme.example]", `:3: docs[0]: "acme.example" is not a page; write https://`},
		{"confidence: documented", "confidence: sure", `:4: confidence: "sure" is not known; write one of: documented, partly documented, unconfirmed`},
		{"endpoints: [Orders, refunds]", "endpoints: [default]", `:5: endpoints[0]: "default" is no endpoint's name`},
		{"endpoints: [Orders, refunds]", "endpoints: [a/b]", `:5: endpoints[0]: "a/b" is no endpoint's name`},
		{"endpoints: [Orders, refunds]", "endpoints: [a, a]", `:5: endpoints[1]: "a" stands twice; remove one`},
		{"endpoints: [Orders, refunds]", `endpoints: [""]`, `:5: endpoints[0]: is empty; write it, or remove the item`},
	} {
		t.Run(c.other, func(t *testing.T) {
			_, err := acme(t, change(t, c.old, c.other)).About("acme")
			expect(t, err, c.want)
		})
	}
}

func TestEvents(t *testing.T) {
	for _, c := range []struct{ old, other, want string }{
		{"type_prefix: com.acme", "type_prefix: acme", `:24: events.type_prefix: "acme" is not of the form; write a reversed domain name`},
		{"  type_prefix: com.acme\n", "", `:24: events.type_prefix: is missing; write a reversed domain name`},
		{`version: "2"`, "version: 2", `:25: events.version: is a number, not text; put it in quotes: "2"`},
		{`version: "2"`, `version: "a b"`, `:25: events.version: "a b" is not of the form`},
		{"body: form", "body: xml", `:26: events.body: "xml" is not known; write one of: json, form`},
		{"ignore: 'body.?ping.orValue(false)'", "ignore: false", `:28: events.ignore: is a true or false, not text; put it in quotes: "false"`},
		{"  type: item.event\n", "", `:24: events.type: is missing; write the expression of the native type`},
		{"let: {charge: item.data, code: int(charge.code)}", "let: [a]", ":33: events.let: is a list, not a mapping"},
		{"let: {charge: item.data,", "let: {item: item.data,", ":33: events.let.item: is a name that expressions already have"},
		{"let: {charge: item.data,", "let: {my-charge: item.data,", ":33: events.let.my-charge: is no name; write letters, digits and _"},
		{"let: {charge: item.data,", "let: {charge: item.data, charge: x,", ":33: events.let.charge: stands twice"},
		{"let: {charge: item.data,", "let: {charge: 5,", `:33: events.let.charge: is a number, not text; put it in quotes: "5"`},
		{"    id: charge.id\n", "    ids: charge.id\n", ":35: events.payment.ids: is no field of a payment that a pack sets; write one of: id, reference"},
		{"    id: charge.id\n", "    id: null\n", `:35: events.payment.id: is empty, not text; put it in quotes: "null"`},
		{"    network.chain: charge.chain", "    network: {chain: charge.chain}", ":36: events.payment.network: is a mapping, not an expression; write network.NAME: expression"},
		{"kind: payin", "kind: payinn", `:40: events.rules[0].kind: "payinn" is not known; write one of: payin, payout`},
		{"direction: in", "direction: inn", `:41: events.rules[0].direction: "inn" is not known; write one of: in, out`},
		{"state: confirmed", "state: cancelled", `:42: events.rules[0].state: "cancelled" is not known; write one of: pending`},
		{"notes: [funds_received]", "notes: [Funds received]", `:43: events.rules[0].notes[0]: "Funds received" is no note`},
		{"set: {parent: charge.parent}", "set: {kind: charge.parent}", ":44: events.rules[0].set.kind: is no field of a payment"},
		{"    - {when: 'true', state: pending}", "    - {when: 'true'}", ":46: events.rules[1]: decides nothing; write at least one of kind"},
		{"    - {when: 'true', state: pending}", "    - {state: pending}", ":46: events.rules[1].when: is missing"},
		{"    - {when: 'true', state: pending}", "    - {when: 'true', state: pending, if: x}", ":46: events.rules[1].if: is not a key of the format"},
		{"    - {when: 'true', state: pending}", "    - pending", ":46: events.rules[1]: is text, not a mapping"},
		{"personal: [/data/name,", "personal: [data.name,", `:47: events.personal[0]: "data.name" is no JSON pointer`},
		{"personal: [/data/name,", "personal: [/data~name,", `:47: events.personal[0]: "/data~name" is no JSON pointer`},
		{"paid: paid.schema.json", "paid: none.schema.json", ":48: events.schemas.paid: none.schema.json: is not there"},
		{"paid: paid.schema.json", "paid: ../acme/paid.schema.json", `:48: events.schemas.paid: "../acme/paid.schema.json" is not a schema of the pack`},
		{"paid: paid.schema.json", "paid: provider.yaml", `:48: events.schemas.paid: "provider.yaml" is not a schema of the pack`},
	} {
		t.Run(c.other, func(t *testing.T) {
			_, err := acme(t, change(t, c.old, c.other)).Events("acme")
			expect(t, err, c.want)
		})
	}
	text := strings.Replace(change(t, "  id: item.id\n", ""), "  derived_id: [item.a, item.b]\n", "", 1)
	_, err := acme(t, text).Events("acme")
	expect(t, err, ":24: events.derived_id: is missing; write what identifies an event")
}

// TestAllProblemsAtOnce reads a pack with a mistake on nearly every line.
func TestAllProblemsAtOnce(t *testing.T) {
	l := acme(t, `name: acme
title: Acme
confidence: documented
auth:
  scheme: hmac
  hash: md5
  key: plain
  signed: "{bdy}"
  signature: {headers: [], encoding: [hex, hexx], prefix_optional: yes please}
  timestamp: {unit: days}
  token: {header: X}
  kepp: []
events:
  type_prefix: acme
  rules: [{when: 1, kind: x}]
`)
	_, err := l.Auth("acme")
	expect(t, err,
		`:6: auth.hash: "md5" is not known`,
		`:7: auth.key: "plain" is not known`,
		`:8: auth.signed: has {bdy}, which is no reference; write one of {body}`,
		`:9: auth.signature.prefix_optional: is text; write true or false`,
		`:9: auth.signature.headers: is empty`,
		`:9: auth.signature.encoding[1]: "hexx" is not known; write one of: hex, base64, base64url`,
		`:10: auth.timestamp: needs exactly one of: header, query, pair`,
		`:10: auth.timestamp.unit: "days" is not known`,
		`:11: auth.token: does not belong to the scheme hmac; remove it`,
		`:12: auth.kepp: is not a key of the format`,
	)
	_, err = l.Events("acme")
	expect(t, err,
		`:14: events.type_prefix: "acme" is not of the form`,
		`:14: events.type: is missing`,
		`:14: events.derived_id: is missing`,
		`:15: events.rules[0].when: is a number, not text`,
		`:15: events.rules[0].kind: "x" is not known`,
	)
}
