package provider

import (
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
)

// checkHeader says why a name is no HTTP header that a scheme could read; nil where
// it is one. Names are RFC 9110 tokens. An underscore is allowed, as PicPay's
// event_type has it, though some proxies drop such headers.
func checkHeader(name string) error {
	const separators = "\"(),/:;<=>?@[\\]{}"
	if name == "" {
		return errors.New("is no header name; write one such as X-Signature")
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(separators, c) >= 0 {
			return fmt.Errorf("%q is no header name; write one such as X-Signature", name)
		}
	}
	// net/http takes these out of the header before a handler sees them, so that a
	// scheme over one would refuse every request.
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Host", "Trailer", "Transfer-Encoding":
		return fmt.Errorf("%s does not reach a scheme: HTTP itself uses it up", name)
	}
	return nil
}

// holdsCredential says whether a header carries a static credential by
// definition, so that it may never be stored with a delivery.
func holdsCredential(canonical string) bool {
	return slices.Contains([]string{"Authorization", "Cookie", "Proxy-Authorization"}, canonical)
}

// header reads a header's name, canonical; "" where t is empty, which is another
// problem, or is no name.
func (r *reader) header(t Text, key string) string {
	if t.Text == "" {
		return ""
	}
	if err := checkHeader(t.Text); err != nil {
		r.problems = append(r.problems, Problem{At: t.At, Key: key, Message: err.Error()})
		return ""
	}
	return textproto.CanonicalMIMEHeaderKey(t.Text)
}

// storedHeader reads the name of a header that is stored with each delivery.
func (r *reader) storedHeader(t Text, key string) string {
	name := r.header(t, key)
	if holdsCredential(name) {
		r.problems = append(r.problems, Problem{t.At, key, name + " holds a credential and is never stored", "leave it out"})
	}
	return name
}
