package delivery

import (
	"errors"
	"strings"
)

// escapedMark opens a header value that was escaped. A value that opens with the
// mark by itself is escaped too, so the mark is never ambiguous.
const escapedMark = "=!"

const upperHex = "0123456789ABCDEF"

// AppendToken appends s to dst as one subject token: every byte outside
// [A-Za-z0-9_-] becomes "=XX" in upper-case hex, and the empty text becomes "=".
// Two texts never become the same token.
func AppendToken(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '=')
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; isTokenByte(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '=', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// isTokenByte reports whether a subject token holds c as it is.
func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// isName reports whether s has the shape of a source or endpoint name: 1 to 64
// token bytes of which the first is a letter or a digit.
func isName(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '_' || s[0] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return true
}

// isHeaderName reports whether NATS carries s as the name of a header: the bytes
// of an HTTP field name, which is what nats.go accepts and no more.
func isHeaderName(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte("\"()/,:;<=>?@[\\]{}", s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}

// survives reports whether s comes out of a NATS header as it went in. nats.go
// trims space and tab at both ends and turns CR and LF into spaces; other control
// bytes would pass it, but not every other client.
func survives(s string) bool {
	if s == "" {
		return true
	}
	if isBlank(s[0]) || isBlank(s[len(s)-1]) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// escapeValue makes s a header value that survives, and that no other text becomes.
// What an HTTP server lets through as a header is unchanged, bar one that opens
// with the mark.
func escapeValue(s string) string {
	if survives(s) && !strings.HasPrefix(s, escapedMark) {
		return s
	}
	b := make([]byte, 0, len(escapedMark)+3*len(s))
	b = append(b, escapedMark...)
	for i := 0; i < len(s); i++ {
		if c := s[i]; c > ' ' && c < 0x7f && c != '=' {
			b = append(b, c)
		} else {
			b = append(b, '=', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

var errEscape = errors.New("is not escaped as this package escapes")

// unescapeValue undoes escapeValue. It refuses what escapeValue does not write, so
// that a value has one form on the wire.
func unescapeValue(v string) (string, error) {
	escaped, found := strings.CutPrefix(v, escapedMark)
	if !found {
		return v, nil
	}
	b := make([]byte, 0, len(escaped))
	for i := 0; i < len(escaped); i++ {
		if escaped[i] != '=' {
			b = append(b, escaped[i])
			continue
		}
		if i+2 >= len(escaped) {
			return "", errEscape
		}
		hi := strings.IndexByte(upperHex, escaped[i+1])
		lo := strings.IndexByte(upperHex, escaped[i+2])
		if hi < 0 || lo < 0 {
			return "", errEscape
		}
		b = append(b, byte(hi<<4|lo))
		i += 2
	}
	if s := string(b); escapeValue(s) == v {
		return s, nil
	}
	return "", errEscape
}
