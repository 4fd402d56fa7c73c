package mapping

import (
	"testing"

	"paybridge/schemas/delivery"
)

const redactedPack = `
type_prefix: com.acme
items: body.events
ignore: has(body.ping)
type: item.type
id: item.id
personal: [/payer/name, /tags/*]
`

// What the pack lists is hidden in every item; all else stays byte for byte.
func TestRedactABody(t *testing.T) {
	p := compile(t, redactedPack, Settings{})
	if p.Personal() != 2 {
		t.Errorf("%d personal fields", p.Personal())
	}
	const body = ` {"name":"kept", "events": [{"type":"a","payer":{"name":"Ana","id": 1.00}},{"type":"b","tags":["x",null]}]} `
	const want = ` {"name":"kept", "events": [{"type":"a","payer":{"name":"[redacted]","id": 1.00}},{"type":"b","tags":["[redacted]",null]}]} `
	got, dead := p.Redact(deliver(body))
	if dead != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", dead, got, want)
	}
	const nothing = `{"events":[{"type":"a"}]}`
	if got, dead := p.Redact(deliver(nothing)); dead != nil || string(got) != nothing {
		t.Errorf("%v, %s", dead, got)
	}
	// Where its items are not known, nobody knows what is personal.
	for body, reason := range map[string]delivery.Reason{
		`{"ping":"Ana"}`:                    delivery.Ignored,
		`{"events":"Ana"}`:                  delivery.MappingFailed,
		`{"events":[{"payer":{"name":"Ana"`: delivery.MalformedJSON,
	} {
		if got, dead := p.Redact(deliver(body)); got != nil || dead == nil || dead.Reason != reason {
			t.Errorf("%s: %s, %v", body, got, dead)
		}
	}
}

func TestRedactAForm(t *testing.T) {
	p := compile(t, "type_prefix: com.acme\nbody: form\ntype: item.type\nid: item.n\npersonal: [/name]", Settings{})
	got, dead := p.Redact(deliver("type=a%20b&name=Ana%26B&n=1+2"))
	if want := "type=a+b&name=%5Bredacted%5D&n=1+2"; dead != nil || string(got) != want {
		t.Errorf("%v, %s, want %s", dead, got, want)
	}
}
