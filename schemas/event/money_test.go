package event

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"pgregory.net/rapid"
)

// show is money on one line: value, currency, minor, exponent, notes.
func show(m Money, notes []string) string {
	minor, exponent := "null", "null"
	if m.Minor != nil {
		minor = *m.Minor
	}
	if m.Exponent != nil {
		exponent = fmt.Sprint(*m.Exponent)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", m.Value, m.Currency, minor, exponent, strings.Join(notes, " ")))
}

func TestNewMoney(t *testing.T) {
	uint256 := "115792089237316195423570985008687907853269984665640564039457584007913129639935"
	for _, tt := range []struct{ value, currency, want string }{
		{"75.00", "USDT", "75.00 USDT null null unknown_exponent"},
		{"100.00", "BRL", "100.00 BRL 10000 2"},
		{"100", "BRL", "100.00 BRL 10000 2"},
		{"100.5", "brl", "100.50 BRL 10050 2"},
		{"0.01", "USD", "0.01 USD 1 2"},
		{"0", "USD", "0.00 USD 0 2"},
		{"0.00", "JPY", "0.00 JPY null 0 excess_precision"},
		{"1500", "JPY", "1500 JPY 1500 0"},
		{"1500.5", "JPY", "1500.5 JPY null 0 excess_precision"},
		{"1.5", "KWD", "1.500 KWD 1500 3"},
		{"1.2345", "CLF", "1.2345 CLF 12345 4"},
		{"10.005", "USD", "10.005 USD null 2 excess_precision"},
		{"10.000", "USD", "10.000 USD null 2 excess_precision"},
		{"007.50", "USD", "7.50 USD 750 2"},
		{"1e3", "USD", "1000.00 USD 100000 2"},
		{"1.5E+1", "USD", "15.00 USD 1500 2"},
		{"15e-1", "USD", "1.50 USD 150 2"},
		{"15e-3", "USD", "15e-3 USD null 2 excess_precision"},
		{"1e3", "USDT", "1e3 USDT null null unknown_exponent"},
		{"-10.00", "USD", "10.00 USD 1000 2 negative_amount"},
		{"-10.001", "USD", "10.001 USD null 2 negative_amount excess_precision"},
		{"-0.0", "USD", "0.00 USD 0 2"},
		{"-1", "usdc", "1 USDC null null negative_amount unknown_exponent"},
		{uint256, "ETH", uint256 + " ETH null null unknown_exponent"},
		{"12345678901234567890.12", "USD", "12345678901234567890.12 USD 1234567890123456789012 2"},
		{"0.1", "XAU", "0.1 XAU null null unknown_exponent"},
	} {
		m, notes, err := NewMoney(tt.value, tt.currency)
		if err != nil {
			t.Errorf("NewMoney(%q, %q): %v", tt.value, tt.currency, err)
			continue
		}
		if got := show(m, notes); got != tt.want {
			t.Errorf("NewMoney(%q, %q) = %s, want %s", tt.value, tt.currency, got, tt.want)
		}
		if problem := m.validate(); problem != "" {
			t.Errorf("NewMoney(%q, %q) %s", tt.value, tt.currency, problem)
		}
	}
}

func TestMoneyFromMinor(t *testing.T) {
	for _, tt := range []struct{ minor, currency, want string }{
		{"10000", "BRL", "100.00 BRL 10000 2"},
		{"5", "BRL", "0.05 BRL 5 2"},
		{"0", "BRL", "0.00 BRL 0 2"},
		{"0050", "BRL", "0.50 BRL 50 2"},
		{"1500", "JPY", "1500 JPY 1500 0"},
		{"1", "KWD", "0.001 KWD 1 3"},
		{"1e2", "USD", "1.00 USD 100 2"},
		{"-250", "usd", "2.50 USD 250 2 negative_amount"},
	} {
		m, notes, err := MoneyFromMinor(tt.minor, tt.currency)
		if err != nil {
			t.Errorf("MoneyFromMinor(%q, %q): %v", tt.minor, tt.currency, err)
			continue
		}
		if got := show(m, notes); got != tt.want {
			t.Errorf("MoneyFromMinor(%q, %q) = %s, want %s", tt.minor, tt.currency, got, tt.want)
		}
		if problem := m.validate(); problem != "" {
			t.Errorf("MoneyFromMinor(%q, %q) %s", tt.minor, tt.currency, problem)
		}
	}
}

func TestMoneyRefuses(t *testing.T) {
	for _, tt := range []struct {
		value, currency string
		want            error
	}{
		{"", "USD", errNotDecimal},
		{"-", "USD", errNotDecimal},
		{"--1", "USD", errNotDecimal},
		{"+1", "USD", errNotDecimal},
		{".5", "USD", errNotDecimal},
		{"5.", "USD", errNotDecimal},
		{"5.e1", "USD", errNotDecimal},
		{"1,000.00", "USD", errNotDecimal},
		{"1 000", "USD", errNotDecimal},
		{" 1", "USD", errNotDecimal},
		{"1\n", "USD", errNotDecimal},
		{"1.2.3", "USD", errNotDecimal},
		{"1e", "USD", errNotDecimal},
		{"1e+", "USD", errNotDecimal},
		{"1e-+1", "USD", errNotDecimal},
		{"1e1.5", "USD", errNotDecimal},
		{"0x10", "USD", errNotDecimal},
		{"1_000", "USD", errNotDecimal},
		{"NaN", "USD", errNotDecimal},
		{"Infinity", "USD", errNotDecimal},
		{"١", "USD", errNotDecimal},
		{"1e129", "USD", errTooLong},
		{"1e-129", "USD", errTooLong},
		{"1e999999999999999999999999", "USD", errTooLong},
		{"0e999999999999999999999999", "USD", errTooLong},
		{"1e-999999999999999999999999", "USD", errTooLong},
		{"1e18446744073709551617", "USD", errTooLong}, // 1e1 in 64 bits
		{strings.Repeat("0", 257), "USD", errTooLong},
		{strings.Repeat("9", 129), "USD", errTooLong},
		{strings.Repeat("9", 1<<20), "USD", errTooLong},
		{"1", "", errCurrency},
		{"1", "US\nD", errCurrency},
		{"1", "\xff", errCurrency},
		{"1", strings.Repeat("T", 33), errCurrency},
		{"1", strings.Repeat("ɐ", 16), errCurrency}, // 32 bytes that upper case makes 48
	} {
		if m, _, err := NewMoney(tt.value, tt.currency); !errors.Is(err, tt.want) || m != (Money{}) {
			t.Errorf("NewMoney(%.40q, %q) = %v, %v, want %v", tt.value, tt.currency, m, err, tt.want)
		}
		if _, _, err := MoneyFromMinor(tt.value, tt.currency); err == nil {
			t.Errorf("MoneyFromMinor(%.40q, %q) takes it", tt.value, tt.currency)
		}
	}
	for value, want := range map[string]error{"1.0": errNotInteger, "1e-1": errNotInteger} {
		if _, _, err := MoneyFromMinor(value, "USD"); !errors.Is(err, want) {
			t.Errorf("MoneyFromMinor(%q): %v, want %v", value, err, want)
		}
	}
	for _, currency := range []string{"USDT", "XAU", "XXX"} {
		if m, _, err := MoneyFromMinor("100", currency); !errors.Is(err, ErrUnknownExponent) || m != (Money{}) {
			t.Errorf("minor units of %s: %v, %v: that is a guess", currency, m, err)
		}
	}
}

func TestExponent(t *testing.T) {
	for currency, want := range map[string]int{
		"BRL": 2, "USD": 2, "EUR": 2, "JPY": 0, "CLP": 0, "KWD": 3, "TND": 3, "CLF": 4, "UYW": 4,
		"": -1, "usd": -1, "USDT": -1, "XAU": -1, "XXX": -1, "XTS": -1, "XDR": -1, "BTC": -1, "SDB": -1,
	} {
		got, known := Exponent(currency)
		if !known {
			got = -1
		}
		if got != want {
			t.Errorf("Exponent(%q) = %d, want %d", currency, got, want)
		}
	}
	letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	count := [5]int{}
	for _, a := range letters {
		for _, b := range letters {
			for _, c := range letters {
				if exponent, known := Exponent(string([]rune{a, b, c})); known {
					count[exponent]++
				}
			}
		}
	}
	if want := [5]int{17, 0, count[2], 7, 2}; count != want || count[2] < 140 {
		t.Errorf("currencies by exponent %v, want %v", count, want)
	}
}

// checkMoney compares what NewMoney made of value with a second opinion: apd.
func checkMoney(t interface{ Fatalf(string, ...any) }, value, currency string) {
	m, notes, err := NewMoney(value, currency)
	if err != nil {
		return
	}
	exact, _, err := apd.NewFromString(value)
	if err != nil {
		t.Fatalf("%q is an amount, but not to apd: %v", value, err)
	}
	exact.Negative = false
	got, _, err := apd.NewFromString(m.Value)
	if err != nil || got.Cmp(exact) != 0 || m.Value[0] == '-' {
		t.Fatalf("%q became %q", value, m.Value)
	}
	if problem := m.validate(); problem != "" {
		t.Fatalf("%q of %q %s", value, currency, problem)
	}
	exponent, known := Exponent(m.Currency)
	excess := known && int(exact.Exponent) < -exponent
	if slices.Contains(notes, NoteExcessPrecision) != excess || slices.Contains(notes, NoteUnknownExponent) == known {
		t.Fatalf("%q of %q has the notes %v", value, currency, notes)
	}
	if (m.Minor != nil) != (known && !excess) {
		t.Fatalf("%q of %q: minor %v", value, currency, m.Minor)
	}
	if m.Minor == nil {
		return
	}
	if decimals := len(m.Value) - strings.IndexByte(m.Value+".", '.') - 1; max(decimals, 0) != exponent {
		t.Fatalf("%q of %q became %q: not %d decimals", value, currency, m.Value, exponent)
	}
	minor, ok := new(big.Int).SetString(*m.Minor, 10)
	if !ok || minor.String() != *m.Minor {
		t.Fatalf("%q of %q: minor %q is no integer text", value, currency, *m.Minor)
	}
	scaled := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(minor), int32(-exponent))
	if scaled.Cmp(exact) != 0 {
		t.Fatalf("%q of %q: minor %q", value, currency, *m.Minor)
	}
	again, _, err := MoneyFromMinor(*m.Minor, currency)
	if err != nil || show(again, nil) != show(m, nil) {
		t.Fatalf("from minor units: %s, %v, want %s", show(again, nil), err, show(m, nil))
	}
}

func TestMoneyIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`-?[0-9]{1,80}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "value")
		checkMoney(t, value, rapid.SampledFrom([]string{"BRL", "JPY", "KWD", "CLF", "USDT"}).Draw(t, "currency"))
	})
}

func FuzzMoney(f *testing.F) {
	for _, value := range []string{"75.00", "-0", "1e3", "1E-128", "00.10", "9e99999999999", ".5", "1,5", "", "NaN", strings.Repeat("9", 300)} {
		for _, currency := range []string{"BRL", "JPY", "USDT", "ß"} {
			f.Add(value, currency)
		}
	}
	f.Fuzz(func(t *testing.T, value, currency string) { checkMoney(t, value, currency) })
}
