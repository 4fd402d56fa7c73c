package event

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(PaymentSchema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("payment.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("payment.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestEncodedPaymentsValidate(t *testing.T) {
	schema := compileSchema(t)
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent().Draw(t, "event")
		var w writer
		e.Payment.append(&w)
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.buf))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Fatalf("%v\n%s", err, w.buf)
		}
	})
}

func TestSchemaRefusesWhatValidateRefuses(t *testing.T) {
	schema := compileSchema(t)
	for name, change := range map[string]func(*Payment){
		"kind":        func(p *Payment) { p.Kind = "sale" },
		"state":       func(p *Payment) { p.State = "paid" },
		"direction":   func(p *Payment) { p.Direction = "" },
		"rail":        func(p *Payment) { p.Rail = "boleto" },
		"received_at": func(p *Payment) { p.ReceivedAt = "2025-01-15T10:30:00+00:00" },
		"occurred_at": func(p *Payment) { p.OccurredAt = ptr("") },
		"value":       func(p *Payment) { p.Amount.Value = "-1" },
		"minor":       func(p *Payment) { p.Amount.Minor = ptr("1.0") },
		"currency":    func(p *Payment) { p.Amount.Currency = "" },
		"exponent":    func(p *Payment) { p.Amount.Exponent = ptr(-2) },
		"notes":       func(p *Payment) { p.Notes = []string{"Not a word"} },
	} {
		e := testEvent()
		change(&e.Payment)
		if e.Payment.Validate() == nil {
			t.Errorf("%s: Validate takes it", name)
		}
		var w writer
		e.Payment.append(&w)
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.buf))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(instance) == nil {
			t.Errorf("%s: the schema takes %s", name, w.buf)
		}
	}
}

// The schema's words and fields are the code's, so that neither is changed alone.
func TestSchemaIsTheCode(t *testing.T) {
	var schema struct {
		Schema     string   `json:"$schema"`
		Required   []string `json:"required"`
		Properties map[string]struct {
			Enum []string `json:"enum"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(PaymentSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	if schema.Schema != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("$schema %q", schema.Schema)
	}
	for name, want := range map[string][]string{
		"kind": texts(Kinds()), "state": texts(States()), "direction": texts(Directions()), "rail": texts(Rails()),
	} {
		if got := schema.Properties[name].Enum; !slices.Equal(got, want) {
			t.Errorf("%s has the words %v, want %v", name, got, want)
		}
	}
	var fields []string
	for i := range reflect.TypeFor[Payment]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Payment]().Field(i).Tag.Get("json"), ",")
		fields = append(fields, name)
		if _, described := schema.Properties[name]; !described {
			t.Errorf("the schema has no %s", name)
		}
	}
	if !slices.Equal(schema.Required, fields) || len(schema.Properties) != len(fields) {
		t.Errorf("required %v, want %v", schema.Required, fields)
	}
}

func TestPaymentSchemaIsACopy(t *testing.T) {
	PaymentSchema()[0] = 'x'
	if PaymentSchema()[0] != '{' {
		t.Error("a caller can change the schema")
	}
}
