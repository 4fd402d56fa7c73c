package operate

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Variation makes distinct payments of one fixture without knowing its
// provider: it replaces the ends of everything that is called an id.
//
// The same id gets the same replacement wherever it stands in the body or the
// headers, so what belongs together stays together. Everything else keeps its
// bytes.
type Variation struct {
	Number  uint64   // tells variations apart; the same number makes duplicates
	Members []string // names of members that are replaced, too
}

// idName matches what providers call a member or a header that identifies
// something: id, event_id, chargeId, txid, endToEndId, reference, X-GitHub-Delivery.
var idName = regexp.MustCompile(`(?i:^id|[_-]id|uuid|guid|txid|reference|nonce|delivery|hash)$|[a-z]I[dD]$`)

// scalarMember finds a JSON member with a scalar text or number as its value. It
// works on the bytes, so that whatever does not match, odd spacing and escapes
// included, stays as it was.
var scalarMember = regexp.MustCompile(`"([^"\\]{1,64})"(\s*:\s*)("(?:[^"\\]|\\.){1,128}"|-?[0-9]{1,20}\b)`)

// formMember finds a pair of a form body or a query.
var formMember = regexp.MustCompile(`(^|&)([^=&]{1,64})(=)([^&]{1,128})`)

// Body varies a JSON or a form body. changed is how many ids were replaced.
func (v Variation) Body(body []byte) (varied []byte, changed int) {
	pattern, nameAt, valueAt := scalarMember, 1, 3
	if first := bytes.TrimLeft(body, " \t\r\n"); len(first) > 0 && first[0] != '{' && first[0] != '[' {
		pattern, nameAt, valueAt = formMember, 2, 4
	}
	var out []byte
	last := 0
	for _, m := range pattern.FindAllSubmatchIndex(body, -1) {
		name, value := body[m[2*nameAt]:m[2*nameAt+1]], body[m[2*valueAt]:m[2*valueAt+1]]
		if !idName.Match(name) && !slices.Contains(v.Members, string(name)) || bytes.IndexByte(value, '\\') >= 0 {
			continue
		}
		out = append(out, body[last:m[2*valueAt]]...)
		out = append(out, v.value(string(value))...)
		last = m[2*valueAt+1]
		changed++
	}
	return append(out, body[last:]...), changed
}

// value varies one value as it stands in the body: quotes stay quotes, a number
// stays a number.
func (v Variation) value(text string) string {
	if unquoted, ok := strings.CutPrefix(text, `"`); ok {
		return `"` + v.ID(strings.TrimSuffix(unquoted, `"`)) + `"`
	}
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatUint(v.mix(text), 10)
	}
	return v.ID(text)
}

// Header varies the headers whose names are ids: a signed webhook-id makes a
// delivery distinct although its body is the same.
func (v Variation) Header(h textproto.MIMEHeader) textproto.MIMEHeader {
	out := make(textproto.MIMEHeader, len(h))
	for name, values := range h {
		varied := append([]string(nil), values...)
		if idName.MatchString(name) {
			for i := range varied {
				varied[i] = v.ID(varied[i])
			}
		}
		out[name] = varied
	}
	return out
}

// ID varies one id. Digits replace letters and digits from the end, so a UUID
// keeps its dashes and a hash its length; an id too short for that keeps its
// prefix ("evt_") and grows.
func (v Variation) ID(id string) string {
	digits := fmt.Sprintf("%016d", v.mix(id))
	out := []byte(id)
	left := len(digits)
	for i := len(out) - 1; i >= 0 && left > 0; i-- {
		if alphanumeric(out[i]) {
			left--
			out[i] = digits[left]
		}
	}
	if left == 0 && keepsPrefix(id, out) {
		return string(out)
	}
	cut := strings.LastIndexFunc(id, func(r rune) bool { return r > 0x7f || !alphanumeric(byte(r)) })
	return id[:cut+1] + digits
}

// mix is the number of an id under this variation: up to 16 digits, below 2^53 so
// that every JSON reader keeps it exact, and different for different ids.
func (v Variation) mix(id string) uint64 {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(id), v.Number))
	return 1e15 + binary.BigEndian.Uint64(sum[:8])%8e15
}

// keepsPrefix says whether what stands before the first separator survived: an
// id's prefix says what kind of thing it is.
func keepsPrefix(id string, varied []byte) bool {
	prefix, _, found := strings.Cut(id, "_")
	return !found || strings.HasPrefix(string(varied), prefix+"_")
}

// alphanumeric is what varies; all else is an id's shape.
func alphanumeric(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
