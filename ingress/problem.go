package ingress

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// reason says why a request was not stored, for metrics and logs. The set is
// closed: it is a metric label.
type reason string

const (
	reasonPath      reason = "path"
	reasonMethod    reason = "method"
	reasonEncoding  reason = "encoding"
	reasonSize      reason = "size"
	reasonEmpty     reason = "empty"
	reasonMalformed reason = "malformed"
	reasonHeaders   reason = "headers"
	reasonSlow      reason = "slow"
	reasonAuth      reason = "auth"
	reasonCapacity  reason = "capacity"
	reasonStore     reason = "store"
	reasonPanic     reason = "panic"
)

// problem is an answer other than 200: a constant, whatever the request was.
type problem struct {
	reason     reason
	status     int
	retryAfter string // seconds; "" where trying again does not help
	allow      string // of a 405
	body       []byte // application/problem+json (RFC 9457)
}

// problemType is the content type of every answer but 200.
const problemType = "application/problem+json"

// newProblem makes an answer with a status; retryAfter is in seconds, 0 for none.
func newProblem(r reason, status, retryAfter int, detail string) *problem {
	p := &problem{reason: r, status: status}
	if retryAfter > 0 {
		p.retryAfter = strconv.Itoa(retryAfter)
	}
	p.body = fmt.Appendf(nil, `{"type":"about:blank","title":%q,"status":%d,"detail":%q}`+"\n", http.StatusText(status), status, detail)
	return p
}

// allowing is p for a resource that has methods.
func (p *problem) allowing(methods string) *problem {
	p.allow = methods
	return p
}

// The problems, in the order in which they are looked for. They are never changed.
var (
	problemMalformed = newProblem(reasonMalformed, http.StatusBadRequest, 0, "the request is not well-formed HTTP")
	problemHeaders   = newProblem(reasonHeaders, http.StatusRequestHeaderFieldsTooLarge, 0, "the headers are too large or too many")
	problemPath      = newProblem(reasonPath, http.StatusNotFound, 0, "there is nothing at this path")
	problemMethod    = newProblem(reasonMethod, http.StatusMethodNotAllowed, 0, "webhooks are sent with POST").allowing("POST")
	problemEncoding  = newProblem(reasonEncoding, http.StatusUnsupportedMediaType, 0, "the body must not be content-encoded")
	problemSize      = newProblem(reasonSize, http.StatusRequestEntityTooLarge, 0, "the body is over the limit")
	problemEmpty     = newProblem(reasonEmpty, http.StatusBadRequest, 0, "the body is empty")
	problemSlow      = newProblem(reasonSlow, http.StatusBadRequest, 0, "the body did not arrive in time")
	problemAuth      = newProblem(reasonAuth, http.StatusUnauthorized, 0, "the request is not authenticated")
	problemCapacity  = newProblem(reasonCapacity, http.StatusTooManyRequests, 1, "too many requests are in hand; send it again")
	problemStore     = newProblem(reasonStore, http.StatusServiceUnavailable, 5, "the delivery is not stored; send it again")
	problemPanic     = newProblem(reasonPanic, http.StatusServiceUnavailable, 5, "the delivery is not stored; send it again")
	problemAdminVerb = newProblem(reasonMethod, http.StatusMethodNotAllowed, 0, "this is only to be read").allowing("GET, HEAD")
)

// why is the operator's word for what was wrong with c: never shown to the sender.
func (p *problem) why(c *call) string {
	var failure *storeError
	switch {
	case p == problemAuth:
		return refusalReason(c.refusal)
	case p == problemStore && errors.As(c.failure, &failure):
		return failure.result
	default:
		return string(p.reason)
	}
}

// statusLine is the status as a response line has it: "400 Bad Request".
func (p *problem) statusLine() string {
	return strconv.Itoa(p.status) + " " + http.StatusText(p.status)
}

// answer writes p. The connection closes where the rest of a body may still be on
// its way: reading it would cost more than a new connection does.
func (p *problem) answer(w http.ResponseWriter, closing bool) {
	h := w.Header()
	h.Set("Content-Type", problemType)
	h.Set("Content-Length", strconv.Itoa(len(p.body)))
	if p.retryAfter != "" {
		h.Set("Retry-After", p.retryAfter)
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	if closing {
		h.Set("Connection", "close")
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body) // the sender may be gone; what happened is logged
}
