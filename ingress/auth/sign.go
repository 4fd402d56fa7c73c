package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"paybridge/schemas/provider"
)

// Sign returns r's header and query as the provider would send them: the first
// alternative of the pack, with the given secret, dated r.ReceivedAt. A signed id
// that r does not have is derived from the body; other headers and query
// parameters that the provider signs are r's own. r is not changed.
func Sign(a *provider.Auth, s Secret, r Request) (http.Header, string, error) {
	if len(a.AnyOf) == 0 {
		return nil, "", fmt.Errorf("%s: auth: has no scheme", a.Name)
	}
	signed, err := signWith(&a.AnyOf[0], s, r)
	if err != nil {
		return nil, "", fmt.Errorf("%s: sign: %w", a.Name, err)
	}
	return signed.Header, signed.Query, nil
}

// signWith is r as the provider would send it under one scheme.
func signWith(s *provider.Scheme, secret Secret, r Request) (Request, error) {
	r = r.clone()
	// allow_weak does not let an undecodable secret through.
	weak := secret
	weak.AllowWeak = true // whether a secret is good is New's to say
	key, problem := weak.keyFor(s)
	if problem != nil {
		return r, problem
	}
	switch s.Kind {
	case provider.HMAC:
		return signHMAC(s, key, r, "")
	case provider.Token:
		if s.Token.Query != "" {
			r.Query = setQuery(r.Query, s.Token.Query, s.Token.Prefix+string(key))
		} else {
			r.Header.Set(s.Token.Header, s.Token.Prefix+string(key))
		}
		return r, nil
	case provider.Basic:
		r.Header.Set(authorization, "Basic "+base64.StdEncoding.EncodeToString(key))
		return r, nil
	}
	return r, fmt.Errorf("scheme %q: is not built", s.Kind)
}

// signHMAC dates and signs r, which it may change. stamp is the timestamp's text;
// "" dates r.ReceivedAt.
func signHMAC(s *provider.Scheme, key []byte, r Request, stamp string) (Request, error) {
	compiled, err := newHMAC(s, nil)
	if err != nil {
		return r, err
	}
	h := compiled.(*hmacScheme)
	var values signedValues
	if h.moment != nil {
		values.timestamp = stamp
		if stamp == "" {
			values.timestamp = h.moment.write(r.ReceivedAt)
		}
		switch from := h.moment.from; {
		case from.Header != "":
			r.Header.Set(from.Header, values.timestamp)
		case from.Query != "":
			r.Query = setQuery(r.Query, from.Query, values.timestamp)
		}
	}
	if h.id != "" {
		if r.Header.Get(h.id) == "" {
			digest := sha256.Sum256(r.Body)
			r.Header.Set(h.id, "msg_"+base64.RawURLEncoding.EncodeToString(digest[:])[:22])
		}
		values.id = r.Header.Get(h.id)
	}
	digest, err := h.digest(s.Hash, key, values, &r)
	if err != nil {
		return r, err
	}
	for _, name := range h.signature.headers {
		r.Header.Del(name)
	}
	r.Header.Set(h.signature.headers[0], h.signature.write(h.moment.pair(), values.timestamp, h.signature.encodings[0].encode(digest)))
	return r, nil
}

// digest is the HMAC of what the provider signs of r. It composes the text with
// the very template that verifies, so what it cannot show is that the template is
// right: vectors from elsewhere do.
func (h *hmacScheme) digest(hash string, key []byte, values signedValues, r *Request) ([]byte, error) {
	newHash, _, err := hashOf(hash)
	if err != nil {
		return nil, err
	}
	w := &hmacWork{}
	if reason := h.template.compose(r, values, w); reason != "" {
		return nil, fmt.Errorf("the request has not exactly one of each part of %s that the provider signs", h.template.segments)
	}
	mac := hmac.New(newHash, key)
	w.write(mac, r.Body)
	return mac.Sum(nil), nil
}

// write is a signature header's value: the signature in its form, and the
// timestamp beside it where the provider puts it there.
func (s *signature) write(stamp, timestamp, text string) string {
	text = s.prefix + text
	if s.pairs == "" {
		return text
	}
	text = s.take + s.pairs + text
	if stamp == "" {
		return text
	}
	return stamp + s.pairs + timestamp + s.list + text
}

// setQuery puts a parameter into a raw query in place of those of its name; the
// others stay as they are.
func setQuery(raw, name, value string) string {
	pair := url.QueryEscape(name) + "=" + url.QueryEscape(value)
	if raw = dropQuery(raw, name); raw == "" {
		return pair
	}
	return raw + "&" + pair
}

// dropQuery takes a parameter out of a raw query.
func dropQuery(raw, name string) string {
	var pairs []string
	for pair := range strings.SplitSeq(raw, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if decoded, err := unescape(key); pair != "" && (err != nil || decoded != name) {
			pairs = append(pairs, pair)
		}
	}
	return strings.Join(pairs, "&")
}

// clone is a request that shares nothing with r.
func (r Request) clone() Request {
	r.Header = r.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Body = append([]byte(nil), r.Body...)
	return r
}
