package provider

import (
	"strings"
)

// readTimestamp reads the signed moment; nil where the key is left out. Without a
// tolerance the moment is signed and read, but may be of any age.
func (r *reader) readTimestamp(parent object, s Signature) *Timestamp {
	n := parent.values["timestamp"]
	if n == nil {
		return nil
	}
	o, ok := r.object(parent.key("timestamp"), n)
	if !ok {
		return nil
	}
	o.only("header", "query", "pair", "unit", "tolerance")
	t := &Timestamp{At: r.at(n), From: r.readSource(o, "header", "query", "pair")}
	t.Unit = o.choice("unit", "", Seconds, Milliseconds, SecondsOrMilliseconds, RFC3339)
	t.Tolerance = o.span("tolerance", maxTolerance)
	switch {
	case t.From.Pair != "" && s.Pairs == "":
		o.wrong("pair", "write header: NAME, or describe the pairs under signature", "needs signature.pairs")
	case t.From.Pair != "" && t.From.Pair == s.Take:
		o.wrong("pair", "write the key of the timestamp, such as t", "is the key of the signatures")
	}
	if holdsCredential(t.From.Header) {
		o.wrong("header", "leave it out", "%s holds a credential and is never stored", t.From.Header)
	}
	return t
}

// readID reads the signed id; nil where the key is left out. It is a header: what
// the raw stream's message id is made of besides the body has to be there before
// the body is understood.
func (r *reader) readID(parent object) *Value {
	n := parent.values["id"]
	if n == nil {
		return nil
	}
	o, ok := r.object(parent.key("id"), n)
	if !ok {
		return nil
	}
	o.only("header")
	v := r.readSource(o, "header")
	if holdsCredential(v.Header) {
		o.wrong("header", "leave it out", "%s holds a credential and is never stored", v.Header)
	}
	return &v
}

// readToken reads where a static token is. An empty prefix may be written, to say
// that the provider sends the bare token.
func (r *reader) readToken(parent object) Value {
	n := parent.values["token"]
	if n == nil {
		parent.missing("token", "write token: {header: Authorization}")
		return Value{}
	}
	o, ok := r.object(parent.key("token"), n)
	if !ok {
		return Value{}
	}
	o.only("header", "query", "prefix")
	v := r.readSource(o, "header", "query")
	if p := o.values["prefix"]; p != nil && p.Value != "" {
		v.Prefix = o.text("prefix").Text
	}
	return v
}

// readSource reads where a text is: exactly one of the keys.
func (r *reader) readSource(o object, keys ...string) Value {
	v := Value{At: r.at(o.node)}
	count := 0
	for _, key := range keys {
		if !o.has(key) {
			continue
		}
		count++
		t := o.text(key)
		switch key {
		case "header":
			v.Header = r.header(t, o.key(key))
		case "query":
			v.Query = t.Text
		case "pair":
			v.Pair = t.Text
		}
	}
	if count != 1 {
		r.problem(o.node, o.path, "write "+keys[0]+": NAME", "needs exactly one of: %s", strings.Join(keys, ", "))
	}
	return v
}

// readAnswer reads the constant body of the 200, for the few providers that read it
// (Adyen's documentation once demanded "[accepted]").
func (r *reader) readAnswer(parent object) Answer {
	n := parent.values["answer"]
	if n == nil {
		return Answer{}
	}
	o, ok := r.object("auth.answer", n)
	if !ok {
		return Answer{}
	}
	o.only("content_type", "body")
	a := Answer{
		ContentType: o.need("content_type", "write content_type: text/plain").Text,
		Body:        o.need("body", "write the text that the provider wants to read").Text,
	}
	if len(a.Body) > maxAnswer {
		o.wrong("body", "write what the provider documents, no more", "is longer than %d bytes", maxAnswer)
	}
	if strings.ContainsFunc(a.ContentType, func(c rune) bool { return c < ' ' || c > '~' }) {
		o.wrong("content_type", "write one such as text/plain", "is no content type")
	}
	return a
}

// checkTokens sees to it that no static token is stored with a delivery: neither
// as a header that another alternative or keep stores, nor in a stored query.
func (r *reader) checkTokens(o object, a *Auth) {
	stored, storesQuery := a.Stored()
	for i := range a.AnyOf {
		s := &a.AnyOf[i]
		where := s.Token.Header
		if s.Kind == Basic {
			where = "Authorization"
		}
		for _, name := range stored {
			if where != "" && name == where {
				r.problems = append(r.problems, Problem{s.At, o.path, "the header " + name + " holds a static token in one scheme and is stored by another, or by keep", "leave it out of keep, or make two packs"})
			}
		}
		if s.Token.Query != "" && storesQuery {
			r.problems = append(r.problems, Problem{s.At, o.path, "the query holds a static token in one scheme and is signed, and so stored, in another", "make two packs"})
		}
	}
}

// Stored is what of a request is stored with a delivery, so that it can be
// verified again: header names, canonical, each once, in the order of the pack;
// and whether the raw query is.
func (a *Auth) Stored() (headers []string, query bool) {
	// The order is the pack's: the signature first, what was kept last.
	seen := map[string]bool{}
	add := func(names ...string) {
		for _, name := range names {
			if name != "" && !seen[name] {
				seen[name] = true
				headers = append(headers, name)
			}
		}
	}
	for i := range a.AnyOf {
		s := &a.AnyOf[i]
		if s.Kind != HMAC {
			continue
		}
		add(s.Signature.Headers...)
		if s.Timestamp != nil {
			add(s.Timestamp.From.Header)
			query = query || s.Timestamp.From.Query != ""
		}
		if s.ID != nil {
			add(s.ID.Header)
		}
		if t, err := ParseTemplate(s.Signed); err == nil {
			add(t.Names(RefHeader)...)
			query = query || t.Refers(RefQuery)
		}
	}
	add(a.Keep...)
	return headers, query
}
