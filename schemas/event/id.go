package event

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// CleanID is an event id as every header and every client carries it: id itself
// where it is 1 to 128 bytes of "!" to "~", else "~" and the hash of id.
func CleanID(id string) string {
	if isID(id) {
		return id
	}
	return hashedIDMark + hashText(id)
}

// isID reports whether id is what CleanID makes.
func isID(id string) bool {
	if id == "" || len(id) > maxIDLength {
		return false
	}
	for i := 0; i < len(id); i++ {
		if id[i] < '!' || id[i] > '~' {
			return false
		}
	}
	return true
}

// Sequence orders all events of one bridge: 20 digits of the delivery's sequence in
// the raw stream, ".", 4 digits of the item's number in the delivery, from 0.
// Sequences compare as text up to item 9999.
func Sequence(streamSeq uint64, item int) string {
	var room [32]byte
	b := appendPadded(room[:0], streamSeq, 20)
	b = append(b, '.')
	return string(appendPadded(b, uint64(item), 4))
}

// appendPadded appends n with zeros before it, width digits or as many as n has.
func appendPadded(dst []byte, n uint64, width int) []byte {
	var room [20]byte
	digits := strconv.AppendUint(room[:0], n, 10)
	for range width - len(digits) {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

// RawDigest is the attribute rawdigest of a delivery's body: "sha256-<hex>".
func RawDigest(body []byte) string { return RawDigestOf(sha256.Sum256(body)) }

// RawDigestOf is [RawDigest] for who has the body's SHA-256 already.
func RawDigestOf(sum [sha256.Size]byte) string {
	var room [len(rawDigestPrefix) + 2*sha256.Size]byte
	return string(hex.AppendEncode(append(room[:0], rawDigestPrefix...), sum[:]))
}
