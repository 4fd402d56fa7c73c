package event

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// SameContent reports whether two events with one id are one event: an equal digest
// of the raw body, or a native equal as JSON. The order of keys, white space and how
// a string is escaped do not matter; the text of a number does: 100.0 is not 100.00.
// Anything else under one id is a conflict.
func SameContent(a, b Event) bool {
	if a.RawDigest != "" && a.RawDigest == b.RawDigest {
		return true
	}
	if a.Native == nil || b.Native == nil {
		return false
	}
	if bytes.Equal(a.Native, b.Native) {
		return true
	}
	left, leftOK := canonical(a.Native)
	right, rightOK := canonical(b.Native)
	return leftOK && rightOK && bytes.Equal(left, right)
}

// canonical is a JSON text with its keys in order, without white space, its strings
// in one spelling and its numbers as they are; false for what is not strict JSON.
func canonical(native []byte) ([]byte, bool) {
	v := jsontext.Value(bytes.Clone(native))
	err := v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false))
	return v, err == nil
}
