package provider

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTemplates(t *testing.T) {
	for _, c := range []struct{ text, written, want string }{
		{"{body}", "{body}", ""},
		{"{id}.{timestamp}.{body}", "{id}.{timestamp}.{body}", ""},
		{"{header:x-request-id|lower}", "{header:X-Request-Id|lower}", ""},
		{"[id:{query:data.id|lower};][r:{header:a};]ts:{timestamp};", "[id:{query:data.id|lower};][r:{header:A};]ts:{timestamp};", ""},
		{"{{{{[[{body}]]}}}}", "{{{{[[{body}]]}}}}", ""},
		{"a{{b}}{method}", "a{{b}}{method}", ""},
		{"{url}\n{path}", "{url}\n{path}", ""},
		{"{{body}}", "", "refers to nothing"},
		{"", "", "refers to nothing"},
		{"constant", "", "refers to nothing"},
		{"{bdy}", "", "has {bdy}, which is no reference; write one of {body}, {method}"},
		{"{Body}", "", "has {Body}, which is no reference"},
		{"{}", "", "has {}, which is no reference"},
		{"{body", "", "has a { that is not closed; {{ is the literal character"},
		{"body}", "", "has a } that closes nothing"},
		{"[{query:a}", "", "has a [ that is not closed"},
		{"{body}]", "", "has a ] that closes nothing"},
		{"[a[{query:a}]]", "", "has a [ inside [ … ]"},
		{"[a]{body}", "", "has an optional segment without a reference"},
		{"[]{body}", "", "has an optional segment without a reference"},
		{"{body}{body}", "", "has {body} twice"},
		{"{body|upper}", "", `has the filter "upper"; the only one is |lower`},
		{"{body|lower}", "", "has {body|lower}; write {body}"},
		{"{body:x}", "", "has {body:x}; write {body}"},
		{"{header}", "", "has {header}: is no header name"},
		{"{header:a b}", "", `has {header:a b}: "a b" is no header name`},
		{"{header:host}", "", "has {header:host}: host does not reach a scheme"},
		{"{query}", "", "has {query}; write {query:NAME}"},
		{"[{timestamp}]{body}", "", "has {timestamp} in an optional segment; take it out of [ ]"},
		{"[{id}]{body}", "", "has {id} in an optional segment"},
		{strings.Repeat("x", 1020) + "{body}", "", "is longer than 1024 bytes"},
		{strings.Repeat("{method}-", 17), "", "has 34 pieces, more than 32"},
	} {
		template, err := ParseTemplate(c.text)
		if c.want == "" && (err != nil || template.String() != c.written) || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%s: %s, %v; want %s%s", c.text, template, err, c.written, c.want)
		}
	}
	template, err := ParseTemplate("{header:b}[{header:a}{header:B}]{query:q}{body}")
	if err != nil || strings.Join(template.Names(RefHeader), " ") != "B A" || strings.Join(template.Names(RefQuery), " ") != "q" || !template.Refers(RefBody) || template.Refers(RefURL) {
		t.Errorf("%+v %v", template, err)
	}
}

// TestATemplateIsWrittenAsItWasRead draws templates of every kind of piece.
func TestATemplateIsWrittenAsItWasRead(t *testing.T) {
	literal := rapid.Custom(func(t *rapid.T) Piece {
		return Piece{Text: rapid.StringMatching(`[a-z.:;{}\[\]\n é]{1,6}`).Draw(t, "text")}
	})
	reference := rapid.Custom(func(t *rapid.T) Piece {
		p := Piece{
			Ref:   rapid.SampledFrom([]Ref{RefMethod, RefURL, RefPath, RefHeader, RefQuery}).Draw(t, "ref"),
			Lower: rapid.Bool().Draw(t, "lower"),
		}
		switch p.Ref {
		case RefHeader:
			p.Text = rapid.SampledFrom([]string{"X-Request-Id", "Event_type", "A"}).Draw(t, "header")
		case RefQuery:
			p.Text = rapid.SampledFrom([]string{"data.id", "a b", "é"}).Draw(t, "parameter")
		}
		return p
	})
	segment := rapid.Custom(func(t *rapid.T) Segment {
		s := Segment{Optional: rapid.Bool().Draw(t, "optional"), Pieces: []Piece{reference.Draw(t, "reference")}}
		if rapid.Bool().Draw(t, "with text") {
			s.Pieces = append(s.Pieces, literal.Draw(t, "literal"))
		}
		return s
	})
	rapid.Check(t, func(t *rapid.T) {
		drawn := Template(rapid.SliceOfN(segment, 1, 8).Draw(t, "segments"))
		read, err := ParseTemplate(drawn.String())
		if err != nil {
			t.Fatalf("%s: %v", drawn, err)
		}
		// Segments that are not optional are read as one.
		if pieces(read, true) == nil != (pieces(drawn, true) == nil) || !slices.Equal(pieces(read, true), pieces(drawn, true)) || !slices.Equal(pieces(read, false), pieces(drawn, false)) {
			t.Fatalf("%s is read as %s", drawn, read)
		}
		if read.String() != drawn.String() {
			t.Fatalf("%s is written as %s", drawn, read)
		}
	})
}

// pieces are the pieces of a template's optional or other segments.
func pieces(t Template, optional bool) []Piece {
	var all []Piece
	for _, s := range t {
		if s.Optional == optional {
			all = append(all, s.Pieces...)
		}
	}
	return all
}
