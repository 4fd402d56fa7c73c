package auth

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"paybridge/schemas/provider"
)

// encoding is one way to write a digest. Its length is exact for the digest's, so
// two encodings never read one text as two digests.
type encoding struct {
	// decode reads text into the first size bytes of digest; false where text is
	// not exactly of the encoding.
	decode func(digest *[maxDigest]byte, size int, text string) bool
	encode func(digest []byte) string
}

// encodingOf is the encoding that the pack names.
func encodingOf(name string) (encoding, error) {
	switch name {
	case provider.Hex:
		return encoding{decodeHex, hex.EncodeToString}, nil
	case provider.Base64:
		return encoding{decodeBase64, base64.StdEncoding.EncodeToString}, nil
	case provider.Base64URL:
		return encoding{decodeBase64URL, base64.RawURLEncoding.EncodeToString}, nil
	}
	return encoding{}, fmt.Errorf("encoding %q: is not known", name)
}

// The strict decoders refuse bits that carry nothing, so that a digest has one text.
var (
	strictBase64       = base64.StdEncoding.Strict()
	strictBase64URL    = base64.URLEncoding.Strict()
	strictRawBase64URL = base64.RawURLEncoding.Strict()
)

// decodeHex takes both cases: .NET's libraries write upper case, and the bytes are
// what is compared. It does not allocate, as encoding/hex would for a string.
func decodeHex(digest *[maxDigest]byte, size int, text string) bool {
	if len(text) != 2*size {
		return false
	}
	for i := range size {
		high, low := nibble(text[2*i]), nibble(text[2*i+1])
		if high > 15 || low > 15 {
			return false
		}
		digest[i] = high<<4 | low
	}
	return true
}

// nibble is the value of a hexadecimal digit of either case; over 15 for others.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// decodeBase64 takes the standard alphabet with its padding, nothing else.
func decodeBase64(digest *[maxDigest]byte, size int, text string) bool {
	return decodeWith(strictBase64, digest, size, text)
}

// decodeBase64URL takes it with its padding and without: Python's library writes it,
// JOSE's do not, and documentations seldom say.
func decodeBase64URL(digest *[maxDigest]byte, size int, text string) bool {
	if len(text) == strictRawBase64URL.EncodedLen(size) {
		return decodeWith(strictRawBase64URL, digest, size, text)
	}
	return decodeWith(strictBase64URL, digest, size, text)
}

// decodeWith decodes without allocating. The decoder passes over line ends, but
// then the digest is short: the length of text leaves no room for them.
func decodeWith(e *base64.Encoding, digest *[maxDigest]byte, size int, text string) bool {
	var source [(maxDigest + 2) / 3 * 4]byte
	var decoded [len(source) / 4 * 3]byte
	if len(text) != e.EncodedLen(size) || len(text) > len(source) {
		return false
	}
	n, err := e.Decode(decoded[:], source[:copy(source[:], text)])
	if err != nil || n != size {
		return false
	}
	copy(digest[:], decoded[:n])
	return true
}
