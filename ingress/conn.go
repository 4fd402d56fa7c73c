package ingress

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
)

// conn is a connection that net/http reads requests from, with two things done more
// strictly than it does them. What other HTTP implementations may read differently
// is refused (see head). And what net/http itself answers to malformed requests, in
// plain text and for an unknown transfer coding with a 501, becomes one of our
// problems: bad input is never a server's error.
//
// HTTP/2 is not spoken: no provider needs it, and its floods are many.
type conn struct {
	net.Conn
	refused func(net.Conn, *problem)
	known   func() // a request of it is authenticated
	proved  sync.Once
	release func() // gives its place in the listener back, once

	mu   sync.Mutex // net/http reads a byte ahead while a handler answers
	head head
}

// newConn makes a conn of a connection that has no place in a listener. refused is told
// of every request that never reaches a handler.
func newConn(c net.Conn, refused func(net.Conn, *problem)) *conn {
	return &conn{Conn: c, refused: refused, known: func() {}, release: func() {}}
}

// errHead ends the reading of a request; net/http answers it with a 400, which Write
// turns into what head found.
var errHead = errors.New("ingress: the head of the request is not acceptable")

// Read passes on what arrives unless it is part of a head that is refused.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	refused := c.head.problem != nil
	c.mu.Unlock()
	if refused {
		return 0, errHead
	}
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	good := c.head.scan(p[:n])
	switch {
	case c.head.problem == nil:
		return n, err
	case good > 0: // net/http answers only where it has seen a request begin
		return good, nil
	default:
		return 0, errHead
	}
}

// plainError is how the head of every answer ends that net/http makes by itself to
// a request that it cannot parse. No handler of ours answers so.
var plainError = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

// expectationFailed is in the status line of what net/http answers to an Expect that
// it does not know. No handler of ours answers so.
var expectationFailed = []byte(" 417 ")

// interim is the answer that a sender waits for before it sends its body.
var interim = []byte("HTTP/1.1 100 ")

// Write passes on an answer: after it, the next head begins.
func (c *conn) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, interim) {
		return c.Conn.Write(p)
	}
	c.mu.Lock()
	found := c.head.problem
	c.head.next()
	c.mu.Unlock()
	line, _, _ := bytes.Cut(p, []byte("\r\n"))
	if !bytes.HasPrefix(p[len(line):], plainError) && !bytes.Contains(line, expectationFailed) {
		return c.Conn.Write(p)
	}
	if found == nil {
		found = problemMalformed
		if bytes.HasPrefix(line, []byte("HTTP/1.1 431 ")) {
			found = problemHeaders
		}
	}
	c.refused(c.Conn, found)
	answer := fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		found.statusLine(), problemType, len(found.body), found.body)
	if _, err := c.Conn.Write(answer); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite tells the other side that the answer is complete.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection and gives its place in the listener back.
func (c *conn) Close() error {
	c.release()
	return c.Conn.Close()
}
