package provider

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of the auth half. Each alternative may hash the body once for each secret,
// so their number bounds what an unauthenticated request costs.
const (
	maxAlternatives = 8
	maxTolerance    = 7 * 24 * time.Hour
	maxAnswer       = 1024 // bytes
)

// schemeKeys are the keys of a scheme, whichever it is; the second to the seventh
// are those of hmac alone.
var schemeKeys = []string{"scheme", "hash", "key", "signed", "signature", "timestamp", "id", "token"}

// readAuth reads the auth half of a pack: its problems are in r, and what it returns
// is only good where there are none.
func (r *reader) readAuth(root object) *Auth {
	n := root.values["auth"]
	if n == nil {
		root.missing("auth", "write how the provider signs: auth: {scheme: …}")
		return nil
	}
	o, ok := r.object("auth", n)
	if !ok {
		return nil
	}
	a := &Auth{At: r.at(n)}
	if o.values["any_of"] != nil {
		o.only("any_of", "keep", "answer")
		a.AnyOf = r.readAlternatives(o)
	} else {
		o.only(append([]string{"any_of", "keep", "answer"}, schemeKeys...)...)
		a.AnyOf = []Scheme{r.readScheme(o)}
	}
	for i, t := range o.texts("keep") {
		if name := r.storedHeader(t, o.item("keep", i)); name != "" {
			a.Keep = append(a.Keep, name)
		}
	}
	a.Answer = r.readAnswer(o)
	r.checkTokens(o, a)
	return a
}

// readAlternatives reads any_of.
func (r *reader) readAlternatives(o object) []Scheme {
	var all []Scheme
	items := o.list("any_of")
	if len(items) == 0 || len(items) > maxAlternatives {
		o.wrong("any_of", "write one scheme inline, or a list of them", "has %d schemes, not 1 to %d", len(items), maxAlternatives)
	}
	for i, item := range items {
		if s, ok := r.object(o.item("any_of", i), item); ok {
			s.only(schemeKeys...)
			all = append(all, r.readScheme(s))
		}
	}
	return all
}

// readScheme reads one scheme; unknown keys are the caller's, keys of another
// scheme are refused here.
func (r *reader) readScheme(o object) Scheme {
	s := Scheme{At: r.at(o.node)}
	s.Kind = SchemeKind(o.choice("scheme", "", string(HMAC), string(Token), string(Basic)))
	foreign := []string{}
	switch s.Kind {
	case HMAC:
		foreign = []string{"token"}
		r.readHMAC(o, &s)
	case Token:
		foreign = schemeKeys[1:7]
		s.Token = r.readToken(o)
	case Basic:
		foreign = schemeKeys[1:]
	}
	for _, key := range foreign {
		if o.values[key] != nil {
			o.wrong(key, "remove it", "does not belong to the scheme %s", s.Kind)
		}
	}
	return s
}

// readHMAC reads what an hmac scheme has.
func (r *reader) readHMAC(o object, s *Scheme) {
	s.Hash = o.choice("hash", "", SHA1, SHA256, SHA512)
	s.Key = o.choice("key", KeyText, KeyText, KeyHex, KeyBase64, KeyWhsec)
	s.Signature = r.readSignature(o)
	s.Timestamp = r.readTimestamp(o, s.Signature)
	s.ID = r.readID(o)
	signed := o.need("signed", `write the template of what is signed, such as "{body}"`)
	if signed.Text == "" {
		return
	}
	s.Signed = signed.Text
	// The template is parsed here for its problems' lines, and again by
	// ingress/auth, which does not trust a scheme that was made by hand.
	t, err := ParseTemplate(signed.Text)
	if err != nil {
		o.wrong("signed", "", "%v", err)
		return
	}
	// What is signed is stored, so that it can be verified again.
	for _, name := range t.Names(RefHeader) {
		if holdsCredential(name) {
			o.wrong("signed", "leave it out", "has {header:%s}, which holds a credential and is never stored", name)
		}
	}
	r.checkSigned(o, t, RefTimestamp, "timestamp", o.has("timestamp"))
	r.checkSigned(o, t, RefID, "id", o.has("id"))
}

// checkSigned sees to it that what is read beside the signature is signed, and
// that what is signed is read.
func (r *reader) checkSigned(o object, t Template, ref Ref, key string, has bool) {
	switch {
	case has && !t.Refers(ref):
		o.wrong(key, fmt.Sprintf("put {%s} where the provider signs it, or remove the key", ref), "is not in signed, so anyone could change it")
	case !has && t.Refers(ref):
		o.wrong("signed", fmt.Sprintf("add %s: {header: …}", key), "has {%s}, but nothing says where it is", ref)
	}
}

// readSignature reads where the signature is and how it is written.
func (r *reader) readSignature(parent object) Signature {
	n := parent.values["signature"]
	if n == nil {
		parent.missing("signature", "write signature: {header: X-Signature, encoding: [hex]}")
		return Signature{}
	}
	o, ok := r.object(parent.key("signature"), n)
	if !ok {
		return Signature{}
	}
	o.only("header", "headers", "list", "pairs", "take", "prefix", "prefix_optional", "encoding")
	s := Signature{At: r.at(n), List: o.text("list").Text, Pairs: o.text("pairs").Text, Take: o.text("take").Text, Prefix: o.text("prefix").Text, Optional: o.flag("prefix_optional")}
	switch {
	case o.meant["header"] || o.meant["headers"]: // said of the key that was written instead
	case o.has("header") == o.has("headers"):
		o.r.problem(n, o.key("header"), "write header: NAME, or headers: [NAME, ALIAS]", "has to stand, or headers, and not both")
	case o.has("header"):
		s.Headers = []string{r.header(o.text("header"), o.key("header"))}
	default:
		s.Headers = r.readAliases(o)
	}
	for _, key := range []string{"list", "pairs"} {
		if v := o.values[key]; v != nil && len(v.Value) != 1 {
			o.wrong(key, `write one character, such as ","`, "is not one character")
		}
	}
	switch {
	case s.Pairs != "" && s.List == "":
		o.wrong("pairs", `add list: ","`, "needs list, the separator of the pairs")
	case s.Pairs != "" && s.Pairs == s.List:
		o.wrong("pairs", "write what stands between a key and its value", "is the same as list")
	case s.Pairs != "" && s.Take == "":
		o.missing("take", "write the key whose values are signatures, such as v1")
	case s.Pairs == "" && s.Take != "":
		o.wrong("take", `add pairs: "="`, "needs pairs, the separator of a key and its value")
	// Such a key would never be found.
	case strings.ContainsAny(s.Take, s.List+s.Pairs):
		o.wrong("take", "write the key alone", "%q has a separator in it", s.Take)
	}
	// Likely a prefix that was forgotten, not a flag too many.
	if s.Optional && s.Prefix == "" {
		o.wrong("prefix_optional", "add prefix, or remove it", "has no prefix to leave out")
	}
	s.Encoding = r.readEncodings(o)
	return s
}

// readAliases reads the names under which the one signature header may come.
func (r *reader) readAliases(o object) []string {
	var names []string
	for i, t := range o.texts("headers") {
		name := r.header(t, o.item("headers", i))
		if slices.Contains(names, name) && name != "" {
			o.wrong("headers", "remove one", "has %s twice", name)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		o.wrong("headers", "write headers: [NAME, ALIAS]", "is empty")
	}
	return names
}

// readEncodings reads one encoding, or a list of them.
func (r *reader) readEncodings(o object) []string {
	all := []string{Hex, Base64, Base64URL}
	if n := o.values["encoding"]; n == nil || n.Tag == "!!str" {
		return []string{o.choice("encoding", "", all...)}
	}
	encodings := o.texts("encoding")
	if len(encodings) == 0 {
		o.wrong("encoding", "write one or several of: "+strings.Join(all, ", "), "is empty")
	}
	for i, t := range encodings {
		if !slices.Contains(all, t.Text) {
			r.problems = append(r.problems, Problem{t.At, o.item("encoding", i), fmt.Sprintf("%q is not known", t.Text), "write one of: " + strings.Join(all, ", ")})
		}
	}
	return words(encodings)
}
