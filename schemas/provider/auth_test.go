package provider

import (
	"strings"
	"testing"
)

// inline is a pack with an auth half alone; its auth: is line 4.
func inline(auth string) string {
	return "name: acme\ntitle: A\nconfidence: documented\nauth:" + auth + "\n"
}

// hmacWith is a complete hmac scheme in flow style with one more key.
func hmacWith(more string) string {
	return ` {scheme: hmac, hash: sha256, signed: "{body}", signature: {header: X-Signature, encoding: hex}` + more + `}`
}

// edit replaces parts of a scheme: old, new, old, new …
func edit(scheme string, oldNew ...string) string {
	return strings.NewReplacer(oldNew...).Replace(scheme)
}

func TestSchemes(t *testing.T) {
	for name, c := range map[string]struct {
		auth string
		want []string
	}{
		"hmac": {hmacWith(""), nil},
		"text": {
			" hmac",
			[]string{":4: auth: is text, not a mapping"},
		},
		"no scheme": {
			" {hash: sha256}",
			[]string{":4: auth.scheme: is missing; write one of: hmac, token, basic"},
		},
		"rsa": {
			" {scheme: rsa}",
			[]string{`:4: auth.scheme: "rsa" is not known`},
		},
		"no hash": {
			` {scheme: hmac, signed: "{body}", signature: {header: X, encoding: hex}}`,
			[]string{":4: auth.hash: is missing; write one of: sha1"},
		},
		"no signed": {
			` {scheme: hmac, hash: sha1, signature: {header: X, encoding: hex}}`,
			[]string{":4: auth.signed: is missing; write the template"},
		},
		"no signature": {
			` {scheme: hmac, hash: sha1, signed: "{body}"}`,
			[]string{":4: auth.signature: is missing"},
		},
		"no encoding": {
			` {scheme: hmac, hash: sha1, signed: "{body}", signature: {header: X}}`,
			[]string{":4: auth.signature.encoding: is missing"},
		},
		"signature as text": {
			` {scheme: hmac, hash: sha1, signed: "{body}", signature: X}`,
			[]string{":4: auth.signature: is text, not a mapping"},
		},
		"an unknown key": {
			hmacWith(", hmac: x"),
			[]string{":4: auth.hmac: is not a key of the format; write one of: any_of, keep"},
		},
		"token in hmac": {
			hmacWith(", token: {header: X}"),
			[]string{":4: auth.token: does not belong to the scheme hmac"},
		},
		"hash in token": {
			` {scheme: token, token: {header: X}, hash: sha1}`,
			[]string{":4: auth.hash: does not belong to the scheme token"},
		},
		"token in basic": {
			` {scheme: basic, token: {header: X}}`,
			[]string{":4: auth.token: does not belong to the scheme basic"},
		},
		"token": {` {scheme: token, token: {header: X, prefix: ""}}`, nil},
		"token nowhere": {
			` {scheme: token}`,
			[]string{":4: auth.token: is missing; write token: {header: Authorization}"},
		},
		"token in two places": {
			` {scheme: token, token: {header: X, query: x}}`,
			[]string{":4: auth.token: needs exactly one of: header, query"},
		},
		"token in a pair": {
			` {scheme: token, token: {pair: x}}`,
			[]string{":4: auth.token.pair: is not a key", ":4: auth.token: needs exactly one of"},
		},
		"signed constant": {
			edit(hmacWith(""), "{body}", "x"),
			[]string{":4: auth.signed: refers to nothing"},
		},
		"signed credential": {
			edit(hmacWith(""), "{body}", "{header:authorization}{body}"),
			[]string{":4: auth.signed: has {header:Authorization}, which holds a credential"},
		},
		"timestamp unsigned": {
			hmacWith(", timestamp: {header: T, unit: seconds}"),
			[]string{":4: auth.timestamp: is not in signed, so anyone could change it; put {timestamp} where"},
		},
		"timestamp nowhere": {
			edit(hmacWith(""), "{body}", "{timestamp}{body}"),
			[]string{":4: auth.signed: has {timestamp}, but nothing says where it is; add timestamp: {header: …}"},
		},
		"id unsigned": {
			hmacWith(", id: {header: T}"),
			[]string{":4: auth.id: is not in signed, so anyone could change it; put {id} where"},
		},
		"id as text": {
			edit(hmacWith(", id: X-Id"), "{body}", "{id}{body}"),
			[]string{":4: auth.id: is text, not a mapping"},
		},
		"an id that is a credential": {
			edit(hmacWith(", id: {header: cookie}"), "{body}", "{id}{body}"),
			[]string{":4: auth.id.header: Cookie holds a credential"},
		},
		"timestamp as text": {
			edit(hmacWith(", timestamp: X-Time"), "{body}", "{timestamp}{body}"),
			[]string{":4: auth.timestamp: is text, not a mapping"},
		},
		"token as text": {
			" {scheme: token, token: Authorization}",
			[]string{":4: auth.token: is text, not a mapping"},
		},
		"answer as text": {
			hmacWith(", answer: ok"),
			[]string{":4: auth.answer: is text, not a mapping"},
		},
		"an empty header": {
			edit(hmacWith(""), "X-Signature", `""`),
			[]string{":4: auth.signature.header: is empty; write it, or leave the key out"},
		},
		"id nowhere": {
			edit(hmacWith(""), "{body}", "{id}{body}"),
			[]string{":4: auth.signed: has {id}, but nothing says where it is"},
		},
		"id in the query": {
			edit(hmacWith(", id: {query: x}"), "{body}", "{id}{body}"),
			[]string{":4: auth.id.query: is not a key", ":4: auth.id: needs exactly one of: header"},
		},
		"no unit": {
			edit(hmacWith(", timestamp: {header: T}"), "{body}", "{timestamp}{body}"),
			[]string{":4: auth.timestamp.unit: is missing; write one of: seconds, milliseconds, seconds_or_milliseconds, rfc3339"},
		},
		"pair without pairs": {
			edit(hmacWith(", timestamp: {pair: t, unit: seconds}"), "{body}", "{timestamp}{body}"),
			[]string{":4: auth.timestamp.pair: needs signature.pairs"},
		},
		"tolerance in words": {
			edit(hmacWith(", timestamp: {header: T, unit: seconds, tolerance: 5 minutes}"), "{body}", "{timestamp}{body}"),
			[]string{`:4: auth.timestamp.tolerance: "5 minutes" is not a duration; write a number and a unit: 30s, 5m, 1h`},
		},
		"tolerance as a number": {
			edit(hmacWith(", timestamp: {header: T, unit: seconds, tolerance: 300}"), "{body}", "{timestamp}{body}"),
			[]string{`:4: auth.timestamp.tolerance: has no unit; write 300s or 5m`},
		},
		"tolerance of zero": {
			edit(hmacWith(", timestamp: {header: T, unit: seconds, tolerance: 0s}"), "{body}", "{timestamp}{body}"),
			[]string{`:4: auth.timestamp.tolerance: 0s is not over 0 and at most 168h0m0s`},
		},
		"tolerance of a year": {
			edit(hmacWith(", timestamp: {header: T, unit: seconds, tolerance: 8760h}"), "{body}", "{timestamp}{body}"),
			[]string{`:4: auth.timestamp.tolerance: 8760h is not over 0`},
		},
		"dated by a credential": {
			edit(hmacWith(", timestamp: {header: Cookie, unit: seconds}"), "{body}", "{timestamp}{body}"),
			[]string{`:4: auth.timestamp.header: Cookie holds a credential`},
		},
		"header and headers": {
			edit(hmacWith(""), "header: X-Signature", "header: X, headers: [Y]"),
			[]string{":4: auth.signature.header: has to stand, or headers, and not both"},
		},
		"no header": {
			edit(hmacWith(""), "header: X-Signature, ", ""),
			[]string{":4: auth.signature.header: has to stand"},
		},
		"the same alias twice": {
			edit(hmacWith(""), "header: X-Signature", "headers: [x-a, X-A]"),
			[]string{":4: auth.signature.headers: has X-A twice"},
		},
		"a header with a space": {
			edit(hmacWith(""), "X-Signature", "X Signature"),
			[]string{`:4: auth.signature.header: "X Signature" is no header name`},
		},
		"a header with a colon": {
			edit(hmacWith(""), "X-Signature", `"X-Signature:"`),
			[]string{`:4: auth.signature.header: "X-Signature:" is no header name`},
		},
		"the header Host": {
			edit(hmacWith(""), "X-Signature", "host"),
			[]string{`:4: auth.signature.header: host does not reach a scheme`},
		},
		"a list of two bytes": {
			edit(hmacWith(""), "encoding: hex", `encoding: hex, list: ", "`),
			[]string{":4: auth.signature.list: is not one character"},
		},
		"pairs without list": {
			edit(hmacWith(""), "encoding: hex", `encoding: hex, pairs: "=", take: v1`),
			[]string{":4: auth.signature.pairs: needs list"},
		},
		"pairs as list": {
			edit(hmacWith(""), "encoding: hex", `encoding: hex, list: "=", pairs: "=", take: v1`),
			[]string{":4: auth.signature.pairs: is the same as list"},
		},
		"pairs without take": {
			edit(hmacWith(""), "encoding: hex", `encoding: hex, list: ",", pairs: "="`),
			[]string{":4: auth.signature.take: is missing"},
		},
		"take without pairs": {
			edit(hmacWith(""), "encoding: hex", `encoding: hex, list: ",", take: v1`),
			[]string{":4: auth.signature.take: needs pairs"},
		},
		"take with a separator": {
			edit(hmacWith(""), "encoding: hex", `encoding: hex, list: ",", pairs: "=", take: "v=1"`),
			[]string{`:4: auth.signature.take: "v=1" has a separator in it`},
		},
		"an optional nothing": {
			edit(hmacWith(""), "encoding: hex", `encoding: hex, prefix_optional: true`),
			[]string{":4: auth.signature.prefix_optional: has no prefix to leave out"},
		},
		"no encodings": {
			edit(hmacWith(""), "encoding: hex", `encoding: []`),
			[]string{":4: auth.signature.encoding: is empty"},
		},
		"an unknown encoding": {
			edit(hmacWith(""), "encoding: hex", `encoding: base32`),
			[]string{`:4: auth.signature.encoding: "base32" is not known`},
		},
		"an encoding twice": {
			edit(hmacWith(""), "encoding: hex", `encoding: [hex, hex]`),
			[]string{`:4: auth.signature.encoding[1]: "hex" stands twice`},
		},
		"the signatures' key": {
			edit(hmacWith(", timestamp: {pair: v1, unit: seconds}"), "{body}", "{timestamp}{body}", "encoding: hex", `encoding: hex, list: ",", pairs: "=", take: v1`),
			[]string{`:4: auth.timestamp.pair: is the key of the signatures`},
		},
		"keeping a credential": {
			hmacWith(", keep: [authorization]"),
			[]string{":4: auth.keep[0]: Authorization holds a credential and is never stored"},
		},
		"keeping nonsense": {
			hmacWith(`, keep: ["a b"]`),
			[]string{`:4: auth.keep[0]: "a b" is no header name`},
		},
		"keeping the token": {
			" {scheme: token, token: {header: X-Token}, keep: [x-token]}",
			[]string{":4: auth: the header X-Token holds a static token in one scheme and is stored by another, or by keep"},
		},
		"an answer of no type": {
			hmacWith(", answer: {body: ok}"),
			[]string{":4: auth.answer.content_type: is missing"},
		},
		"an answer of no body": {
			hmacWith(", answer: {content_type: text/plain}"),
			[]string{":4: auth.answer.body: is missing"},
		},
		"a long answer": {
			hmacWith(", answer: {content_type: text/plain, body: " + strings.Repeat("x", 1025) + "}"),
			[]string{":4: auth.answer.body: is longer than 1024 bytes"},
		},
		"a header in the answer": {
			hmacWith(`, answer: {content_type: "text/plain\r\nX: y", body: ok}`),
			[]string{":4: auth.answer.content_type: is no content type"},
		},
		"an unknown answer": {
			hmacWith(", answer: {content_type: a, body: b, status: 202}"),
			[]string{":4: auth.answer.status: is not a key"},
		},
		"any_of": {" {any_of: [" + hmacWith("") + ", {scheme: basic}]}", nil},
		"any_of nothing": {
			" {any_of: []}",
			[]string{":4: auth.any_of: has 0 schemes, not 1 to 8"},
		},
		"any_of nine": {
			" {any_of: [" + strings.Repeat("{scheme: basic},", 9) + "]}",
			[]string{":4: auth.any_of: has 9 schemes, not 1 to 8"},
		},
		"any_of a mapping": {
			" {any_of: {scheme: basic}}",
			[]string{":4: auth.any_of: is a mapping, not a list", ":4: auth.any_of: has 0 schemes"},
		},
		"any_of texts": {
			" {any_of: [basic]}",
			[]string{":4: auth.any_of[0]: is text, not a mapping"},
		},
		"any_of beside a scheme": {
			" {any_of: [{scheme: basic}], scheme: basic}",
			[]string{":4: auth.scheme: is not a key of the format; write one of: any_of, keep, answer"},
		},
		"keep inside any_of": {
			" {any_of: [{scheme: basic, keep: [X]}]}",
			[]string{":4: auth.any_of[0].keep: is not a key of the format"},
		},
		"a token that is stored": {
			" {any_of: [" + hmacWith("") + ", {scheme: token, token: {header: X-Signature}}]}",
			[]string{":4: auth: the header X-Signature holds a static token"},
		},
		"Basic that is stored": {
			" {any_of: [" + edit(hmacWith(""), "X-Signature", "Authorization") + ", {scheme: basic}]}",
			[]string{":4: auth: the header Authorization holds a static token"},
		},
		"a stored query's token": {
			" {any_of: [" + edit(hmacWith(""), "{body}", "{query:id}") + ", {scheme: token, token: {query: t}}]}",
			[]string{":4: auth: the query holds a static token in one scheme and is signed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := acme(t, inline(c.auth)).Auth("acme")
			expect(t, err, c.want...)
		})
	}
}

func TestStoredIsOfSchemesThatSign(t *testing.T) {
	a := &Auth{AnyOf: []Scheme{{Kind: Token, Token: Value{Header: "X-Token"}, Signature: Signature{Headers: []string{"X-Token"}}, Signed: "{query:t}"}}, Keep: []string{"X-Event"}}
	if headers, query := a.Stored(); strings.Join(headers, " ") != "X-Event" || query {
		t.Errorf("%v %t", headers, query)
	}
	a.AnyOf = []Scheme{{Kind: HMAC, Signed: "{query:t}{header:X-A}", Timestamp: &Timestamp{From: Value{Query: "ts"}}}}
	if headers, query := a.Stored(); strings.Join(headers, " ") != "X-A X-Event" || !query {
		t.Errorf("%v %t", headers, query)
	}
}
