package proof

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// maxNeighbourBody bounds the body of a request whose neighbours are tried with two
// and three changes at once: each of some hundreds hashes it.
const maxNeighbourBody = 64 << 10 // bytes

// change is another value of one parameter.
type change struct {
	text  string // as one writes it: "hash: sha512"
	apply func(s *provider.Scheme, f *provider.Fixture)
}

// refusal says what an author may do about a request that has to be accepted and is
// refused: which header is not there, or with which parameters it would pass. It is
// "" where nothing near helps.
func (p *pack) refusal(f provider.Fixture, err error) string {
	var refused *auth.Error
	var secrets auth.Problems // such as base64 that is none: another key may read them
	if !errors.As(err, &refused) && !errors.As(err, &secrets) {
		return ""
	}
	if refused != nil && (refused.Reason == auth.Stale || refused.Reason == auth.Future) {
		return "write into received_at when the request came: it has to be within the tolerance of the signed timestamp"
	}
	if absent := p.absent(f); len(absent) > 0 {
		return "the request has no " + strings.Join(absent, ", and no ")
	}
	most := 3
	if len(f.Body) > maxNeighbourBody {
		most = 1
	}
	for _, s := range p.auth.AnyOf {
		if s.Kind != provider.HMAC {
			continue
		}
		for n := 1; n <= most; n++ {
			if texts := try(s, f, parameters(s, f), n); texts != nil {
				return "would be authentic with " + strings.Join(texts, " and ")
			}
		}
	}
	return ""
}

// try is the first combination of n changes, each of another parameter, under which
// the request is authentic; nil where there is none.
func try(s provider.Scheme, f provider.Fixture, parameters [][]change, n int) []string {
	if n == 0 {
		v, err := auth.New(&provider.Auth{Name: "neighbour", AnyOf: []provider.Scheme{s}}, auth.FixtureSecrets(&f))
		if err != nil {
			return nil
		}
		if _, err := v.Verify(auth.FixtureRequest(&f)); err != nil {
			return nil
		}
		return []string{}
	}
	for i, changes := range parameters {
		for _, c := range changes {
			scheme, fixture := s, f
			if s.Timestamp != nil {
				dated := *s.Timestamp
				scheme.Timestamp = &dated
			}
			c.apply(&scheme, &fixture)
			if texts := try(scheme, fixture, parameters[i+1:], n-1); texts != nil {
				return append([]string{c.text}, texts...)
			}
		}
	}
	return nil
}

// parameters are the values that authors mistake for each other.
func parameters(s provider.Scheme, f provider.Fixture) [][]change {
	var all [][]change
	set := func(key, was string, at func(s *provider.Scheme) *string, values ...string) {
		var changes []change
		for _, value := range values {
			if value != was {
				text := fmt.Sprintf("`%s: %s`", key, value)
				if strings.ContainsAny(value, `{= :`) {
					text = fmt.Sprintf("`%s: %q`", key, value)
				}
				if value == "" {
					text = "no " + key
				}
				changes = append(changes, change{text, func(s *provider.Scheme, _ *provider.Fixture) { *at(s) = value }})
			}
		}
		all = append(all, changes)
	}
	set("hash", s.Hash, func(s *provider.Scheme) *string { return &s.Hash }, provider.SHA1, provider.SHA256, provider.SHA512)
	set("key", s.Key, func(s *provider.Scheme) *string { return &s.Key }, provider.KeyText, provider.KeyHex, provider.KeyBase64, provider.KeyWhsec)
	var encodings []change
	for _, encoding := range []string{provider.Hex, provider.Base64, provider.Base64URL} {
		if !slices.Contains(s.Signature.Encoding, encoding) {
			encodings = append(encodings, change{fmt.Sprintf("`encoding: [%s]`", encoding), func(s *provider.Scheme, _ *provider.Fixture) {
				s.Signature.Encoding = []string{encoding}
			}})
		}
	}
	all = append(all, encodings)
	set("signed", s.Signed, func(s *provider.Scheme) *string { return &s.Signed }, templates(s)...)
	if s.Signature.Pairs == "" {
		set("prefix", s.Signature.Prefix, func(s *provider.Scheme) *string { return &s.Signature.Prefix }, prefixes(s, f)...)
	} else {
		set("take", s.Signature.Take, func(s *provider.Scheme) *string { return &s.Signature.Take }, pairKeys(s, f)...)
	}
	if s.Timestamp != nil {
		set("unit", s.Timestamp.Unit, func(s *provider.Scheme) *string { return &s.Timestamp.Unit }, provider.Seconds, provider.Milliseconds, provider.RFC3339)
	}
	return append(all, []change{{"a line end after the body: leave an empty line after it in the fixture", func(_ *provider.Scheme, f *provider.Fixture) {
		f.Body = append(slices.Clone(f.Body), '\n')
	}}})
}

// templates are what providers sign, of what the scheme can read.
func templates(s provider.Scheme) []string {
	all := []string{"{body}"}
	for _, separator := range []string{".", "", ":", "|", "\n"} {
		if s.Timestamp != nil {
			all = append(all, "{timestamp}"+separator+"{body}", "{body}"+separator+"{timestamp}")
		}
		if s.Timestamp != nil && s.ID != nil {
			all = append(all, "{id}"+separator+"{timestamp}"+separator+"{body}")
		}
	}
	return all
}

// prefixes are what may stand before the signature: nothing, or up to the first "=".
func prefixes(s provider.Scheme, f provider.Fixture) []string {
	all := []string{""}
	for _, name := range s.Signature.Headers {
		value := http.Header(f.Header).Get(name)
		for _, end := range []string{"=", " "} {
			if before, _, ok := strings.Cut(value, end); ok && len(before) <= 16 {
				all = append(all, before+end)
			}
		}
	}
	return all
}

// pairKeys are the keys of the signature header's list.
func pairKeys(s provider.Scheme, f provider.Fixture) (all []string) {
	for _, name := range s.Signature.Headers {
		for element := range strings.SplitSeq(http.Header(f.Header).Get(name), s.Signature.List) {
			key, _, ok := strings.Cut(strings.TrimSpace(element), s.Signature.Pairs)
			if ok && (s.Timestamp == nil || key != s.Timestamp.From.Pair) {
				all = append(all, key)
			}
		}
	}
	return all
}

// absent names the headers that every alternative needs and the request has not; none
// where one alternative has all that it needs.
func (p *pack) absent(f provider.Fixture) (names []string) {
	for _, s := range p.auth.AnyOf {
		var missing []string
		need := func(headers ...string) {
			if headers[0] != "" && !slices.ContainsFunc(headers, func(name string) bool { return http.Header(f.Header).Get(name) != "" }) {
				missing = append(missing, "header "+strings.Join(headers, " or "))
			}
		}
		switch s.Kind {
		case provider.HMAC:
			need(s.Signature.Headers...)
			if s.Timestamp != nil {
				need(s.Timestamp.From.Header)
			}
			if s.ID != nil {
				need(s.ID.Header)
			}
		case provider.Token:
			need(s.Token.Header)
		case provider.Basic:
			need("Authorization")
		}
		if len(missing) == 0 {
			return nil
		}
		for _, name := range missing {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
