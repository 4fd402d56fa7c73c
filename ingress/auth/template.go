package auth

import (
	"fmt"
	"strings"

	"paybridge/schemas/provider"
)

// template composes what a provider signs.
type template struct{ segments provider.Template }

// signedValues are the parts of a request that the scheme has read already.
type signedValues struct{ timestamp, id string }

// newTemplate compiles what a scheme signs.
func newTemplate(s *provider.Scheme) (template, error) {
	t, err := provider.ParseTemplate(s.Signed)
	if err != nil {
		return template{}, fmt.Errorf("signed: %w", err)
	}
	if t.Refers(provider.RefTimestamp) != (s.Timestamp != nil) || t.Refers(provider.RefID) != (s.ID != nil) {
		return template{}, fmt.Errorf("signed: {timestamp} and {id} have to stand exactly where the scheme has them")
	}
	return template{t}, nil
}

// compose writes the signed text into w, and where in it the body belongs: the
// body itself is not copied.
func (t template) compose(r *Request, values signedValues, w *hmacWork) Reason {
	w.text, w.body = w.text[:0], -1
	for i := range t.segments {
		segment := &t.segments[i]
		text, body := len(w.text), w.body
		for j := range segment.Pieces {
			reason := w.piece(&segment.Pieces[j], r, values)
			// Absent is left out; there twice is refused, even here.
			if reason == Missing && segment.Optional {
				w.text, w.body = w.text[:text], body
				break
			}
			if reason != "" {
				return reason
			}
		}
	}
	return ""
}

// piece writes one piece. A part of the request that is empty is absent.
func (w *hmacWork) piece(p *provider.Piece, r *Request, values signedValues) Reason {
	if p.Ref == provider.RefBody {
		w.body = len(w.text)
		return ""
	}
	value, reason := resolve(p, r, values)
	if reason != "" {
		return reason
	}
	if value == "" {
		return Missing
	}
	from := len(w.text)
	w.text = append(w.text, value...)
	if p.Lower {
		lower(w.text[from:])
	}
	return ""
}

// resolve is the part of the request that a piece refers to; the literal text of a
// piece that refers to nothing.
func resolve(p *provider.Piece, r *Request, values signedValues) (string, Reason) {
	switch p.Ref {
	case "":
		return p.Text, ""
	case provider.RefMethod:
		return r.Method, ""
	case provider.RefURL:
		return r.URL, ""
	case provider.RefPath:
		return pathOf(r.URL), ""
	case provider.RefTimestamp:
		return values.timestamp, ""
	case provider.RefID:
		return values.id, ""
	case provider.RefHeader:
		return headerOnce(r, p.Text)
	case provider.RefQuery:
		return queryOnce(r.Query, p.Text)
	}
	return "", Missing
}

// pathOf is the path of an absolute URL; "" where there is no URL. It is cut out, not
// parsed: what was signed is the text.
func pathOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return "/"
	}
	path, _, _ := strings.Cut(rest[slash:], "?")
	return path
}

// lower lowers ASCII letters in place: other letters have lower cases of other
// lengths, and no provider's ids have them.
func lower(text []byte) {
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			text[i] = c + 'a' - 'A'
		}
	}
}
