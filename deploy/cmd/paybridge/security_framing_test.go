package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestSecurityFraming has requests whose end different HTTP implementations see at
// different places (S-55, S-80, S-81, S-83): 400, and the connection closes. The
// bodies are signed, so whoever took one of them would store it.
func TestSecurityFraming(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	body := payment("framing")
	n := len(body)
	plain := func(lines ...string) string { // lines instead of a Content-Length
		return with("POST /webhooks/pik HTTP/1.1", append([]string{pik(body)}, lines...)...) + body
	}
	chunked := func(chunks string, lines ...string) string {
		return with("POST /webhooks/pik HTTP/1.1", append([]string{pik(body), "Transfer-Encoding: chunked"}, lines...)...) + chunks
	}
	length := fmt.Sprint("Content-Length: ", n)
	good := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, body)
	for _, row := range []struct{ name, request string }{
		{"length and chunks", plain(length, "Transfer-Encoding: chunked")},
		{"chunks and length", chunked(good, length)},
		{"two lengths", plain(length, fmt.Sprint("Content-Length: ", n-1))},
		{"two lengths in a list", plain(fmt.Sprintf("Content-Length: %d, %d", n, n-1))},
		{"a signed length", plain(fmt.Sprint("Content-Length: +", n))},
		{"a negative length", plain("Content-Length: -1")},
		{"a hexadecimal length", plain(fmt.Sprintf("Content-Length: 0x%x", n))},
		{"a length with a unit", plain(fmt.Sprintf("Content-Length: %db", n))},
		{"a length beyond int64", plain("Content-Length: 99999999999999999999")},
		{"an empty length", plain("Content-Length:")},
		{"a length and a space", plain(fmt.Sprintf("Content-Length : %d", n))},
		{"chunked, identity", strings.Replace(chunked(good), "chunked", "chunked, identity", 1)},
		{"gzip, chunked", strings.Replace(chunked(good), "chunked", "gzip, chunked", 1)},
		{"xchunked", strings.Replace(chunked(good), "chunked", "xchunked", 1)},
		{"chunked, chunked", strings.Replace(chunked(good), "chunked", "chunked, chunked", 1)},
		{"chunked twice", chunked(good, "Transfer-Encoding: chunked")},
		{"chunked and identity", chunked(good, "Transfer-Encoding: identity")},
		{"a vertical tab", strings.Replace(chunked(good), "chunked", "\vchunked", 1)},
		{"chunks and a space", strings.Replace(chunked(good), "Encoding:", "Encoding :", 1)},
		{"a bare LF after a size", chunked(fmt.Sprintf("%x\n%s\r\n0\r\n\r\n", n, body))},
		{"a bare LF after a chunk", chunked(fmt.Sprintf("%x\r\n%s\n0\r\n\r\n", n, body))},
		{"a size of too many digits", chunked("10000000000000000" + good)},
		{"a size with 0x", chunked("0x" + good)},
		{"a negative size", chunked("-" + good)},
		{"a signed size", chunked("+" + good)},
		{"no size", chunked("\r\n" + body + "\r\n0\r\n\r\n")},
		{"a chunk that is longer", chunked(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n-1, body))},
		{"a huge chunk extension", chunked(fmt.Sprintf("%x;%s\r\n%s\r\n0\r\n\r\n", n, strings.Repeat("x", 100_000), body))},
		{"many chunk extensions", chunked(strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\nx\r\n", 500) + "0\r\n\r\n")},
		{"LF only", strings.ReplaceAll(plain(length), "\r\n", "\n")},
		{"one LF", strings.Replace(plain(length), "\r\n", "\n", 1)},
		{"a bare LF that hides a header", plain(length, "X-A: b\nX-C: d")},
		{"a bare CR", plain(length, "X-A: b\rX-C: d")},
		{"a space before a colon", plain(length, "X-A : b")},
		{"a folded line", plain(length, "X-A: b\r\n c: d")},
		{"a folded line with a tab", plain(length, "X-A: b\r\n\tc")},
		{"a first line that is folded", plain(" X-A: b", length)},
		{"a NUL in a value", plain(length, "X-A: b\x00c")},
		{"a NUL in a name", plain(length, "X\x00A: b")},
		{"no name", plain(length, ": b")},
		{"no colon", plain(length, "X-A")},
		{"a name of other bytes", plain(length, "X-Ä: b")},
		{"no Host", strings.Replace(plain(length), "Host: bridge\r\n", "", 1)},
		{"two Hosts", plain(length, "Host: bridge")},
		{"two other Hosts", plain(length, "Host: evil")},
		{"a Host that is none", strings.Replace(plain(length), "Host: bridge", "Host: a b", 1)},
		{"a NUL in Host", strings.Replace(plain(length), "Host: bridge", "Host: a\x00", 1)},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := s.last("WEBHOOKS")
			got, more := exchange(t, s.dial(), row.request)
			s.checkRefusal(t, got, 400)
			if !got.closed || more != "" {
				t.Errorf("stays open, or said more: %q", more)
			}
			if s.last("WEBHOOKS") != before {
				t.Error("stored")
			}
		})
	}
	s.refused(t, strings.Replace(plain(length), "HTTP/1.1", "HTTP/2.0", 1), 400, 0)
	s.accepted(t, chunked(good), body) // the rows above are refused for their framing
	short := payment("two chunks")
	s.accepted(t, with("POST /webhooks/pik HTTP/1.1", pik(short), "transfer-encoding: Chunked")+
		fmt.Sprintf("1;x=y\r\n%s\r\n%X\r\n%s\r\n0\r\nX-Trailer: x\r\n\r\n", short[:1], len(short)-1, short[1:]), short)
}

// TestSecurityPipelines hides a second request in the body of the first (S-82), and
// sends several on one connection, each judged by its own signature.
func TestSecurityPipelines(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	hidden := payment("hidden")
	body := "x" + toPIK(hidden)
	before := s.last("WEBHOOKS")
	got, more := exchange(t, s.dial(), toPIK(body, "Connection: close"))
	if got.status != 200 || more != "" || s.last("WEBHOOKS") != before+1 {
		t.Errorf("answered %d, then %q, stored %d", got.status, more, s.last("WEBHOOKS")-before)
	}
	if m := s.message("WEBHOOKS", before+1); string(m.Data) != body {
		t.Errorf("stored %q", m.Data)
	}
	// Refused before its body is read: what follows is not a request.
	for _, first := range []string{
		post("/webhooks/nobody", toPIK(hidden)), post("/webhooks/picpay", toPIK(hidden)), post("/webhooks/pik", toPIK(hidden), "Content-Encoding: gzip"),
		strings.Replace(post("/webhooks/pik", toPIK(hidden)), "POST", "GET", 1),
	} {
		got, more := exchange(t, s.dial(), first)
		if got.status < 400 || !got.closed || more != "" {
			t.Errorf("answered %d, closed %v, then %q", got.status, got.closed, more)
		}
	}
	c := s.dial()
	defer c.Close()
	bodies := []string{payment("first"), payment("second"), payment("third")}
	pipeline := toPIK(bodies[0]) + post("/webhooks/pik", bodies[1], pik(bodies[0])) + toPIK(bodies[2])
	if _, err := io.WriteString(c, pipeline); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	for i, want := range []int{200, 401, 200} {
		if got, err := readReply(in, "POST"); err != nil || got.status != want {
			t.Errorf("request %d: %d, %v", i, got.status, err)
		}
	}
	if after := s.last("WEBHOOKS"); after != before+3 {
		t.Errorf("%d stored", after-before)
	}
}

// TestSecurityLargeHeads has heads that are too large or have too many parts (S-87).
func TestSecurityLargeHeads(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	body := payment("heads")
	large := func(n int, line string) []string {
		lines := make([]string, n)
		for i := range lines {
			lines[i] = fmt.Sprintf(line, i)
		}
		return append(lines, pik(body))
	}
	for name, request := range map[string]string{
		"17 KiB in one header":     post("/webhooks/pik", body, pik(body), "X-A: "+strings.Repeat("x", 17<<10)),
		"17 KiB in many":           post("/webhooks/pik", body, large(17, "X-%d: "+strings.Repeat("x", 1<<10))...),
		"1,000 headers":            post("/webhooks/pik", body, large(1000, "X-%d: x")...),
		"1,000 short ones":         post("/webhooks/pik", body, large(1000, "%d:")...),
		"1 MB of query":            post("/webhooks/pik?"+strings.Repeat("x", 1<<20), body, pik(body)),
		"100,000 query parameters": post("/webhooks/pik?"+strings.Repeat("a=b&", 100_000), body, pik(body)),
		"100,000 cookies":          post("/webhooks/pik", body, pik(body), "Cookie: "+strings.Repeat("a=b; ", 100_000)),
		"a name of 17 KiB":         post("/webhooks/pik", body, pik(body), strings.Repeat("x", 17<<10)+": x"),
		"a path of 1 MB":           post("/webhooks/"+strings.Repeat("x", 1<<20), body, pik(body)),
	} {
		t.Run(name, func(t *testing.T) { s.refused(t, request, 431, 414, 400) })
	}
	t.Run("a method of 1 MB", func(t *testing.T) {
		s.refused(t, strings.Replace(toPIK(body), "POST", strings.Repeat("A", 1<<20), 1), 431, 400)
	})
	s.accepted(t, post("/webhooks/pik?"+strings.Repeat("a=b&", 500), body, large(100, "X-%d: x")...), body)
}
