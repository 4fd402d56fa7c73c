package auth

import (
	"fmt"
	"strings"

	"paybridge/schemas/provider"
)

// signature finds the signatures of a request: in which header, how several stand in
// one value, and how each is written. All of it is the pack's; the request cannot
// ask for another form, and what is not in the pack's is no signature.
type signature struct {
	headers   []string // canonical aliases
	list      string   // separator of elements; "" where there is one value
	pairs     string   // separator of key and value; "" where elements are plain
	take      string   // the key whose values are signatures
	prefix    string
	optional  bool // the prefix may be left out
	encodings []encoding
	size      int // bytes of a digest
}

// found is what a signature header holds.
type found struct {
	digests   [maxSignatures][maxDigest]byte // decoded, the first size bytes of each
	count     int
	timestamp string // the value of the timestamp's key, where the header holds it
	stamped   bool
}

// newSignature compiles where a pack has its signatures; size is the digest's.
func newSignature(s *provider.Scheme, size int) (signature, error) {
	p := &s.Signature
	sig := signature{headers: p.Headers, list: p.List, pairs: p.Pairs, take: p.Take, prefix: p.Prefix, optional: p.Optional, size: size}
	if len(p.Headers) == 0 || len(p.Encoding) == 0 {
		return sig, fmt.Errorf("signature: needs a header and an encoding")
	}
	if p.Pairs != "" && (p.List == "" || p.Take == "") {
		return sig, fmt.Errorf("signature: pairs needs list and take")
	}
	for _, name := range p.Encoding {
		e, err := encodingOf(name)
		if err != nil {
			return sig, err
		}
		sig.encodings = append(sig.encodings, e)
	}
	return sig, nil
}

// find reads the one signature header. stamp is the key of the timestamp among
// its pairs, "" where it is elsewhere. What cannot be read as a signature is passed
// over, as long as one can: providers put other versions beside the one they
// document.
func (s *signature) find(r *Request, stamp string, f *found) Reason {
	f.count, f.timestamp, f.stamped = 0, "", false
	value, reason := s.value(r)
	if reason != "" {
		return reason
	}
	if s.list == "" {
		if !s.add(value, f) {
			return Malformed
		}
		return ""
	}
	// Counted before anything is decoded: a header of 10,000 signatures is refused
	// for the price of one look at it.
	if strings.Count(value, s.list) >= maxSignatures {
		return Malformed
	}
	for more := true; more; {
		var element string
		element, value, more = strings.Cut(value, s.list)
		element = strings.Trim(element, " \t")
		if s.pairs == "" {
			s.add(element, f)
			continue
		}
		key, text, ok := strings.Cut(element, s.pairs)
		switch {
		case !ok:
		case stamp != "" && key == stamp:
			// Which of two was signed cannot be told.
			if f.stamped {
				return Malformed
			}
			f.timestamp, f.stamped = text, true
		case key == s.take:
			s.add(text, f)
		}
	}
	if f.count == 0 {
		return Malformed
	}
	return ""
}

// value is the signature header's value: exactly one of the aliases, exactly once.
func (s *signature) value(r *Request) (string, Reason) {
	value, lines := "", 0
	for _, name := range s.headers {
		for _, value = range r.Header[name] {
			lines++
		}
	}
	switch {
	case lines > 1:
		return "", Malformed
	case value == "":
		return "", Missing
	}
	return value, ""
}

// add decodes one signature; false where it is not in the pack's form.
func (s *signature) add(text string, f *found) bool {
	if s.prefix != "" {
		rest, ok := strings.CutPrefix(text, s.prefix)
		if !ok && !s.optional {
			return false
		}
		text = rest
	}
	for _, e := range s.encodings {
		if e.decode(&f.digests[f.count], s.size, text) {
			f.count++
			return true
		}
	}
	return false
}

// headerOnce is the value of a header that has to stand exactly once. Several lines
// are ambiguous: proxies and libraries differ in which of them they take. The
// name is canonical, as net/http makes it, whatever case the request had.
func headerOnce(r *Request, canonical string) (string, Reason) {
	values := r.Header[canonical]
	switch {
	case len(values) > 1:
		return "", Malformed
	case len(values) == 0 || values[0] == "":
		return "", Missing
	}
	return values[0], ""
}
