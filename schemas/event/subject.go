package event

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"paybridge/schemas/delivery"
)

const (
	subjectRoot     = "payments"
	longNative      = 128  // bytes of a native type beyond which its subject is cut
	cutNative       = 64   // bytes of escaped text that a cut native type keeps
	cutMark         = "=~" // stands before the hash of a cut native type; no escape contains it
	hashTextLength  = 22   // characters of base64url, 132 bits
	maxIDLength     = 128  // bytes of a CloudEvents id
	hashedIDMark    = "~"  // stands before the hash of an id that is not clean
	rawDigestPrefix = "sha256-"
)

// Subject is where an event is published:
// "payments.<source>.<kind>.<state>.<native type…>".
func Subject(source string, k Kind, s State, nativeType string) string {
	b := append(make([]byte, 0, 128), subjectRoot+"."...)
	b = append(delivery.AppendToken(b, source), '.')
	b = append(delivery.AppendToken(b, string(k)), '.')
	b = append(delivery.AppendToken(b, string(s)), '.')
	return string(appendNativeTokens(b, nativeType))
}

// Token is native as one subject token: bytes outside [A-Za-z0-9_-] as "=XX", the
// empty text as "=". Two texts never become the same token.
func Token(native string) string { return string(delivery.AppendToken(nil, native)) }

// NativeTokens is a native type as subject tokens: its dots are token boundaries,
// each token is escaped as [Token] does. A type over 128 bytes becomes the first 64
// bytes of its escaped text, cut back to where an escape or a token ends, then "=~"
// and its hash. Two types never become the same tokens, and no type becomes a
// wildcard or an empty token.
func NativeTokens(native string) string { return string(appendNativeTokens(nil, native)) }

// appendNativeTokens appends native as NativeTokens writes it. It escapes no more than
// it keeps, however long native is.
func appendNativeTokens(dst []byte, native string) []byte {
	start := len(dst)
	rest, more := native, true
	for more {
		var token string
		token, rest, more = strings.Cut(rest, ".")
		dst = delivery.AppendToken(dst, token)
		if len(native) > longNative && len(dst)-start >= cutNative {
			break
		}
		if more {
			dst = append(dst, '.')
		}
	}
	if len(native) <= longNative {
		return dst
	}
	dst = dst[:start+wholeEscapes(dst[start:], cutNative)]
	return append(append(dst, cutMark...), hashText(native)...)
}

// wholeEscapes is the length of the longest start of escaped that is at most n bytes
// long and does not end inside an escape or in a dot.
func wholeEscapes(escaped []byte, n int) int {
	end := 0
	for at := 0; at < len(escaped) && at < n; {
		width := 1
		if escaped[at] == '=' && at+1 < len(escaped) && escaped[at+1] != '.' {
			width = 3
		}
		at += width
		if at <= n && escaped[at-1] != '.' {
			end = at
		}
	}
	return end
}

// hashText is the first 22 characters of the base64url SHA-256 of s.
func hashText(s string) string {
	sum := sha256.Sum256([]byte(s))
	var text [43]byte
	base64.RawURLEncoding.Encode(text[:], sum[:])
	return string(text[:hashTextLength])
}
