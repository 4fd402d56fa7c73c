package mapping

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestMoneyAndMinor(t *testing.T) {
	const refused = "takes an amount, as number or text, and a currency"
	for _, c := range []struct{ expression, want string }{
		{`money("75.00", "USDT")`, "75.00 USDT nullunknown_exponent"},
		{`money(item.n, "brl")`, "100.00 BRL 10000"},
		{`money(5, "JPY")`, "5 JPY 5"},
		{`money("1.999", "BRL")`, "1.999 BRL nullexcess_precision"},
		{`money(item.big, "ETH")`, "123456789.123456789123456789 ETH nullunknown_exponent"},
		{`minor(item.cents, "BRL")`, "100.01 BRL 10001"},
		{`minor("7", "BRL")`, "0.07 BRL 7"},
		{`money(item.missing, "BRL")`, "absent"},
		{`money(item.?missing, "BRL")`, "absent"},
		{`money(item.nil, "BRL")`, "absent"},
		{`money("1", item.nil)`, "absent"},
		{`money("", "BRL")`, "error: money: " + refused},
		{`money("1,00", "BRL")`, "error: money: " + refused},
		{`money(true, "BRL")`, "error: money: " + refused},
		{`money(item, "BRL")`, "error: money: " + refused},
		{`money("1", 5)`, "error: money: " + refused},
		{`money("1", "")`, "error: money: " + refused},
		{`minor("1.5", "BRL")`, "error: minor: " + refused},
		{`money("1", "BRL") == money("1.00", "BRL") && money("1", "BRL") != money("1", "USD")`, "true"},
	} {
		if got := show(evaluate(t, `{"n":100.00,"big":123456789.123456789123456789,"cents":10001,"nil":null}`, c.expression)); got != c.want {
			t.Errorf("%s\n is %s\nnot %s", c.expression, got, c.want)
		}
	}
}

// TestMinorOfAnUnknownCurrency: major units would be a guess, so the field is null
// and a note says why.
func TestMinorOfAnUnknownCurrency(t *testing.T) {
	p := compile(t, `
type_prefix: com.acme
type: item.type
id: item.id
payment: {amount: 'minor(item.amount, "USDT")', fee: 'money("1.0", "USDT")', net: 'minor("5", "BRL")'}`, Settings{})
	pay := one(t, p, `{"type":"t","id":"e","amount":5}`).Payment
	if pay.Amount != nil || money(pay.Fee) != "1.0 USDT null" || money(pay.Net) != "0.05 BRL 5" {
		t.Errorf("amount %s, fee %s, net %s", money(pay.Amount), money(pay.Fee), money(pay.Net))
	}
	if len(pay.Notes) != 1 || pay.Notes[0] != "unknown_exponent" {
		t.Errorf("notes are %q", pay.Notes)
	}
}

func TestDocument(t *testing.T) {
	for _, c := range []struct{ expression, want string }{
		{`document("CPF", "29708061000")`, "CPF ***.080.610-**"},
		{`document("cpf", "297.080.610-00")`, "CPF ***.080.610-**"},
		{`document("CNPJ", "11222333000181")`, "CNPJ **.222.333/****-**"},
		{`document("CNPJ", "12ABC34501DE35")`, "CNPJ **.ABC.345/****-**"},
		{`document("CPF", item.n)`, "CPF ***.080.610-**"},
		{`document("CPF", "123456789")`, "CPF ***456***"},
		{`document("PASSPORT", "AB1234567890")`, "PASSPORT ****3456****"},
		{`document("PASSPORT", "AB123456")`, "PASSPORT ********"},
		{`document("RG", "1")`, "RG *"},
		{`document("RG", "")`, "RG "},
		{`document("RG", item.long)`, "RG " + strings.Repeat("*", 32)},
		{`document(item.long, "1")`, "UNKNOWN *"},
		{`document(item.nil, "1")`, "UNKNOWN *"},
		{`document(item.?missing, "1")`, "UNKNOWN *"},
		{`document(item.missing, "1")`, "absent"},
		{`document("CPF", item.nil)`, "absent"},
		{`document("CPF", item)`, "error: document: the number is not a text or a number"},
		{`document(item, "1")`, "error: document: the type is not a text"},
	} {
		if got := show(evaluate(t, `{"n":29708061000,"nil":null,"long":"`+strings.Repeat("7", 5000)+`"}`, c.expression)); got != c.want {
			t.Errorf("%s is %s, not %s", c.expression, got, c.want)
		}
	}
}

// TestMaskHidesMost: of no document does more than the larger half stay readable.
func TestMaskHidesMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"CPF", "CNPJ", "PASSPORT", "UNKNOWN"}).Draw(t, "kind")
		number := rapid.StringMatching(`[0-9A-Zé.\-/]{0,40}`).Draw(t, "number")
		masked := mask(kind, number)
		kept := 0
		for _, r := range masked {
			if r != '*' && r != '.' && r != '-' && r != '/' {
				kept++
			}
		}
		length := utf8.RuneCountInString(strings.NewReplacer(".", "", "-", "", "/", "").Replace(number))
		if kept > 6 && kept > length/3 || kept > 0 && length < 9 || kept > length*6/11 {
			t.Errorf("%s %q is %q: %d of %d characters are readable", kind, number, masked, kept, length)
		}
	})
}
