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

// hangUpTime is how long a sender that was refused may go on sending what is small.
const hangUpTime = time.Second

// hangUp bounds how long net/http goes on reading a body that nobody wants, once the
// answer is out: by itself it reads until the time for reading ends, and a sender that
// was refused holds its connection for many seconds. It does not end at once, for the
// reason that linger gives.
func hangUp(c *call) {
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(hangUpTime)) // a connection that is gone needs none
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
