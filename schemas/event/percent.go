package event

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// percentEncode is an attribute's value as a header of the binary mode: every byte
// outside "!" to "~", and the double quote and the percent sign, as %XX.
func percentEncode(s string) string {
	n := 0
	for i := 0; i < len(s); i++ {
		if !isPlainInHeader(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := 0; i < len(s); i++ {
		if isPlainInHeader(s[i]) {
			b = append(b, s[i])
		} else {
			b = append(b, '%', upperHex[s[i]>>4], upperHex[s[i]&15])
		}
	}
	return string(b)
}

// isPlainInHeader reports whether the binding lets c stand as it is.
func isPlainInHeader(c byte) bool { return c >= '!' && c <= '~' && c != '"' && c != '%' }

var (
	errPercent = errors.New("has a percent sign without two hex digits")
	errQuotes  = errors.New("has an open double quote")
	errUTF8    = errors.New("is not valid UTF-8")
)

// percentDecode is the inverse of percentEncode for every writer of the binding:
// double-quoted parts are unquoted first, then one round of percent-decoding, in
// upper or lower case, of whatever was encoded. The result is UTF-8 or an error.
func percentDecode(v string) (string, error) {
	v, err := unquote(v)
	if err != nil {
		return "", err
	}
	if strings.IndexByte(v, '%') >= 0 {
		b := make([]byte, 0, len(v))
		for i := 0; i < len(v); i++ {
			if v[i] != '%' {
				b = append(b, v[i])
				continue
			}
			if !isPercentEncoded(v[i:]) {
				return "", errPercent
			}
			b = append(b, unhex(v[i+1])<<4|unhex(v[i+2]))
			i += 2
		}
		v = string(b)
	}
	if !utf8.ValidString(v) {
		return "", errUTF8
	}
	return v, nil
}

// unquote takes the double quotes of RFC 7230 and the backslashes inside them away.
func unquote(v string) (string, error) {
	if strings.IndexByte(v, '"') < 0 {
		return v, nil
	}
	b := make([]byte, 0, len(v))
	quoted := false
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '"':
			quoted = !quoted
		case quoted && v[i] == '\\' && i+1 < len(v):
			i++
			b = append(b, v[i])
		default:
			b = append(b, v[i])
		}
	}
	if quoted {
		return "", errQuotes
	}
	return string(b), nil
}

// isPercentEncoded reports whether s starts with "%" and two hex digits.
func isPercentEncoded(s string) bool {
	return len(s) >= 3 && s[0] == '%' && unhex(s[1]) < 16 && unhex(s[2]) < 16
}

// unhex is the value of a hex digit, 16 or more for what is none.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
