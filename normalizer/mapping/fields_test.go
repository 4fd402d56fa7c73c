package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"paybridge/schemas/provider"
)

// valueFor is an expression of a value that a field takes, and of one of the wrong
// kind that only a body reveals.
func valueFor(f paymentField) (right, wrong string) {
	switch {
	case f.name == "rail":
		return `"pix"`, "item.object"
	case f.money != nil:
		return `money("1.00", "BRL")`, "item.object"
	case f.document != nil:
		return `document("CPF", "29708061000")`, "item.object"
	case f.name == "network.tx_hashes":
		return "item.texts", "item.object"
	}
	return `"` + f.name + `"`, "item.object"
}

func onField(t *testing.T, fields ...provider.Let) *Program {
	t.Helper()
	p, err := Compile(&provider.Events{
		Name: "acme", TypePrefix: "com.acme", Payment: fields,
		Type: provider.Text{Text: `"t"`}, ID: provider.Text{Text: `"e"`}, Time: provider.Text{Text: "time(item.at)"},
	}, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const fieldBody = `{"object":{},"list":[],"nil":null,"texts":["a",null,5],"nested":[["x"]],"at":"2024-01-15T10:00:00Z"}`

// TestEachFieldAlone sets one field and sees that it, and nothing else, is there.
func TestEachFieldAlone(t *testing.T) {
	nothing, err := one(t, onField(t), fieldBody).AppendStructured(nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, f := range paymentFields {
		right, wrong := valueFor(f)
		e := one(t, onField(t, provider.Let{Name: f.name, Expr: provider.Text{Text: right}}), fieldBody)
		encoded, err := e.AppendStructured(nil)
		if err != nil {
			t.Fatal(err)
		}
		if string(encoded) == string(nothing) {
			t.Errorf("%s changes nothing", f.name)
		}
		if other, ok := seen[string(encoded)]; ok {
			t.Errorf("%s and %s are one field", f.name, other)
		}
		seen[string(encoded)] = f.name

		for _, absent := range []string{"item.nil", "item.missing", "item.?missing"} {
			e := one(t, onField(t, provider.Let{Name: f.name, Expr: provider.Text{Text: absent}}), fieldBody)
			encoded, err := e.AppendStructured(nil)
			if err != nil || string(encoded) != string(nothing) {
				t.Errorf("%s of %s is not null: %s %v", f.name, absent, encoded, err)
			}
		}
		got := dead(t, onField(t, provider.Let{Name: f.name, Expr: provider.Text{Text: wrong}}), fieldBody)
		if !strings.HasPrefix(got.Problem, "payment."+f.name+": is not ") && !strings.HasPrefix(got.Problem, "payment."+f.name+": is a list or an object") {
			t.Errorf("%s of an object: %v", f.name, got)
		}
	}
}

// TestAllFieldsAtOnce: a draft has room for everything, and every field its own place.
func TestAllFieldsAtOnce(t *testing.T) {
	var all []provider.Let
	for _, f := range paymentFields {
		right, _ := valueFor(f)
		all = append(all, provider.Let{Name: f.name, Expr: provider.Text{Text: right}})
	}
	slices.Reverse(all) // the order of the file is no matter
	pay := one(t, onField(t, all...), fieldBody).Payment
	for name, got := range map[string]*string{
		"id": pay.ID, "reference": pay.Reference, "parent": pay.Parent,
		"network.end_to_end_id": pay.Network.EndToEndID, "network.txid": pay.Network.TxID, "network.return_id": pay.Network.ReturnID,
		"network.chain": pay.Network.Chain, "payer.name": pay.Payer.Name, "payer.bank_ispb": pay.Payer.BankISPB,
		"payee.name": pay.Payee.Name, "payee.bank_ispb": pay.Payee.BankISPB,
		"provider_status": pay.ProviderStatus, "provider_code": pay.ProviderCode, "reason": pay.Reason,
	} {
		if text(got) != name {
			t.Errorf("%s is %s", name, text(got))
		}
	}
	for i, m := range []string{money(pay.Amount), money(pay.Original), money(pay.Refunded), money(pay.Fee), money(pay.Net)} {
		if m != "1.00 BRL 100" {
			t.Errorf("amount %d is %s", i, m)
		}
	}
	if got := fmt.Sprint(pay.Rail, *pay.Payer.Document, *pay.Payee.Document, pay.Network.TxHashes, text(pay.OccurredAt)); got !=
		"pix{CPF ***.080.610-**} {CPF ***.080.610-**} [a 5]2024-01-15T10:00:00Z" {
		t.Error(got)
	}
}

func TestTxHashes(t *testing.T) {
	for expression, want := range map[string]string{
		"item.list":                      "null",
		"item.texts":                     "[a 5]",
		`["x", "y"]`:                     "[x y]",
		"item.texts.map(x, string(x))":   "absent",
		"item.nested":                    "payment.network.tx_hashes: is not a list of texts",
		"item.many":                      "payment.network.tx_hashes: has more than 1,000 elements",
		"item.at":                        "payment.network.tx_hashes: is not a list of texts",
		"item.missing.map(x, x)":         "null",
		"item.nil.map(x, x)":             "error",
		"item.texts.filter(x, x == 'a')": "[a]",
	} {
		body := strings.Replace(fieldBody, `"at":`, `"many":["x"`+strings.Repeat(`,"x"`, 1000)+`],"at":`, 1)
		p := onField(t, provider.Let{Name: "network.tx_hashes", Expr: provider.Text{Text: expression}})
		item := mapDelivery(t, p, deliver(body))[0]
		switch {
		case item.Dead != nil && (want == item.Dead.Problem || want == "error"):
		case item.Dead != nil:
			t.Errorf("%s: %v, want %s", expression, item.Dead, want)
		case item.Event.Payment.Network == nil:
			if want != "null" && want != "absent" {
				t.Errorf("%s is null, want %s", expression, want)
			}
		default:
			if got := fmt.Sprint(item.Event.Payment.Network.TxHashes); got != want {
				t.Errorf("%s is %s, want %s", expression, got, want)
			}
		}
	}
}

// TestScalarsAsTexts: a field of texts takes a number as it is written.
func TestScalarsAsTexts(t *testing.T) {
	p := onField(t, provider.Let{Name: "reference", Expr: provider.Text{Text: "item.v"}})
	for written, want := range map[string]string{
		`"x"`: "x", `""`: "", "5": "5", "1.50e3": "1.50e3", "true": "true", "false": "false", `"\u00e9\u0000"`: "é\x00",
		"12345678901234567890.10": "12345678901234567890.10",
	} {
		if got := text(one(t, p, `{"v":`+written+`}`).Payment.Reference); got != want {
			t.Errorf("%s is %q, want %q", written, got, want)
		}
	}
}
