package auth

import (
	"fmt"
	"slices"
	"time"

	"paybridge/schemas/provider"
)

// mutateHMAC changes every parameter of an HMAC scheme. A mutation that no request
// could tell from the original is not made: a fixture cannot notice it.
func (m *mutator) mutateHMAC() {
	was := &m.auth.AnyOf[m.index]
	m.set("hash", func(s *provider.Scheme) *string { return &s.Hash }, provider.SHA1, provider.SHA256, provider.SHA512)
	// whsec reads every key that base64 reads.
	codings := []string{provider.KeyText, provider.KeyHex, provider.KeyBase64, provider.KeyWhsec}
	if was.Key == provider.KeyBase64 {
		codings = codings[:3]
	}
	m.set("key", func(s *provider.Scheme) *string { return &s.Key }, codings...)
	m.mutateTemplate()
	m.mutateSignature()
	m.mutateTimestamp()
	if was.ID != nil {
		m.set("id.header", func(s *provider.Scheme) *string { return &s.ID.Header }, elsewhere)
	}
}

// mutateSignature changes where the signature is and how it is written. An encoding
// that is added is noticed by a fixture that is refused for having it, so a pack
// has one of those for each that it does not take.
func (m *mutator) mutateSignature() {
	was := m.auth.AnyOf[m.index].Signature
	for i, name := range was.Headers {
		m.change("signature.header: "+name+" → "+elsewhere, func(s *provider.Scheme) { s.Signature.Headers[i] = elsewhere })
		if len(was.Headers) > 1 {
			m.change("signature.header: "+name+" removed", func(s *provider.Scheme) {
				s.Signature.Headers = slices.Delete(s.Signature.Headers, i, i+1)
			})
		}
	}
	m.set("signature.prefix", func(s *provider.Scheme) *string { return &s.Signature.Prefix }, "", "mutated=")
	if was.Prefix != "" {
		m.change(fmt.Sprintf("signature.prefix_optional: %t → %t", was.Optional, !was.Optional), func(s *provider.Scheme) {
			s.Signature.Optional = !s.Signature.Optional
		})
	}
	if was.List != "" {
		m.set("signature.list", func(s *provider.Scheme) *string { return &s.Signature.List }, ",", ";", " ", "|")
	}
	if was.List != "" && was.Pairs == "" {
		m.change("signature.list: removed", func(s *provider.Scheme) { s.Signature.List = "" })
	}
	if was.Pairs != "" {
		m.set("signature.pairs", func(s *provider.Scheme) *string { return &s.Signature.Pairs }, "=", ":", "~")
		m.set("signature.take", func(s *provider.Scheme) *string { return &s.Signature.Take }, "v0", was.Take+"x")
		m.change("signature.pairs: removed", func(s *provider.Scheme) { s.Signature.Pairs, s.Signature.Take = "", "" })
	}
	for _, name := range []string{provider.Hex, provider.Base64, provider.Base64URL} {
		i := slices.Index(was.Encoding, name)
		switch {
		case i < 0:
			m.change("signature.encoding: "+name+" added", func(s *provider.Scheme) { s.Signature.Encoding = append(s.Signature.Encoding, name) })
		case len(was.Encoding) > 1:
			m.change("signature.encoding: "+name+" removed", func(s *provider.Scheme) { s.Signature.Encoding = slices.Delete(s.Signature.Encoding, i, i+1) })
		}
	}
}

// mutateTimestamp changes where the timestamp is, its unit and its tolerance: by a
// second either way, and away. So a pack has a fixture at the very edge of its
// tolerance, and one a second beyond.
func (m *mutator) mutateTimestamp() {
	was := m.auth.AnyOf[m.index].Timestamp
	if was == nil {
		return
	}
	switch {
	case was.From.Header != "":
		m.set("timestamp.header", func(s *provider.Scheme) *string { return &s.Timestamp.From.Header }, elsewhere)
	case was.From.Query != "":
		m.set("timestamp.query", func(s *provider.Scheme) *string { return &s.Timestamp.From.Query }, elsewhere)
	default:
		m.set("timestamp.pair", func(s *provider.Scheme) *string { return &s.Timestamp.From.Pair }, was.From.Pair+"x")
	}
	m.set("timestamp.unit", func(s *provider.Scheme) *string { return &s.Timestamp.Unit }, provider.Seconds, provider.Milliseconds, provider.SecondsOrMilliseconds, provider.RFC3339)
	tolerances := []time.Duration{5 * time.Minute}
	if was.Tolerance > 0 {
		tolerances = []time.Duration{was.Tolerance - time.Second, was.Tolerance + time.Second, 0}
	}
	for _, other := range tolerances {
		m.change(fmt.Sprintf("timestamp.tolerance: %s → %s", was.Tolerance, other), func(s *provider.Scheme) { s.Timestamp.Tolerance = other })
	}
}

// mutateTemplate changes each piece of what is signed.
func (m *mutator) mutateTemplate() {
	signed := m.auth.AnyOf[m.index].Signed
	// edit is one more mutation, of a template that is parsed anew each time.
	edit := func(what string, change func(t provider.Template) provider.Template) {
		t, err := provider.ParseTemplate(signed)
		if err != nil {
			return
		}
		text := change(t).String()
		if text != signed {
			m.change(fmt.Sprintf("signed: %s: %s", what, text), func(s *provider.Scheme) { s.Signed = text })
		}
	}
	edit("text added before", func(t provider.Template) provider.Template {
		return slices.Insert(t, 0, provider.Segment{Pieces: []provider.Piece{{Text: "x"}}})
	})
	edit("text added after", func(t provider.Template) provider.Template {
		return append(t, provider.Segment{Pieces: []provider.Piece{{Text: "x"}}})
	})
	t, _ := provider.ParseTemplate(signed) // edit has said what is wrong
	for i, segment := range t {
		if segment.Optional {
			edit("segment made mandatory", func(t provider.Template) provider.Template { t[i].Optional = false; return t })
			edit("segment removed", func(t provider.Template) provider.Template { return slices.Delete(t, i, i+1) })
		}
		for j, piece := range segment.Pieces {
			m.mutatePiece(edit, i, j, segment, piece)
		}
	}
}

// mutatePiece changes one piece of a template.
func (m *mutator) mutatePiece(edit func(string, func(provider.Template) provider.Template), i, j int, segment provider.Segment, piece provider.Piece) {
	// replace is an edit that puts other pieces in place of this one.
	replace := func(what string, pieces ...provider.Piece) {
		edit(what, func(t provider.Template) provider.Template {
			t[i].Pieces = slices.Replace(t[i].Pieces, j, j+1, pieces...)
			return t
		})
	}
	replace(piece.String() + " removed")
	if piece.Ref == "" {
		replace("text changed", provider.Piece{Text: piece.Text + "x"})
		return
	}
	if j+1 < len(segment.Pieces) {
		edit(piece.String()+" moved behind the next", func(t provider.Template) provider.Template {
			p := t[i].Pieces
			p[j], p[j+1] = p[j+1], p[j]
			return t
		})
	}
	if piece.Ref == provider.RefHeader || piece.Ref == provider.RefQuery {
		other := piece
		other.Text = elsewhere
		replace(piece.String()+" elsewhere", other)
		// Noticed by a request without the part whose signature leaves it out, too.
		if !segment.Optional {
			edit(piece.String()+" made optional", func(t provider.Template) provider.Template {
				p := t[i].Pieces
				parts := []provider.Segment{{Pieces: p[:j]}, {Optional: true, Pieces: p[j : j+1]}, {Pieces: p[j+1:]}}
				return slices.Replace(t, i, i+1, parts...)
			})
		}
	}
	// Digits have no case.
	if piece.Ref != provider.RefBody && piece.Ref != provider.RefTimestamp {
		other := piece
		other.Lower = !other.Lower
		replace(piece.String()+" → "+other.String(), other)
	}
}
