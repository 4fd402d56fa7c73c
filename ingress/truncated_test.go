package ingress

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// TestTruncated has senders that go away in the middle of a body. Where nothing but a
// token authenticates, a part of a body must not pass for the whole of it.
func TestTruncated(t *testing.T) {
	d := open(t)
	const head = " HTTP/1.1\r\nHost: b\r\n"
	token := "Authorization: " + tokenSecret + "\r\n"
	for _, c := range []struct{ name, request string }{
		{"chunk cut short", "POST /webhooks/tok" + head + token + "Transfer-Encoding: chunked\r\n\r\n64\r\n{\"trunc"},
		{"no last chunk", "POST /webhooks/tok" + head + token + "Transfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n"},
		{"no chunk at all", "POST /webhooks/tok" + head + token + "Transfer-Encoding: chunked\r\n\r\n"},
		{"long chunk cut short", "POST /webhooks/tok" + head + token + "Transfer-Encoding: chunked\r\n\r\n2710\r\n" + strings.Repeat("x", 5000)},
		{"no last chunk after a long one", "POST /webhooks/tok" + head + token + "Transfer-Encoding: chunked\r\n\r\n2710\r\n" + strings.Repeat("x", 10_000) + "\r\n"},
		{"very long chunk cut short", "POST /webhooks/tok" + head + token + "Transfer-Encoding: chunked\r\n\r\n30d40\r\n" + strings.Repeat("x", 100_000)},
		{"long, declared and cut short", "POST /webhooks/tok" + head + token + "Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 50_000)},
		{"declared and cut short", "POST /webhooks/tok" + head + token + "Content-Length: 100\r\n\r\n{\"trunc"},
		{"signed part", "POST /webhooks/pik" + head + "Pik-Signature: " + sign(pikSecret, "{\"a\"") + "\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := d.dial()
			defer conn.Close()
			if _, err := io.WriteString(conn, c.request); err != nil {
				t.Fatal(err)
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			checkProblem(t, d.read(bufio.NewReader(conn), "POST"), 400)
		})
	}
}
