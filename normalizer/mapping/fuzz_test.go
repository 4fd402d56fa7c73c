package mapping

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"paybridge/normalizer/document"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// FuzzMap sends any body through packs of every shape. Whatever it is, it becomes
// events that can be published or dead letters with a reason of the closed set, the
// same ones every time, and an item travels byte for byte.
func FuzzMap(f *testing.F) {
	programs := []*Program{compile(f, orders, Settings{})}
	for _, name := range []string{"pik", "picpay", "bidali"} {
		programs = append(programs, builtIn(f, name))
	}
	for _, seed := range []string{
		picpay,
		`{"event":"payment.confirmed","id":"evt_xyz789","created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":"txn_def456","amount":"75.00","currency":"USDT"}}`,
		`{"id":"1234","type:":"charge.success","data":{"id":"9a4f","amount":"5","currency":"USD","statusCode":300,"status":"success","timeline":[{"id":"t","time":"2018-08-17T18:43:11.808Z"}],` +
			`"payments":{"ethereum":{"transactions":[{"hash":"0xdf","amount":"0.01743"}]}}}}`,
		`{"events":[{"type":"in.x","id":"e","at":"2024-01-15T07:45:00-03:00","data":{"ref":"r","amount":1.50,"currency":"BRL","fee":"7","hashes":["a"],"payer":{"kind":"CPF","number":"1"}}},{"type":5}]}`,
		`{"ping":true}`, `[]`, `null`, `{"events":[null,1,"x",[],{}]}`, `{"type":"\u0000\ud83d\ude00"}`, `{"id":"1","type":">","data":{"statusCode":1e400}}`,
	} {
		f.Add([]byte(seed), "TransactionUpdateMessage")
	}
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		for _, p := range programs {
			d := deliver(string(body))
			if utf8.ValidString(header) {
				d.Header = map[string][]string{"Event-Type": {header}}
			}
			checkProgram(t, p, d)
		}
	})
}

// FuzzPacks sends any body and any values of the stored headers through every pack that
// the program ships with, in the place of each of its fixtures.
func FuzzPacks(f *testing.F) {
	library, err := provider.BuiltIn()
	if err != nil {
		f.Fatal(err)
	}
	type place struct {
		program  *Program
		pack     string
		endpoint string
		names    []string // of headers
	}
	var places []place
	for _, name := range library.Names() {
		fixtures, err := library.Fixtures(name)
		if err != nil {
			f.Fatal(err)
		}
		program := builtIn(f, name)
		for _, fixture := range fixtures {
			header := ""
			var names []string
			for name, values := range fixture.Header {
				if names = append(names, name); len(fixture.Header) == 1 || values[0] > header {
					header = values[0]
				}
			}
			f.Add(uint16(len(places)), fixture.Body, header)
			places = append(places, place{program, name, fixture.Endpoint, names})
		}
	}
	f.Fuzz(func(t *testing.T, which uint16, body []byte, header string) {
		at := places[int(which)%len(places)]
		d := deliver(string(body))
		d.Source, d.Provider = at.pack, at.pack
		if at.endpoint != "" {
			d.Endpoint = at.endpoint
		}
		if utf8.ValidString(header) {
			d.Header = map[string][]string{}
			for _, name := range at.names {
				d.Header[name] = []string{header}
			}
		}
		checkProgram(t, at.program, d)
	})
}

// checkProgram holds a program to its promise on one delivery.
func checkProgram(t *testing.T, p *Program, d *delivery.Delivery) {
	doc, undecoded := p.Decode(d)
	if undecoded != nil {
		checkDead(t, undecoded)
		return
	}
	first, second := p.Map(d, doc, 1), p.Map(d, doc, 1)
	if len(first) == 0 || len(first) != len(second) {
		t.Fatalf("%d items, then %d", len(first), len(second))
	}
	for i := range first {
		checkItem(t, d.Body, first[i], second[i])
	}
}

func checkItem(t *testing.T, body []byte, first, second Item) {
	if (first.Event == nil) == (first.Dead == nil) || (first.Event == nil) != (second.Event == nil) {
		t.Fatalf("items are %+v and %+v", first, second)
	}
	if first.Dead != nil {
		checkDead(t, first.Dead)
		return
	}
	a, err := first.Event.AppendStructured(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := second.Event.AppendStructured(nil)
	if err != nil || !bytes.Equal(a, b) {
		t.Fatalf("one delivery gives\n%s\nand\n%s", a, b)
	}
	if json.Valid(body) && !bytes.Contains(body, first.Event.Native) { // a form holds it escaped
		t.Fatalf("native is not a part of the body: %s", first.Event.Native)
	}
	if _, err := document.Decode(a, document.Limits{Depth: 80}); err != nil {
		t.Fatalf("the event is not JSON: %v", err)
	}
}

func checkDead(t *testing.T, d *Dead) {
	switch d.Reason {
	case delivery.MalformedJSON, delivery.TooDeep, delivery.TooLarge, delivery.MappingFailed, delivery.Ignored:
	default:
		t.Fatalf("the reason is %q", d.Reason)
	}
	if d.Problem == "" || len(d.Error()) > 8192 || !utf8.ValidString(d.Error()) {
		t.Fatalf("the dead letter says %q", d.Error())
	}
}
