package document

import (
	"bytes"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"paybridge/schemas/delivery"
)

// DecodeForm parses an application/x-www-form-urlencoded body into an object of
// texts, in the order of the body. A repeated key is an error, as it is in JSON.
//
// The document's source is that object as JSON: what an event carries of a form.
func DecodeForm(body []byte, limits Limits) (*Document, error) {
	limits = limits.orDefault()
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, &Error{Reason: delivery.MalformedJSON, Problem: "the body is empty"}
	}
	if bytes.Count(body, []byte("&")) >= limits.Nodes {
		return nil, &Error{Reason: delivery.TooLarge, Problem: errNodes.Error()}
	}
	object := append(make([]byte, 0, len(body)+len(body)/4+16), '{')
	for pair := range strings.SplitSeq(string(body), "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if len(object) > 1 {
			object = append(object, ',')
		}
		var err error
		if object, err = appendFormText(object, name); err != nil {
			return nil, err
		}
		object = append(object, ':')
		if object, err = appendFormText(object, value); err != nil {
			return nil, err
		}
	}
	return Decode(append(object, '}'), limits)
}

// appendFormText appends what is escaped as a form wants it as a JSON string.
func appendFormText(dst []byte, escaped string) ([]byte, error) {
	text, err := url.QueryUnescape(escaped)
	if err != nil {
		return nil, &Error{Reason: delivery.MalformedJSON, Problem: "not a form: a percent sign without two hexadecimal digits"}
	}
	if !utf8.ValidString(text) {
		return nil, &Error{Reason: delivery.MalformedJSON, Problem: "invalid UTF-8"}
	}
	return jsontext.AppendQuote(dst, text)
}
