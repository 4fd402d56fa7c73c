package auth

import "slices"

// Reason is why a request was refused, for metrics and logs of the operator.
type Reason string

// The reasons. The set is closed: it is a metric label.
const (
	Missing   Reason = "missing"   // no signature, token or timestamp where the pack wants one
	Malformed Reason = "malformed" // there, but not in the pack's form, or there twice
	Mismatch  Reason = "mismatch"  // well formed and wrong
	Stale     Reason = "stale"     // authentic, dated too long ago
	Future    Reason = "future"    // authentic, dated too far ahead
)

// reasons are in the order of how far a request came.
var reasons = []Reason{Missing, Malformed, Mismatch, Stale, Future}

// or is the reason of the alternative that came further: it tells the operator more.
func (r Reason) or(other Reason) Reason {
	if slices.Index(reasons, other) > slices.Index(reasons, r) {
		return other
	}
	return r
}

// Error is a refusal. It says nothing of the request but the reason.
type Error struct{ Reason Reason }

// Error names the reason alone.
func (e *Error) Error() string { return "auth: " + string(e.Reason) }

// refusals are the errors, made once: a refusal costs no allocation.
var refusals = map[Reason]error{
	Missing:   &Error{Missing},
	Malformed: &Error{Malformed},
	Mismatch:  &Error{Mismatch},
	Stale:     &Error{Stale},
	Future:    &Error{Future},
}
