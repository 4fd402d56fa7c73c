package operate

import (
	"fmt"
	"strings"
)

// EventFilter makes a subject filter on the payments stream of what people type:
//
//	""                       everything
//	pik                      everything from source pik
//	*.payin.confirmed        money confirmed coming in, any provider
//	payments.pik.refund.>    a subject as NATS writes it
//
// A filter without "payments." gets it, and one that leaves tokens out means
// whatever they are.
func EventFilter(text string) (string, error) {
	if text == "" || text == ">" || text == "payments" {
		return "payments.>", nil
	}
	tokens := strings.Split(text, ".")
	if tokens[0] != "payments" {
		tokens = append([]string{"payments"}, tokens...)
	}
	for i, token := range tokens {
		if token == "" || strings.ContainsAny(token, " \t\r\n") || len(token) > 1 && strings.ContainsAny(token, "*>") ||
			token == ">" && i != len(tokens)-1 {
			return "", advise(fmt.Errorf("filter %q: token %d is not a subject token", text, i+1),
				`write tokens separated by dots, such as pik, "*.payin.confirmed" or "payments.*.refund.>"; quote * and > in a shell`)
		}
	}
	if last := tokens[len(tokens)-1]; last != ">" && len(tokens) < subjectHead+1 {
		tokens = append(tokens, ">")
	}
	return strings.Join(tokens, "."), nil
}

// FilterSource is the source that a filter names, and whether the filter is a subject as
// NATS writes it: then it is meant as it stands, also where nobody knows the source yet.
// "" is any source.
func FilterSource(text string) (source string, subject bool) {
	rest, subject := strings.CutPrefix(text, "payments.")
	source, _, _ = strings.Cut(rest, ".")
	if source == "*" || source == ">" || source == "payments" {
		return "", subject
	}
	return source, subject
}

// subjectHead is how many tokens of an event's subject come before the native
// type: payments, source, kind and state.
const subjectHead = 4

// nativeTokens is the native type as it stands in an event's subject.
func nativeTokens(subject string) string {
	tokens := strings.SplitN(subject, ".", subjectHead+1)
	if len(tokens) <= subjectHead {
		return ""
	}
	return tokens[subjectHead]
}

// kindToken is the kind as it stands in an event's subject.
func kindToken(subject string) string {
	tokens := strings.SplitN(subject, ".", subjectHead)
	if len(tokens) < subjectHead {
		return ""
	}
	return tokens[2]
}

// sourceToken is the source as it stands in a subject of any of the streams.
func sourceToken(subject string) string {
	_, rest, _ := strings.Cut(subject, ".")
	source, _, _ := strings.Cut(rest, ".")
	return source
}

// matches says that a subject is one that a filter lets through.
func matches(filter, subject string) bool {
	for {
		want, restOfFilter, moreFilter := strings.Cut(filter, ".")
		token, rest, more := strings.Cut(subject, ".")
		switch {
		case want == ">":
			return true
		case want != "*" && want != token, more != moreFilter:
			return false
		case !more:
			return true
		}
		filter, subject = restOfFilter, rest
	}
}
