package ingress

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// checkProblem checks that an answer is the problem that status says.
func checkProblem(t *testing.T, got answer, status int) {
	t.Helper()
	if got.status != status || got.header.Get("Content-Type") != problemType {
		t.Fatalf("answered %+v, want a problem %d", got, status)
	}
	var p struct {
		Type, Title, Detail string
		Status              int
	}
	if err := json.Unmarshal([]byte(got.body), &p); err != nil || p.Status != status || p.Type != "about:blank" || p.Title == "" || p.Detail == "" {
		t.Errorf("body %q: %v", got.body, err)
	}
	if allow := got.header.Get("Allow"); (status == 405) != (allow == "POST") {
		t.Errorf("Allow: %q", allow)
	}
	if retry := got.header.Get("Retry-After"); (status == 429 || status == 503) != (retry != "") {
		t.Errorf("Retry-After: %q", retry)
	}
	for name := range got.header {
		if name == "Location" || name == "Www-Authenticate" {
			t.Errorf("header %s", name)
		}
	}
}

// TestPaths asks for everything that is nearly a path (S-40, S-41, S-100). The
// request is signed: only the path is wrong.
func TestPaths(t *testing.T) {
	d := open(t)
	for _, target := range []string{
		"/", "/webhooks", "/webhooks/", "/webhooks/pik/", "/webhooks//pik", "//webhooks/pik", "/webhooks/pik/default", "/webhooks/pik/extra",
		"/webhooks/orders", "/webhooks/orders/", "/webhooks/orders/default", "/webhooks/orders/fee", "/webhooks/orders/Fee/", "/webhooks/orders/Fee/x",
		"/webhooks/../webhooks/pik", "/webhooks/./pik", "/webhooks/x/../pik", "/in/../../etc/passwd", "/%2e%2e%2fwebhooks/pik", "/webhooks/%2e/pik",
		"/webhooks/p%69k", "/webhooks%2Fpik", "/webhooks/orders%2FFee", "/Webhooks/pik", "/WEBHOOKS/PIK", "/webhooks/PIK", "/webhooks/pik%20",
		"/webhooks/pik.evil", "/webhooks/*", "/webhooks/>", "/webhooks/$JS", "/webhooks/webhooks.>", "/webhooks/_INBOX", "/webhooks/a%20b",
		"/webhooks/a%0d%0aPUB%20x%200", "/webhooks/%00", "/webhooks/" + strings.Repeat("a", 65), "/webhooks/😀", "/webhooks/ｐｉｋ", "/webhooks/pik;x=1",
		"/webhooks/pik#x", "/livez", "/readyz", "/metrics", "/schemas/", "/debug/pprof/", "/healthz", "*", "http://bridge/webhooks/pik",
	} {
		t.Run(target, func(t *testing.T) {
			got := d.raw(request("POST "+target, "x", "Pik-Signature: "+sign(pikSecret, "x")))
			checkProblem(t, got, 404)
			if !got.closed {
				t.Error("the connection stays open with an unread body")
			}
		})
	}
	if d.count() != 0 {
		t.Errorf("%d stored", d.count())
	}
	if text := scrape(t, d); strings.Contains(text, "evil") || !strings.Contains(text, `paybridge_ingress_requests_total{code="404",endpoint="unknown",source="unknown"}`) {
		t.Errorf("metrics:\n%s", text)
	}
}

func TestMethods(t *testing.T) {
	d := open(t)
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "Post", "X" + strings.Repeat("Y", 1<<10)} {
		got := d.raw(method + " /webhooks/pik HTTP/1.1\r\nHost: b\r\nX-HTTP-Method-Override: POST\r\n\r\n")
		if method == "HEAD" {
			if got.status != 405 || got.header.Get("Allow") != "POST" || got.body != "" {
				t.Errorf("HEAD: %+v", got)
			}
			continue
		}
		checkProblem(t, got, 405)
	}
	checkProblem(t, d.raw("OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n"), 404)
	checkProblem(t, d.raw("CONNECT evil:443 HTTP/1.1\r\nHost: b\r\n\r\n"), 404)
}

// TestOrder has requests with several things wrong: the first of the contract's table
// is what they are told.
func TestOrder(t *testing.T) {
	d := open(t, func(o *Options) { o.MaxBody = 100 })
	long, zip, bad := strings.Repeat("x", 101), "Content-Encoding: gzip", "Pik-Signature: 00"
	chunked := func(line, body string, lines ...string) string {
		return fmt.Sprintf("%s HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n%s\r\n", line, strings.Join(append(lines, ""), "\r\n")) + body
	}
	for _, c := range []struct {
		name, request string
		status        int
	}{
		{"path before method", request("GET /webhooks/nobody", long, zip, bad), 404},
		{"method before encoding", request("PUT /webhooks/pik", long, zip, bad), 405},
		{"encoding before size", request("POST /webhooks/pik", long, zip, bad), 415},
		{"size before authentication", request("POST /webhooks/pik", long, bad), 413},
		{"size without a signature", request("POST /webhooks/pik", long), 413},
		{"size before a token", request("POST /webhooks/tok", long, "Authorization: wrong"), 413},
		{"empty before authentication", request("POST /webhooks/pik", "", bad), 400},
		{"empty without a signature", request("POST /webhooks/pik", ""), 400},
		{"no length at all", "POST /webhooks/pik HTTP/1.1\r\nHost: b\r\n\r\n", 400},
		{"undeclared size before authentication", chunked("POST /webhooks/pik", "65\r\n"+long+"\r\n0\r\n\r\n"), 413},
		{"undeclared size over the free part", chunked("POST /webhooks/pik", "1388\r\n"+strings.Repeat("y", 5000)+"\r\n0\r\n\r\n"), 413},
		{"undeclared empty before authentication", chunked("POST /webhooks/pik", "0\r\n\r\n"), 400},
		{"undeclared and unsigned", chunked("POST /webhooks/pik", "1\r\nx\r\n0\r\n\r\n"), 401},
		{"undeclared and signed", chunked("POST /webhooks/pik", "1\r\nx\r\n0\r\n\r\n", "Pik-Signature: "+sign(pikSecret, "x")), 200},
		{"a token before an undeclared body", chunked("POST /webhooks/tok", "", "Authorization: wrong"), 401},
		{"a token before a declared body", "POST /webhooks/tok HTTP/1.1\r\nHost: b\r\nContent-Length: 90\r\nAuthorization: wrong\r\n\r\n", 401},
		{"as long as it may be", request("POST /webhooks/pik", long[1:], "Pik-Signature: "+sign(pikSecret, long[1:])), 200},
		{"as long as it may be, undeclared", chunked("POST /webhooks/pik", "64\r\n"+long[1:]+"\r\n0\r\n\r\n", "Pik-Signature: "+sign(pikSecret, long[1:])), 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := d.raw(c.request)
			if c.status != 200 {
				checkProblem(t, got, c.status)
			} else if got.status != 200 {
				t.Fatalf("answered %+v", got)
			}
		})
	}
}

// TestUnauthenticated checks that nothing tells one failure from another (S-05, S-07
// to S-12, S-17, S-18, S-28, S-29).
func TestUnauthenticated(t *testing.T) {
	d := open(t)
	for _, body := range []string{"x", strings.Repeat("x", freeBytes), strings.Repeat("x", freeBytes+1), strings.Repeat("x", smallBytes+1)} {
		good := sign(pikSecret, body)
		first := ""
		for _, lines := range [][]string{
			nil,
			{"Pik-Signature:"},
			{"Pik-Signature: zz"},
			{"Pik-Signature: " + sign("", body)},
			{"Pik-Signature: " + sign(orderSecret, body)},
			{"Pik-Signature: " + sign(pikSecret, body+"\n")},
			{"Pik-Signature: " + good[:62]},
			{"Pik-Signature: " + good, "Pik-Signature: " + sign(pikSecret, "y")},
			{"Pik-Signature: " + sign(pikSecret, "y"), "Pik-Signature: " + good},
		} {
			got := d.raw(request("POST /webhooks/pik", body, lines...))
			checkProblem(t, got, 401)
			got.header.Del("Date")
			if all := fmt.Sprint(got); first == "" {
				first = all
			} else if all != first {
				t.Errorf("%v: %s, others get %s", lines, all, first)
			}
		}
	}
	if d.count() != 0 {
		t.Errorf("%d stored", d.count())
	}
	if text := scrape(t, d); !strings.Contains(text, `paybridge_ingress_auth_failures_total{reason="mismatch",source="pik"}`) {
		t.Errorf("metrics:\n%s", text)
	}
}

// TestContentIsNoReason stores what is authentic whatever it is (S-58, S-61, S-65).
func TestContentIsNoReason(t *testing.T) {
	d := open(t)
	for i, c := range []struct{ body, line string }{
		{" ", "Content-Type: application/json"},
		{"\r\n\t", "X: y"},
		{"{", "Content-Type: text/plain"},
		{"\x00", "Content-Type: application/json; charset=utf-16"},
		{"--x", "Content-Type: multipart/form-data; boundary=x"},
		{"payload=%7B%7D", "Content-Type: application/x-www-form-urlencoded"},
		{"a", "Content-Encoding: identity"},
		{"b", "Content-Encoding: Identity, identity"},
		{"c", "Content-Encoding:"},
		{"d", "X-Forwarded-For: 127.0.0.1"},
		{"e", "X-SSL-Client-Verify: SUCCESS"},
	} {
		if got := d.raw(webhook(c.body, c.line)); got.status != 200 {
			t.Errorf("%s: answered %+v", c.line, got)
		}
		if d.count() != uint64(i+1) || string(d.last().Data) != c.body {
			t.Errorf("%q is not stored", c.body)
		}
	}
	for _, coding := range []string{"gzip", "br", "zstd", "deflate", "gzip, gzip", "identity, gzip", "GZIP", "x"} {
		checkProblem(t, d.raw(webhook("z", "Content-Encoding: "+coding)), 415)
		checkProblem(t, d.raw(webhook("z", "Content-Encoding: identity", "Content-Encoding: "+coding)), 415)
	}
}

// TestFraming sends what is not well-formed HTTP, or what two implementations may
// read differently (S-55, S-80, S-81, S-83, S-87).
func TestFraming(t *testing.T) {
	d := open(t)
	sig := "Pik-Signature: " + sign(pikSecret, "x") + "\r\n"
	post := "POST /webhooks/pik HTTP/1.1\r\nHost: b\r\n" + sig
	for _, c := range []struct {
		name, request string
		status        int
	}{
		{"not HTTP", "hello\r\n\r\n", 400},
		{"blank first", "\r\n\r\n", 400},
		{"a version to come", "POST /webhooks/pik HTTP/3.0\r\nHost: b\r\n\r\n", 400},
		{"length and chunks", post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 400},
		{"chunks and length", post + "transfer-encoding: chunked\r\nCONTENT-LENGTH: 1\r\n\r\n1\r\nx\r\n0\r\n\r\n", 400},
		{"two lengths", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400},
		{"signed length", post + "Content-Length: +1\r\n\r\nx", 400},
		{"negative length", post + "Content-Length: -1\r\n\r\nx", 400},
		{"a length that is no number", post + "Content-Length: 0x1\r\n\r\nx", 400},
		{"two codings", post + "Transfer-Encoding: chunked, identity\r\n\r\n1\r\nx\r\n0\r\n\r\n", 400},
		{"unknown coding", post + "Transfer-Encoding: xchunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 400},
		{"compressed transfer", post + "Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 400},
		{"bare LF in a chunk size", post + "Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", 400},
		{"no chunk size", post + "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400},
		{"huge chunk extensions", post + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("a", 8<<10) + "\r\nx\r\n0\r\n\r\n", 400},
		{"lines that end in LF", "POST /webhooks/pik HTTP/1.1\nHost: b\nContent-Length: 1\n\nx", 400},
		{"one line that ends in LF", post + "X: y\nContent-Length: 1\r\n\r\nx", 400},
		{"folded line", post + "X: y\r\n z\r\nContent-Length: 1\r\n\r\nx", 400},
		{"line folded with a tab", post + "X: y\r\n\tz\r\nContent-Length: 1\r\n\r\nx", 400},
		{"space before the colon", post + "Content-Length : 1\r\n\r\nx", 400},
		{"NUL in a header", post + "X: \x00\r\nContent-Length: 1\r\n\r\nx", 400},
		{"CR in a header", post + "X: a\rb\r\nContent-Length: 1\r\n\r\nx", 400},
		{"no name", post + ": y\r\nContent-Length: 1\r\n\r\nx", 400},
		{"no host", "POST /webhooks/pik HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 400},
		{"two hosts", post + "Host: c\r\nContent-Length: 1\r\n\r\nx", 400},
		{"a broken escape", "POST /webhooks/pik%zz HTTP/1.1\r\nHost: b\r\n\r\n", 400},
		{"an unknown expectation", post + "Expect: the best\r\nContent-Length: 1\r\n\r\nx", 400},
		{"17 KiB of headers", post + "X: " + strings.Repeat("y", 17<<10) + "\r\n\r\n", 431},
		{"16 KiB of headers and a byte", post + "X: " + strings.Repeat("y", 16<<10-len(post)-len("X: \r\n\r\n")+1) + "\r\n\r\n", 431},
		{"1000 headers", post + strings.Repeat("A: b\r\n", 1000) + "\r\n", 431},
		{"1 MB of query", "POST /webhooks/pik?" + strings.Repeat("a=b&", 1<<18) + " HTTP/1.1\r\nHost: b\r\n\r\n", 431},
		{"100 k cookies", post + "Cookie: " + strings.Repeat("a=b; ", 100_000) + "\r\n\r\n", 431},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := d.raw(c.request)
			checkProblem(t, got, c.status)
			if !got.closed {
				t.Error("the connection stays open")
			}
		})
	}
	if d.count() != 0 {
		t.Errorf("%d stored", d.count())
	}
	full := post + "Content-Length: 1\r\nX: "
	full += strings.Repeat("y", 16<<10-len(full)-4) + "\r\n\r\nx"
	if got := d.raw(full); got.status != 200 {
		t.Errorf("16 KiB of headers: answered %+v", got)
	}
	if got := d.raw("POST /webhooks/pik HTTP/1.0\r\n" + sig + "Content-Length: 1\r\n\r\nx"); got.status != 200 {
		t.Errorf("HTTP/1.0: answered %+v", got)
	}
	if got := d.raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); got.status != 404 {
		t.Errorf("HTTP/2: answered %+v", got)
	}
	if lines := strings.Count(d.log.String(), `"reason":"malformed"`); lines < 20 {
		t.Errorf("%d log lines of malformed requests", lines)
	}
}

// TestExpectContinue has a sender that waits to be asked for its body.
func TestExpectContinue(t *testing.T) {
	d := open(t)
	c := d.dial()
	defer c.Close()
	body := "a\nContent-Length: 3\n b\n" // would be a bad head
	head, rest, _ := strings.Cut(webhook(body, "Expect: 100-continue"), "\r\n\r\n")
	if _, err := io.WriteString(c, head+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	interim := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(c, interim); err != nil || !strings.Contains(string(interim), "100 Continue") {
		t.Fatalf("%q %v", interim, err)
	}
	if _, err := io.WriteString(c, rest); err != nil {
		t.Fatal(err)
	}
	if got := d.read(newReader(c), "POST"); got.status != 200 {
		t.Fatalf("answered %+v", got)
	}
	got := d.raw("POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n")
	checkProblem(t, got, 413) // and not asked for
}

// TestSizes sends bodies around the default limit, and one that is only declared
// (S-52, S-53).
func TestSizes(t *testing.T) {
	d := open(t)
	full := strings.Repeat("x", DefaultMaxBody)
	if got := d.raw(webhook(full)); got.status != 200 {
		t.Fatalf("answered %+v", got)
	}
	if string(d.last().Data) != full {
		t.Error("not stored whole")
	}
	checkProblem(t, d.raw(webhook(full+"x")), 413)
	got := d.raw("POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nContent-Length: 10737418240\r\n\r\n")
	checkProblem(t, got, 413)
	if !got.closed {
		t.Error("the connection stays open")
	}
	for _, size := range []int{1, freeBytes - 1, freeBytes, freeBytes + 1, smallBytes, smallBytes + 1, DefaultMaxBody} {
		body := full[:size]
		chunked := fmt.Sprintf("POST /webhooks/says HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\nPik-Signature: %s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", sign(pikSecret, body), size, body)
		if got := d.raw(chunked); got.status != 200 {
			t.Fatalf("%d chunked: answered %+v", size, got)
		}
		if string(d.last().Data) != body {
			t.Errorf("%d chunked: not stored whole", size)
		}
	}
	if d.last().Header.Get(nats.MsgIdHdr) == "" {
		t.Error("no message id")
	}
	over := full + "x"
	checkProblem(t, d.raw(fmt.Sprintf("POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\nPik-Signature: %s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
		sign(pikSecret, over), len(over), over)), 413)
}

// TestFramingOfTheNextRequest says that a head is looked at whatever came before it on the
// connection.
func TestFramingOfTheNextRequest(t *testing.T) {
	d := open(t)
	post := "POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nPik-Signature: " + sign(pikSecret, "x") + "\r\n"
	for name, next := range map[string]string{
		"length and chunks":             post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		"one line that ends in LF":      post + "X: y\nContent-Length: 1\r\n\r\nx",
		"a folded line":                 post + "X: y\r\n z\r\nContent-Length: 1\r\n\r\nx",
		"more lines than are looked at": post + strings.Repeat("A: b\r\n", maxHeaderLines) + "Content-Length: 1\r\n\r\nx",
	} {
		c := d.dial()
		defer c.Close()
		in := newReader(c)
		for _, request := range []string{webhook("good"), webhook("better")} {
			if _, err := io.WriteString(c, request); err != nil {
				t.Fatal(err)
			}
			if got := d.read(in, "POST"); got.status != 200 || got.closed {
				t.Fatalf("%s: before it: answered %+v", name, got)
			}
		}
		if _, err := io.WriteString(c, next); err != nil {
			t.Fatal(err)
		}
		if got := d.read(in, "POST"); got.status/100 != 4 || !got.closed {
			t.Errorf("%s: answered %+v", name, got)
		}
	}
}
