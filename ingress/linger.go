package ingress

import (
	"io"
	"net/http"
	"time"
)

// How much of a body that was refused for its size is taken from the wire, and for
// how long.
const (
	lingerBytes = 4 << 20
	lingerTime  = 2 * time.Second
)

// hangUp stops reading a body that nobody wants, once the answer is out. Without it
// net/http reads on, for the next request's sake, until the time for reading ends: a
// sender that was refused would hold its connection for seconds.
func hangUp(c *call) {
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now()) // a connection that is gone needs none
}

// linger takes what the sender of a slightly too large body is still sending, into
// nothing: many clients read no answer before they have sent everything, and a
// connection that closes on unread bytes takes the answer with it. The answer is out
// already.
func linger(c *call) {
	if c.r.ContentLength > lingerBytes || c.r.Header["Expect"] != nil {
		return
	}
	control := http.NewResponseController(c.w)
	if control.Flush() != nil || control.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.r.Body, lingerBytes) // ends at the deadline at the latest
}
