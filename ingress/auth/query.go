package auth

import (
	"net/url"
	"strings"
)

// queryOnce is the decoded value of a query parameter that has to stand exactly
// once. Only "&" separates parameters. net/url's ParseQuery would allocate a map of
// all of them, and drop what it cannot read instead of refusing it. A query that cannot be decoded is Malformed: whether the parameter is in
// it cannot be told.
func queryOnce(raw, name string) (string, Reason) {
	value, count := "", 0
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		key, text, _ := strings.Cut(pair, "=")
		key, err := unescape(key)
		if err != nil {
			return "", Malformed
		}
		if key != name {
			continue
		}
		if value, err = unescape(text); err != nil {
			return "", Malformed
		}
		count++
	}
	switch {
	case count > 1:
		return "", Malformed
	case value == "":
		return "", Missing
	}
	return value, ""
}

// unescape decodes a part of a query; the usual part has nothing to decode and
// costs no allocation.
func unescape(text string) (string, error) {
	if !strings.ContainsAny(text, "%+") {
		return text, nil
	}
	return url.QueryUnescape(text)
}
