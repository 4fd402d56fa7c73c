package main

import (
	"strings"
	"testing"
)

// TestSecurityRoutes has paths that are no endpoint (S-40, S-41, S-100): 404, no
// redirect, nothing stored, whatever a client library would have cleaned up. The
// body is signed, so a path that were taken for PIK's would be stored.
func TestSecurityRoutes(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	body := payment("route")
	for _, path := range []string{
		// Traversal, and spellings of a good path.
		"/webhooks/../../etc/passwd", "/webhooks/%2e%2e%2fpik", "//webhooks//pik", "//webhooks/pik", "/webhooks//pik",
		"/webhooks/pik/../pik", "/webhooks/bidali/../pik", "/webhooks/./pik", "/./webhooks/pik", "/webhooks/pik/", "/webhooks/pik//",
		"/webhooks/pik/.", "/webhooks/pik%2f", "/%77ebhooks/pik", "/webhooks/%70ik", "/webhooks%2fpik", "/webhooks\\pik", "/WEBHOOKS/pik",
		"/webhooks/pik;x=1", "/webhooks/pik#x", "/webhooks/pik%3fx", "/webhooks/pik%23", "/webhooks/pik%00", "/webhooks/pik%20", "/webhooks/pik.",
		// Segments that are too many, too few, or the bus's own names.
		"/", "/webhooks", "/webhooks/", "/webhooks/pik/default", "/webhooks/pik/extra", "/webhooks/pik/default/extra", "/pik", "/webhook/pik",
		"/webhooks/pixorder", "/webhooks/pixorder/", "/webhooks/pixorder/default", "/webhooks/pixorder/fee", "/webhooks/pixorder/Fee/x", "/webhooks/pixorder/Unknown",
		// Names that mean something to NATS.
		"/webhooks/pik.evil", "/webhooks/*", "/webhooks/>", "/webhooks/$JS", "/webhooks/raw.>", "/webhooks/_INBOX", "/webhooks/webhooks.>", "/webhooks/$SYS.REQ",
		"/webhooks/a%20b", "/webhooks/a%0d%0aPUB%20x%200", "/webhooks/%00", "/webhooks/" + strings.Repeat("a", 65), "/webhooks/" + strings.Repeat("a", 8000),
		// Names that look alike.
		"/webhooks/🐟", "/webhooks/ｐｉｋ", "/webhooks/pïk", "/webhooks/pi\u0308k", "/webhooks/PIK", "/webhooks/Pik", "/webhooks/p\u0456k", "/webhooks/pik\u200b", "/webhooks/%F0%9F%90%9F",
		// What belongs to the admin listener, or to nobody.
		"/metrics", "/livez", "/readyz", "/healthz", "/schemas/", "/schemas/pik/payment.confirmed/1.json", "/debug/pprof/", "/debug/vars", "/varz", "/favicon.ico", "/.env",
		// Other forms of a request's target.
		"http://bridge/webhooks/pik", "http://evil.example/webhooks/pik", "https://bridge/webhooks/pik", "*",
	} {
		t.Run(path[:min(len(path), 40)], func(t *testing.T) {
			// What net/http refuses as a target at all is a 400: as good.
			s.refused(t, post(path, body, pik(body)), 404, 400)
		})
	}
	for _, path := range []string{"/metrics", "/livez", "/readyz", "/schemas/", "/debug/pprof/"} {
		s.refused(t, with("GET "+path+" HTTP/1.1"), 404)
	}
	for _, target := range []string{"/webhooks/a b", "/webhooks/pik x", "", "webhooks/pik"} { // a space ends a target
		s.refused(t, post(target, body, pik(body)), 400, 404)
	}
	s.accepted(t, post("/webhooks/pik", body, pik(body)), body) // the rows above are refused for their paths
	with := payment("query")
	s.accepted(t, post("/webhooks/pik?anything=1&x=>", with, pik(with)), with)
}

// TestSecurityMethods has methods that are not POST (S-63, S-64) at a good path and
// at a bad one.
func TestSecurityMethods(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	body := payment("method")
	for _, method := range []string{
		"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "Post", "POSTED", "PRI", "PROPFIND", "M-SEARCH", strings.Repeat("A", 1024),
	} {
		t.Run(method[:min(len(method), 10)], func(t *testing.T) {
			head := []string{pik(body), "X-HTTP-Method-Override: POST", "X-Method-Override: POST", "X-HTTP-Method: POST"}
			s.refused(t, strings.Replace(post("/webhooks/pik", body, head...), "POST", method, 1), 405)
			s.refused(t, strings.Replace(post("/webhooks/nobody", body, head...), "POST", method, 1), 404)
		})
	}
	for _, first := range []string{"OPTIONS * HTTP/1.1", "CONNECT bridge:80 HTTP/1.1", "GET /webhooks/pik?_method=POST HTTP/1.1"} {
		s.refused(t, with(first), 404, 405)
	}
	for _, first := range []string{"P OST /webhooks/pik HTTP/1.1", "PO\x00ST /webhooks/pik HTTP/1.1", "POST\t/webhooks/pik HTTP/1.1", "POST /webhooks/pik HTTP/9.9", "POST /webhooks/pik", "\x16\x03\x01\x02\x00\x01"} {
		s.refused(t, with(first, pik(body), "Content-Length: 1")+"x", 400, 0)
	}
	s.accepted(t, toPIK(body), body)
}

// TestSecurityContentTypes has a good signature under any content type (S-65): a
// body is bytes.
func TestSecurityContentTypes(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	for _, line := range []string{
		"X-None: 1", "Content-Type: text/plain", "Content-Type: application/json; charset=utf-16", "Content-Type: multipart/form-data",
		"Content-Type: multipart/form-data; boundary=x", "Content-Type: application/x-www-form-urlencoded", "Content-Type: application/cloudevents+json",
		"Content-Type:", "Content-Type: " + strings.Repeat("x", 5000), "Content-Type: ;;;=\"", "Content-Type: text/plain\r\nContent-Type: application/json",
		"Content-Encoding: identity", "Content-Encoding:", "Content-Encoding: Identity , identity", "Expect: 100-continue", "Content-Transfer-Encoding: base64",
	} {
		t.Run(line[:min(len(line), 40)], func(t *testing.T) {
			body := payment("type-" + sha("", line)[:8])
			s.accepted(t, toPIK(body, line), body)
		})
	}
}
