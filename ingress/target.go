package ingress

import (
	"net/http"
	"strconv"
	"strings"
)

// splitTarget cuts a request target as it was sent into its path and its query.
func splitTarget(target string) (path, query string) {
	path, query, _ = strings.Cut(target, "?")
	return path, query
}

// isEncoded says whether a body needs decoding before it is what was signed.
func isEncoded(codings []string) bool {
	for _, line := range codings {
		for coding := range strings.SplitSeq(line, ",") {
			coding = strings.Trim(coding, " \t")
			if coding != "" && !strings.EqualFold(coding, "identity") {
				return true
			}
		}
	}
	return false
}

// traceparentLength is that of version 00: version, trace, parent and flags.
const traceparentLength = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

// traceparent is the one header of W3C Trace Context where it is valid, else "". Of
// a version that is not known, what version 00 defines is taken, as the
// specification asks.
func traceparent(values []string) string {
	if len(values) != 1 || len(values[0]) < traceparentLength {
		return ""
	}
	value := values[0][:traceparentLength]
	rest := values[0][traceparentLength:]
	for i := range len(value) {
		c := value[i]
		if dash := i == 2 || i == 35 || i == 52; dash != (c == '-') {
			return ""
		} else if !dash && !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return ""
		}
	}
	version := value[:2]
	switch {
	case version == "ff", version == "00" && rest != "", rest != "" && rest[0] != '-':
		return ""
	case strings.Trim(value[3:35], "0") == "", strings.Trim(value[36:52], "0") == "":
		return ""
	}
	return "00" + value[2:]
}

// traceID is the trace of a valid traceparent, or "".
func traceID(traceparent string) string {
	if traceparent == "" {
		return ""
	}
	return traceparent[3:35]
}

// isSampled says whether the sender of a valid traceparent, or of "", records its trace.
func isSampled(traceparent string) bool {
	return traceparent != "" && strings.IndexByte("13579bdf", traceparent[traceparentLength-1]) >= 0
}

// accept answers 200 with the constant that the provider wants to read, if any. An
// empty one is what net/http answers by itself when a handler returns, at less cost.
func (to *route) accept(w http.ResponseWriter, closing bool) {
	if closing {
		w.Header().Set("Connection", "close")
	}
	if to.answer.Body == "" {
		w.Header()["Content-Length"] = noLength
		return
	}
	if to.answer.ContentType != "" {
		w.Header().Set("Content-Type", to.answer.ContentType)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(to.answer.Body)))
	_, _ = w.Write([]byte(to.answer.Body)) // the sender may be gone; the delivery is stored
}

var noLength = []string{"0"}
