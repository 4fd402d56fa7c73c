package provider

import (
	"errors"
	"fmt"
	"net/textproto"
	"strings"
)

// Template is what a provider signs: text, and references to parts of the request.
//
//	{body} {method} {url} {path} {timestamp} {id} {header:NAME} {query:NAME}
//
// Each reference but {body} may end in |lower (ASCII letters). [ … ] is an optional segment:
// it is left out where a reference in it is absent; it may not nest. {{ }} [[ ]]
// are the literal characters.
type Template []Segment

// Segment is a part of a template.
type Segment struct {
	Optional bool
	Pieces   []Piece
}

// Piece is literal text, or a reference.
type Piece struct {
	Ref   Ref    // "" for literal text
	Text  string // the literal text; the canonical header name; the query parameter's name
	Lower bool   // ASCII letters are lowered
}

// Ref names a part of the request.
type Ref string

// The references of a template.
const (
	RefBody      Ref = "body"
	RefMethod    Ref = "method"
	RefURL       Ref = "url"  // external URL without a query
	RefPath      Ref = "path" // path of the external URL
	RefTimestamp Ref = "timestamp"
	RefID        Ref = "id"
	RefHeader    Ref = "header"
	RefQuery     Ref = "query"
)

// Bounds of a template: a pack cannot make a request expensive to verify.
const (
	maxTemplate = 1024 // bytes
	maxPieces   = 32
)

// ParseTemplate reads a template. Its error says what is wrong and what to write.
func ParseTemplate(text string) (Template, error) {
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("is longer than %d bytes", maxTemplate)
	}
	// segment is what is being read; flush ends it where another kind begins.
	var t Template
	segment, inside := Segment{}, false
	flush := func() {
		if len(segment.Pieces) > 0 {
			t = append(t, segment)
		}
		segment = Segment{}
	}
	for text != "" {
		switch {
		// First, so that {{{body}}} is a brace, the body and a brace.
		case hasAny(text, "{{", "}}", "[[", "]]"):
			segment.literal(text[:1])
			text = text[2:]
		case text[0] == '[' && inside:
			return nil, errors.New("has a [ inside [ … ]; optional segments do not nest, and [[ is the literal character")
		case text[0] == '[':
			flush()
			segment.Optional, inside, text = true, true, text[1:]
		case text[0] == ']' && !inside:
			return nil, errors.New("has a ] that closes nothing; ]] is the literal character")
		case text[0] == ']':
			if !segment.refers() {
				return nil, errors.New("has an optional segment without a reference, which is never left out; remove its [ ]")
			}
			flush()
			inside, text = false, text[1:]
		case text[0] == '{':
			inner, rest, closed := strings.Cut(text[1:], "}")
			if !closed {
				return nil, errors.New("has a { that is not closed; {{ is the literal character")
			}
			piece, err := parseReference(inner)
			if err != nil {
				return nil, err
			}
			segment.Pieces, text = append(segment.Pieces, piece), rest
		case text[0] == '}':
			return nil, errors.New("has a } that closes nothing; }} is the literal character")
		default:
			end := strings.IndexAny(text, "{}[]")
			if end < 0 {
				end = len(text)
			}
			segment.literal(text[:end])
			text = text[end:]
		}
	}
	if inside {
		return nil, errors.New("has a [ that is not closed; [[ is the literal character")
	}
	flush()
	return t, t.check()
}

// parseReference reads what stands between { and }.
func parseReference(inner string) (Piece, error) {
	name, filter, filtered := strings.Cut(inner, "|")
	if filtered && filter != "lower" {
		return Piece{}, fmt.Errorf("has the filter %q; the only one is |lower", filter)
	}
	kind, argument, with := strings.Cut(name, ":")
	p := Piece{Ref: Ref(kind), Lower: filtered}
	switch p.Ref {
	case RefBody, RefMethod, RefURL, RefPath, RefTimestamp, RefID:
		if with || filtered && p.Ref == RefBody {
			return Piece{}, fmt.Errorf("has {%s}; write {%s}", inner, kind)
		}
	case RefHeader:
		if err := checkHeader(argument); err != nil {
			return Piece{}, fmt.Errorf("has {%s}: %w", inner, err)
		}
		p.Text = textproto.CanonicalMIMEHeaderKey(argument)
	case RefQuery:
		if argument == "" {
			return Piece{}, errors.New("has {query}; write {query:NAME}")
		}
		p.Text = argument
	default:
		return Piece{}, fmt.Errorf("has {%s}, which is no reference; write one of {body}, {method}, {url}, {path}, {timestamp}, {id}, {header:NAME}, {query:NAME}", inner)
	}
	return p, nil
}

// check finds what no single piece shows.
func (t Template) check() error {
	pieces, bodies, references := 0, 0, false
	for _, s := range t {
		pieces += len(s.Pieces)
		references = references || s.refers()
		for _, p := range s.Pieces {
			if p.Ref == RefBody {
				bodies++
			}
			// A provider that signs these signs them always; leaving them out
			// would turn a replayed request into an undated one.
			if s.Optional && (p.Ref == RefTimestamp || p.Ref == RefID) {
				return fmt.Errorf("has {%s} in an optional segment; take it out of [ ]", p.Ref)
			}
		}
	}
	switch {
	case pieces > maxPieces:
		return fmt.Errorf("has %d pieces, more than %d", pieces, maxPieces)
	case bodies > 1:
		return errors.New("has {body} twice; write it once")
	case !references:
		return errors.New(`refers to nothing, so every request would have the same signature; write "{body}" at least`)
	}
	return nil
}

// Refers says whether a reference of the kind is in the template.
func (t Template) Refers(ref Ref) bool {
	for _, s := range t {
		for _, p := range s.Pieces {
			if p.Ref == ref {
				return true
			}
		}
	}
	return false
}

// Names lists the names of the references of the kind, in order, each once.
func (t Template) Names(ref Ref) []string {
	var names []string
	seen := map[string]bool{}
	for _, s := range t {
		for _, p := range s.Pieces {
			if p.Ref == ref && !seen[p.Text] {
				seen[p.Text] = true
				names = append(names, p.Text)
			}
		}
	}
	return names
}

// String is the template as ParseTemplate reads it.
func (t Template) String() string {
	var b strings.Builder
	for _, s := range t {
		if s.Optional {
			b.WriteByte('[')
		}
		for _, p := range s.Pieces {
			b.WriteString(p.String())
		}
		if s.Optional {
			b.WriteByte(']')
		}
	}
	return b.String()
}

// escapeLiteral doubles the characters that mean something.
var escapeLiteral = strings.NewReplacer("{", "{{", "}", "}}", "[", "[[", "]", "]]")

// String is the piece as ParseTemplate reads it.
func (p Piece) String() string {
	if p.Ref == "" {
		return escapeLiteral.Replace(p.Text)
	}
	text := string(p.Ref)
	if p.Text != "" {
		text += ":" + p.Text
	}
	if p.Lower {
		text += "|lower"
	}
	return "{" + text + "}"
}

// literal appends text, joined to the literal before it.
func (s *Segment) literal(text string) {
	if n := len(s.Pieces); n > 0 && s.Pieces[n-1].Ref == "" {
		s.Pieces[n-1].Text += text
		return
	}
	s.Pieces = append(s.Pieces, Piece{Text: text})
}

// refers says whether the segment has a reference.
func (s *Segment) refers() bool {
	for _, p := range s.Pieces {
		if p.Ref != "" {
			return true
		}
	}
	return false
}

// hasAny says whether text begins with one of the prefixes.
func hasAny(text string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}
