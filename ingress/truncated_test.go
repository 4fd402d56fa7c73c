package ingress

import (
	"bufio"
	"io"
	"net"
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
