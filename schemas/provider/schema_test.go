package provider

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"paybridge/schemas/event"
)

// compiled is a schema of the library, compiled as a consumer would.
func compiled(t *testing.T, l *Library, provider, nativeType, version string) *jsonschema.Schema {
	t.Helper()
	data, ok := l.Schema(provider, nativeType, version)
	if !ok {
		t.Fatalf("%s %s %s: no schema", provider, nativeType, version)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("data.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("data.json")
	if err != nil {
		t.Fatalf("%s %s: %v", provider, nativeType, err)
	}
	return schema
}

// valid says whether data is valid under a schema.
func valid(t *testing.T, s *jsonschema.Schema, data []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

func TestSchemasThatAreThere(t *testing.T) {
	l := acme(t, good)
	for _, c := range []struct {
		provider, nativeType, version string
		there                         bool
	}{
		{"acme", "paid", "2", true},
		{"acme", "anything", "2", true},
		{"acme", "", "2", true},
		{"acme", "paid", "1", false},
		{"acme", "paid", "", false},
		{"acne", "paid", "2", false},
	} {
		if _, ok := l.Schema(c.provider, c.nativeType, c.version); ok != c.there {
			t.Errorf("%+v: %t", c, ok)
		}
	}
	if _, ok := acme(t, change(t, "type: item.event", "type: [1]")).Schema("acme", "paid", "2"); ok {
		t.Error("a pack that is not in order has a schema")
	}
}

func TestASchemaIsComposed(t *testing.T) {
	l := acme(t, good)
	payment, err := json.Marshal(event.Payment{Kind: event.Payin, Direction: event.In, State: event.Confirmed, Rail: event.Pix, ReceivedAt: "2026-01-15T12:00:00Z", Notes: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]bool{
		`{"payment": ` + string(payment) + `, "native": {"event": "paid"}}`:          true,
		`{"payment": ` + string(payment) + `}`:                                       true,
		`{"payment": ` + string(payment) + `, "native": {"event": 1}}`:               false,
		`{"payment": ` + string(payment) + `, "native": []}`:                         false,
		`{"payment": {}, "native": {"event": "paid"}}`:                               false,
		`{"native": {"event": "paid"}}`:                                              false,
		`{"payment": ` + strings.Replace(string(payment), `"payin"`, `"p"`, 1) + `}`: false,
	} {
		if err := valid(t, compiled(t, l, "acme", "paid", "2"), []byte(data)); (err == nil) != want {
			t.Errorf("%s: %v", data, err)
		}
	}
	// The other types have the schema of "*", and those of a pack without "*" any item.
	if err := valid(t, compiled(t, l, "acme", "other", "2"), []byte(`{"payment": `+string(payment)+`, "native": {"event": 1}}`)); err != nil {
		t.Error(err)
	}
	bare := acme(t, change(t, `schemas: {paid: paid.schema.json, "*": any.schema.json}`, "schemas: {paid: paid.schema.json}"))
	if err := valid(t, compiled(t, bare, "acme", "other", "2"), []byte(`{"payment": `+string(payment)+`, "native": 5}`)); err != nil {
		t.Error(err)
	}
}

func TestASchemaNamesItself(t *testing.T) {
	l := acme(t, good)
	for nativeType, want := range map[string]string{
		"payment.paid": "urn:paybridge:schema:acme:payment.paid:2",
		"charge:paid":  "urn:paybridge:schema:acme:charge:paid:2",
		"a b/\xff:é%=": "urn:paybridge:schema:acme:a=20b/=FF:=C3=A9=25=3D:2",
		"a=20b":        "urn:paybridge:schema:acme:a=20b:2",
		"a=2":          "urn:paybridge:schema:acme:a=3D2:2",
	} {
		data, _ := l.Schema("acme", nativeType, "2")
		var schema struct {
			ID     string `json:"$id"`
			Schema string `json:"$schema"`
		}
		if err := json.Unmarshal(data, &schema); err != nil || schema.ID != want || schema.Schema != dialect {
			t.Errorf("%+v %v, want %s", schema, err, want)
		}
	}
	for _, text := range []string{"payment.confirmed", "a b/\xff:é%=\x00?#\"<>^`{|}\\", strings.Repeat("~", 300), ""} {
		if got, want := uriText(text), event.URIText(text); got != want {
			t.Errorf("%q: %s, the events have %s", text, got, want)
		}
	}
}

func TestASchemaIsFoundByItsEscapedName(t *testing.T) {
	l := acme(t, change(t, "paid: paid.schema.json", `"is paid": paid.schema.json`))
	for _, nativeType := range []string{"is paid", "is=20paid"} {
		if data, _ := l.Schema("acme", nativeType, "2"); !bytes.Contains(data, []byte("native:paid.schema.json:2")) {
			t.Errorf("%s: another schema: %s", nativeType, data[:100])
		}
	}
}

// TestThePaymentSchemaIsThePayment compares the schema with the type that is
// written: every field in both, required, and the same words.
func TestThePaymentSchemaIsThePayment(t *testing.T) {
	var schema struct {
		Required   []string
		Properties map[string]struct{ Enum []string }
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(paymentSchema, &schema); err != nil {
		t.Fatal(err)
	}
	fields := reflect.TypeFor[event.Payment]()
	for i := range fields.NumField() {
		name := fields.Field(i).Tag.Get("json")
		if _, ok := schema.Properties[name]; !ok {
			t.Errorf("%s is not in the schema", name)
		}
	}
	if len(schema.Required) != fields.NumField() || len(schema.Properties) != fields.NumField() {
		t.Errorf("the schema requires %d and has %d fields, the payment %d", len(schema.Required), len(schema.Properties), fields.NumField())
	}
	if n := reflect.TypeFor[event.Money]().NumField(); len(schema.Defs["money"].Properties) != n {
		t.Errorf("money has %d fields", n)
	}
	if n := reflect.TypeFor[event.Party]().NumField(); len(schema.Defs["party"].Properties) != n {
		t.Errorf("a party has %d fields", n)
	}
	for name, words := range map[string][]string{"kind": ruleKinds, "direction": ruleDirections, "state": ruleStates} {
		if !reflect.DeepEqual(schema.Properties[name].Enum, words) {
			t.Errorf("%s: the schema has %v, the rules %v", name, schema.Properties[name].Enum, words)
		}
	}
	// Every field that a pack sets is one of the payment.
	for _, field := range paymentFields {
		name, _, _ := strings.Cut(field, ".")
		if _, ok := schema.Properties[name]; !ok {
			t.Errorf("%s is no field of the schema", field)
		}
	}
}

// TestEveryFixturesEventsAreValid holds the events of the built-in packs' fixtures
// to the schemas that their dataschema names.
func TestEveryFixturesEventsAreValid(t *testing.T) {
	l, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, name := range l.Names() {
		fixtures, err := l.Fixtures(name)
		if err != nil {
			t.Fatal(err)
		}
		events, err := l.Events(name)
		if err != nil {
			t.Fatal(err)
		}
		schemas := map[string]*jsonschema.Schema{} // by the file that describes the type
		for _, f := range fixtures {
			for i, text := range f.Events {
				var e struct {
					DataSchema, Type string
					Data             json.RawMessage
				}
				if err := json.Unmarshal(text, &e); err != nil {
					t.Fatalf("%s: %v", f.At, err)
				}
				rest, ok := strings.CutPrefix(e.DataSchema, "urn:paybridge:schema:"+name+":")
				colon := strings.LastIndexByte(rest, ':')
				if !ok || colon < 0 {
					t.Errorf("%s: event-%d.json: dataschema %q", f.At, i, e.DataSchema)
					continue
				}
				file := events.schemaFile(rest[:colon])
				if schemas[file] == nil {
					schemas[file] = compiled(t, l, name, rest[:colon], rest[colon+1:])
				}
				if err := valid(t, schemas[file], e.Data); err != nil {
					t.Errorf("%s: event-%d.json: %v", f.At, i, err)
				}
				checked++
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d events", checked)
	}
}
