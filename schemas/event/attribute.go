package event

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// AttributeText makes s text that a CloudEvents string attribute may hold: "=" and
// every byte of invalid UTF-8, of a control character or of a noncharacter become
// "=XX". So does white space at either end, which the SDKs trim. Two texts never
// become the same.
func AttributeText(s string) string {
	start := len(s) - len(strings.TrimLeftFunc(s, unicode.IsSpace))
	end := len(strings.TrimRightFunc(s, unicode.IsSpace))
	return escape(s, func(at int, r rune) bool {
		return r != '=' && isAttributeRune(r) && at >= start && at < end
	})
}

// URIText makes s text that stands inside a URI attribute such as dataschema, in the
// same way: a byte that a path or a URN does not hold as it is becomes "=XX".
func URIText(s string) string {
	return escape(s, func(_ int, r rune) bool {
		return r != '=' && r != '%' && r != '?' && r != '#' && isURIRune(r)
	})
}

// escape writes the bytes of the runes that keep refuses, by their place in s, as
// "=XX".
func escape(s string, keep func(at int, r rune) bool) string {
	done := 0 // up to here s is in b
	var b []byte
	for i := 0; i < len(s); {
		r, width := utf8.DecodeRuneInString(s[i:])
		if (r != utf8.RuneError || width > 1) && keep(i, r) {
			i += width
			continue
		}
		b = append(b, s[done:i]...)
		for range width {
			b = append(b, '=', upperHex[s[i]>>4], upperHex[s[i]&15])
			i++
		}
		done = i
	}
	if b == nil {
		return s
	}
	return string(append(b, s[done:]...))
}

// isAttributeRune reports whether a CloudEvents String may hold r (specification
// section 3.1): no control characters, no noncharacters.
func isAttributeRune(r rune) bool {
	return r >= ' ' && (r < 0x7f || r > 0x9f) && (r < 0xfdd0 || r > 0xfdef) && r&0xfffe != 0xfffe
}

// isAttributeText reports whether s may stand in a string attribute, and comes out of
// an SDK as it went in.
func isAttributeText(s string) bool {
	if strings.TrimSpace(s) != s {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] >= ' ' && s[i] < 0x7f {
			continue
		}
		if s[i] < utf8.RuneSelf || !utf8.ValidString(s) {
			return false
		}
		for _, r := range s[i:] {
			if !isAttributeRune(r) {
				return false
			}
		}
		return true
	}
	return true
}

// isURIRune reports whether r stands in a URI as it is: RFC 3986's unreserved and
// reserved characters, and "%".
func isURIRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
		r < utf8.RuneSelf && strings.IndexByte("-._~:/?#[]@!$&'()*+,;=%", byte(r)) >= 0
}

// isURI reports whether s is an absolute URI as far as its characters go.
func isURI(s string) bool {
	if scheme, _, found := strings.Cut(s, ":"); !found || scheme == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isURIRune(rune(s[i])) || s[i] == '%' && !isPercentEncoded(s[i:]) {
			return false
		}
	}
	return true
}
