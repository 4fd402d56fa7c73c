package document

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCompareNumbers(t *testing.T) {
	ascending := []string{
		"-1e999999999999999999999", "-1e400", "-100.01", "-100", "-1", "-0.5", "-1e-999999999999", "0", "1e-400", "0.001", "0.01", "0.5", "1",
		"1.0000000000000000000000001", "9", "10", "99.99", "100", "9007199254740992", "9007199254740993", "1e400", "1e401", "1e9999999999",
	}
	for i, a := range ascending {
		for j, b := range ascending {
			want := max(-1, min(1, i-j))
			if got := CompareNumbers(a, b); got != want {
				t.Errorf("compare(%s, %s) is %d, want %d", a, b, got, want)
			}
		}
	}
	for _, alike := range [][]string{
		{"0", "-0", "0.0", "0e5", "-0.00E-7", "0e99999999999999999999"},
		{"100", "100.00", "1e2", "1E+2", "0.1e3", "1000e-1", "0.0001e6"},
		{"-0.05", "-5e-2", "-0.050", "-50E-3"},
		{"12.5", "125e-1", "0.125e2", "12.50000"},
	} {
		for _, a := range alike {
			for _, b := range alike {
				if CompareNumbers(a, b) != 0 {
					t.Errorf("%s is not equal to %s", a, b)
				}
			}
		}
	}
}

func TestInteger(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "0.000": 0, "0e9": 0, "7": 7, "-7": -7, "100.00": 100, "1e2": 100, "1.5e1": 15, "12300e-2": 123,
		"9223372036854775807": 9223372036854775807, "-9223372036854775808": -9223372036854775808, "9.223372036854775807e18": 9223372036854775807,
	} {
		if got, ok := Integer(text); !ok || got != want {
			t.Errorf("%s is %d %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"0.5", "1.05", "-1e-1", "9223372036854775808", "-9223372036854775809", "1e19", "1e400", "1e999999999999999999", "1e-400"} {
		if got, ok := Integer(text); ok {
			t.Errorf("%s is taken for %d", text, got)
		}
	}
}

// jsonNumber generates numbers as JSON writes them.
func jsonNumber(t *rapid.T) string {
	text := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign")
	text += rapid.StringMatching(`0|[1-9][0-9]{0,6}`).Draw(t, "whole")
	if rapid.Bool().Draw(t, "has a fraction") {
		text += "." + rapid.StringMatching(`[0-9]{1,6}`).Draw(t, "fraction")
	}
	if rapid.Bool().Draw(t, "has an exponent") {
		text += fmt.Sprintf("e%d", rapid.IntRange(-8, 8).Draw(t, "exponent"))
	}
	return text
}

func TestNumbersAgainstRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := jsonNumber(t), jsonNumber(t)
		x, ok := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		if !ok || !ok2 {
			t.Fatal(a, b)
		}
		if got, want := CompareNumbers(a, b), x.Cmp(y); got != want {
			t.Errorf("compare(%s, %s) is %d, want %d", a, b, got, want)
		}
		i, isInteger := Integer(a)
		if want := x.IsInt() && x.Num().IsInt64(); isInteger != want || want && x.Num().Int64() != i {
			t.Errorf("%s: %d %v, want %v %v", a, i, isInteger, x, want)
		}
	})
}

func TestNumbersAllocateNothing(t *testing.T) {
	long := strings.Repeat("9", 1000) + "e-12345"
	if n := testing.AllocsPerRun(100, func() { CompareNumbers(long, "100.00"); Integer("10000") }); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
}
