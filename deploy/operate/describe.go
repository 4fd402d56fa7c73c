package operate

import (
	"fmt"
	"strings"

	"paybridge/schemas/provider"
)

// SchemeText says in one line how a provider signs: "HMAC-SHA256 of {body} in
// PIK-Signature, hex or base64".
func SchemeText(s provider.Scheme) string {
	switch s.Kind {
	case provider.Token:
		return "a static token in " + place(s.Token)
	case provider.Basic:
		return "HTTP Basic user and password"
	case provider.HMAC:
		return hmacText(s)
	}
	return string(s.Kind)
}

// hmacText names what is hashed, where the signature stands and how it is written:
// what one needs to compare with a provider's page.
func hmacText(s provider.Scheme) string {
	sig := s.Signature
	text := fmt.Sprintf("HMAC-%s of %s in %s", strings.ToUpper(s.Hash), s.Signed, strings.Join(sig.Headers, " or "))
	if sig.Pairs != "" {
		text += fmt.Sprintf(" (%s%s…)", sig.Take, sig.Pairs)
	}
	text += ", " + strings.Join(sig.Encoding, " or ")
	if sig.Prefix != "" {
		optional := ""
		if sig.Optional {
			optional = "perhaps "
		}
		text += fmt.Sprintf(" %safter %q", optional, sig.Prefix)
	}
	if s.Key != provider.KeyText {
		text += ", key in " + s.Key
	}
	if t := s.Timestamp; t != nil {
		text += ", dated in " + place(t.From)
		if t.Tolerance > 0 {
			text += " ± " + Age(t.Tolerance)
		}
	}
	return text
}

// place says where a value of a request is.
func place(v provider.Value) string {
	text := v.Header
	switch {
	case v.Query != "":
		text = "the query parameter " + v.Query
	case v.Pair != "":
		text = "its " + v.Pair
	}
	if v.Prefix != "" {
		text += fmt.Sprintf(" after %q", v.Prefix)
	}
	return text
}

// AuthText is every way in which a provider may sign.
func AuthText(a *provider.Auth) string {
	ways := make([]string, len(a.AnyOf))
	for i, s := range a.AnyOf {
		ways[i] = SchemeText(s)
	}
	return strings.Join(ways, "; or ")
}
