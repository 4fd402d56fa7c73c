package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
)

// bodies makes distinct PIK payments of about one size.
type bodies struct{ name, pad string }

func newBodies(name string, size int) bodies {
	b := bodies{name: name}
	var pad strings.Builder
	for i := 0; len(b.append(nil, 1<<20))+pad.Len() < size; i++ {
		fmt.Fprintf(&pad, `"field_%03d":"some text that a merchant sends",`, i)
	}
	b.pad = pad.String()
	return b
}

// id is the event id of the n-th.
func (b bodies) id(n int) string { return fmt.Sprintf("evt_%s_%d", b.name, n) }

func (b bodies) append(dst []byte, n int) []byte {
	dst = fmt.Appendf(dst, `{"event":"payment.confirmed","id":"evt_%s_%d","created_at":"2026-01-15T10:45:00Z","data":{"transaction_id":"txn_%s_%d",`, b.name, n, b.name, n)
	dst = append(dst, `"payment_link_id":"pl_abc123xyz","amount":"75.00","currency":"USDT","status":"confirmed","confirmed_at":"2026-01-15T10:45:00Z","metadata":{`...)
	dst = append(dst, b.pad...)
	return append(dst, `"last":true}}}`...)
}

// appendRequest appends a signed request to a source.
func appendRequest(dst, secret []byte, source string, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	dst = append(append(dst, "POST /webhooks/"...), source...)
	dst = append(dst, " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nPIK-Signature: "...)
	dst = hex.AppendEncode(dst, mac.Sum(nil))
	dst = fmt.Appendf(dst, "\r\nContent-Length: %d\r\n\r\n", len(body))
	return append(dst, body...)
}

// wire is a connection that speaks HTTP.
type wire struct {
	net.Conn
	answers *bufio.Reader
}

func dial(address string) (*wire, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &wire{conn, bufio.NewReader(conn)}, nil
}

// exchange sends a request and says whether the answer was a 200.
func (w *wire) exchange(request []byte) (bool, error) {
	if _, err := w.Write(request); err != nil {
		return false, err
	}
	return readAnswer(w.answers)
}

// readAnswer reads one response with a declared length and says whether it was a 200.
func readAnswer(r *bufio.Reader) (bool, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return false, err
	}
	ok := bytes.HasPrefix(line, []byte("HTTP/1.1 200"))
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if name, value, found := bytes.Cut(line, []byte(":")); found && bytes.EqualFold(name, []byte("Content-Length")) {
			if _, err := fmt.Sscanf(string(value), "%d", &length); err != nil {
				return false, err
			}
		}
	}
	_, err = r.Discard(length)
	return ok, err
}
