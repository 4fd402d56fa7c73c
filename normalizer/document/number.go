package document

import (
	"cmp"
	"strconv"
	"strings"
)

// CompareNumbers compares the values of two numbers as JSON writes them, exactly:
// -1, 0 or +1. It takes time linear in the texts, whatever their exponents.
func CompareNumbers(a, b string) int {
	x, y := parseNumber(a), parseNumber(b)
	if x.sign() != y.sign() {
		return cmp.Compare(x.sign(), y.sign())
	}
	if c := cmp.Compare(x.exponent, y.exponent); c != 0 {
		return c * x.sign()
	}
	for i, j := 0, 0; i < len(x.digits) || j < len(y.digits); {
		if c := cmp.Compare(x.next(&i), y.next(&j)); c != 0 {
			return c * x.sign()
		}
	}
	return 0
}

// Integer is the value of a number as JSON writes it, false where that is not an
// integer or does not fit: 100, 100.00 and 1e2 are all 100.
func Integer(text string) (int64, bool) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, true
	}
	n := parseNumber(text)
	if n.digits == "" {
		return 0, true
	}
	digits := strings.Replace(n.digits, ".", "", 1)
	if n.exponent < int64(len(digits)) || n.exponent > 19 {
		return 0, false
	}
	digits += strings.Repeat("0", int(n.exponent)-len(digits))
	if n.negative {
		digits = "-" + digits
	}
	i, err := strconv.ParseInt(digits, 10, 64)
	return i, err == nil
}

// exact is the value of a JSON number: 0.digits × 10^exponent, with no zero at
// either end of digits. Zero has no digits.
type exact struct {
	negative bool
	digits   string // may hold the decimal point as it was written
	exponent int64
}

// exponentCap keeps exponents, with the length of any text added, in an int64.
// Beyond it, numbers of the same sign and digits are taken for equal.
const exponentCap = 1_000_000_000_000_000

// parseNumber reads the text of a JSON number. It allocates nothing.
func parseNumber(text string) exact {
	var n exact
	text, n.negative = strings.CutPrefix(text, "-")
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		// A range error, all that the grammar leaves, saturates.
		exponent, _ := strconv.ParseInt(text[e+1:], 10, 64)
		n.exponent = max(-exponentCap, min(exponentCap, exponent))
		text = text[:e]
	}
	if whole := strings.IndexByte(text, '.'); whole >= 0 {
		n.exponent += int64(whole)
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	} else {
		n.exponent += int64(len(text))
	}
	for text != "" && (text[0] == '0' || text[0] == '.') {
		if text[0] == '0' {
			n.exponent--
		}
		text = text[1:]
	}
	if strings.IndexByte(text, '.') < 0 {
		text = strings.TrimRight(text, "0")
	}
	if text == "" {
		return exact{}
	}
	n.digits = text
	return n
}

func (n exact) sign() int {
	switch {
	case n.digits == "":
		return 0
	case n.negative:
		return -1
	}
	return 1
}

// next is the digit at *i, over the decimal point, zero beyond the end.
func (n exact) next(i *int) byte {
	if *i < len(n.digits) && n.digits[*i] == '.' {
		*i++
	}
	if *i >= len(n.digits) {
		return '0'
	}
	*i++
	return n.digits[*i-1]
}
