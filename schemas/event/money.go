package event

import (
	"errors"
	"strings"
)

// The notes that money makes.
const (
	NoteExcessPrecision = "excess_precision" // more decimals than the currency has: value is the provider's text
	NoteUnknownExponent = "unknown_exponent" // nobody knows how many decimals the currency has
	NoteNegativeAmount  = "negative_amount"  // the provider wrote a sign; it is left out, direction says it
)

// ErrUnknownExponent says that minor units cannot be read, because nobody knows how
// many decimals the currency has. The payment's field is null, with
// NoteUnknownExponent.
var ErrUnknownExponent = errors.New("money: the exponent of the currency is unknown")

// The errors of an amount or a currency that is none. They never hold the value.
var (
	errNotDecimal = errors.New(`money: not a decimal number such as "75.00"`)
	errNotInteger = errors.New("money: minor units are not an integer")
	errTooLong    = errors.New("money: more than 128 digits")
	errCurrency   = errors.New("money: currency is not 1 to 32 bytes of printable text")
)

const (
	maxDigits   = 128 // of an amount written out, before and after the point; a uint256 has 78
	maxCurrency = 32  // bytes
)

// NewMoney makes money from an amount in major units: a JSON number's text or a
// decimal text, with or without an exponent, of at most 128 digits. No digit of it
// is rounded, padded beyond the currency's decimals or passed through a float. The
// second result is notes for the payment.
func NewMoney(value, currency string) (Money, []string, error) {
	code, err := cleanCurrency(currency)
	if err != nil {
		return Money{}, nil, err
	}
	d, err := parseDecimal(value)
	if err != nil {
		return Money{}, nil, err
	}
	var notes []string
	if d.negative {
		notes = append(notes, NoteNegativeAmount)
	}
	m := Money{Value: strings.TrimPrefix(value, "-"), Currency: code}
	exponent, known := Exponent(code)
	if !known {
		return m, append(notes, NoteUnknownExponent), nil
	}
	m.Exponent = &exponent
	if d.decimals > exponent {
		return m, append(notes, NoteExcessPrecision), nil
	}
	minor := d.integer(exponent)
	m.Minor, m.Value = &minor, withPoint(minor, exponent)
	return m, notes, nil
}

// MoneyFromMinor makes money from an integer in minor units, such as cents. The
// error is ErrUnknownExponent where the currency's decimals are not known: its
// major units would be a guess.
func MoneyFromMinor(minor, currency string) (Money, []string, error) {
	code, err := cleanCurrency(currency)
	if err != nil {
		return Money{}, nil, err
	}
	d, err := parseDecimal(minor)
	if err != nil {
		return Money{}, nil, err
	}
	if d.decimals > 0 {
		return Money{}, nil, errNotInteger
	}
	exponent, known := Exponent(code)
	if !known {
		return Money{}, nil, ErrUnknownExponent
	}
	var notes []string
	if d.negative {
		notes = append(notes, NoteNegativeAmount)
	}
	digits := d.integer(0)
	return Money{Value: withPoint(digits, exponent), Currency: code, Minor: &digits, Exponent: &exponent}, notes, nil
}

// cleanCurrency is the code or token symbol in upper case.
func cleanCurrency(currency string) (string, error) {
	if currency == "" || len(currency) > maxCurrency || !isAttributeText(currency) {
		return "", errCurrency
	}
	if code := strings.ToUpper(currency); len(code) <= maxCurrency {
		return code, nil
	}
	return "", errCurrency
}

// decimal is digits × 10^-decimals; decimals may be negative.
type decimal struct {
	negative bool // and not zero
	digits   string
	decimals int
}

// parseDecimal reads an optional "-", digits, an optional point and digits, and an
// optional exponent: a JSON number, but for leading zeros, which are allowed.
func parseDecimal(text string) (decimal, error) {
	if len(text) > 2*maxDigits {
		return decimal{}, errTooLong
	}
	unsigned := strings.TrimPrefix(text, "-")
	whole, rest := cutDigits(unsigned)
	var fraction string
	if strings.HasPrefix(rest, ".") {
		fraction, rest = cutDigits(rest[1:])
		if fraction == "" {
			return decimal{}, errNotDecimal
		}
	}
	exponent, ok := parseExponent(rest)
	if whole == "" || !ok {
		return decimal{}, errNotDecimal
	}
	d := decimal{digits: strings.TrimLeft(whole+fraction, "0"), decimals: len(fraction) - exponent}
	d.negative = len(unsigned) < len(text) && d.digits != ""
	if d.decimals > maxDigits || len(d.digits)-min(d.decimals, 0) > maxDigits {
		return decimal{}, errTooLong
	}
	return d, nil
}

// cutDigits splits s after its leading digits.
func cutDigits(s string) (digits, rest string) {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return s[:n], s[n:]
}

// parseExponent reads "e+3". The number is capped where it is too long anyway.
func parseExponent(s string) (exponent int, ok bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	unsigned := strings.TrimPrefix(s[1:], "-")
	negative := len(unsigned) < len(s)-1
	if !negative {
		unsigned = strings.TrimPrefix(unsigned, "+")
	}
	digits, rest := cutDigits(unsigned)
	if digits == "" || rest != "" {
		return 0, false
	}
	for i := range len(digits) {
		exponent = min(10*exponent+int(digits[i]-'0'), 100*maxDigits)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true
}

// integer is d in units of 10^-exponent, where exponent is not less than d.decimals:
// without leading zeros, "0" for zero.
func (d decimal) integer(exponent int) string {
	if d.digits == "" {
		return "0"
	}
	if zeros := exponent - d.decimals; zeros > 0 {
		return d.digits + strings.Repeat("0", zeros)
	}
	return d.digits
}

// withPoint is minor units with the decimal point in its place.
func withPoint(minor string, exponent int) string {
	if exponent == 0 {
		return minor
	}
	if short := exponent + 1 - len(minor); short > 0 {
		minor = strings.Repeat("0", short) + minor
	}
	point := len(minor) - exponent
	return minor[:point] + "." + minor[point:]
}

// validate checks that m is what NewMoney or MoneyFromMinor makes.
func (m *Money) validate() string {
	d, err := parseDecimal(m.Value)
	if err != nil || strings.HasPrefix(m.Value, "-") {
		return "has a value that is not an unsigned decimal number"
	}
	if code, err := cleanCurrency(m.Currency); err != nil || code != m.Currency {
		return "has a currency that is not upper-case text of 1 to 32 bytes"
	}
	exponent, known := Exponent(m.Currency)
	switch {
	case known != (m.Exponent != nil), known && exponent != *m.Exponent:
		return "has an exponent that is not its currency's"
	case m.Minor == nil && known && d.decimals <= exponent:
		return "has no minor units although its value has no excess decimals"
	case m.Minor == nil:
		return ""
	case !known:
		return "has minor units of a currency whose exponent is unknown"
	case d.decimals > exponent, *m.Minor != d.integer(exponent), m.Value != withPoint(*m.Minor, exponent):
		return "has minor units that are not its value"
	}
	return ""
}
