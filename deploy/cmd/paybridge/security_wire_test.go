package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
)

// reply is what a request got.
type reply struct {
	status int
	header http.Header
	body   string
	closed bool // the server said that it would close
}

// dial opens a connection to the public listener.
func (s *siege) dial() net.Conn {
	s.t.Helper()
	return dialTo(s.t, s.at.Webhooks)
}

func dialTo(t testing.TB, address string) net.Conn {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.DialTimeout("tcp", u.Host, siegePatience)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(siegePatience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// raw sends bytes on a connection of its own and reads one answer. The zero reply
// means that the connection closed without one.
func (s *siege) raw(request string) reply {
	s.t.Helper()
	got, _ := exchange(s.t, s.dial(), request)
	return got
}

// exchange sends bytes and reads one answer, and what came after it. It closes c.
func exchange(t testing.TB, c net.Conn, request string) (reply, string) {
	t.Helper()
	defer c.Close()
	sent := make(chan struct{})
	go func() { // the answer may come before everything is sent
		defer close(sent)
		_, _ = io.WriteString(c, request)
	}()
	in := bufio.NewReader(c)
	method, _, _ := strings.Cut(request, " ")
	got, err := readReply(in, method)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return reply{}, ""
	}
	if err != nil {
		t.Fatalf("no answer to %.80q: %v", request, err)
	}
	more := ""
	if got.closed {
		rest, _ := io.ReadAll(in)
		more = string(rest)
	}
	c.Close()
	<-sent
	return got, more
}

func readReply(in *bufio.Reader, method string) (reply, error) {
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err == nil && resp.StatusCode == http.StatusContinue { // the real answer follows
		resp, err = http.ReadResponse(in, &http.Request{Method: method})
	}
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body), resp.Close}, err
}

// fetch reads a page of the admin listener.
func (s *siege) fetch(path string) string {
	s.t.Helper()
	got, _ := exchange(s.t, dialTo(s.t, s.at.Admin), "GET "+path+" HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
	return got.body
}

// post is a request to a path with a Content-Length and further header lines.
func post(path, body string, lines ...string) string {
	return with("POST "+path+" HTTP/1.1", append(lines, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

// with is a request's head: its first line, a Host, and the lines.
func with(first string, lines ...string) string {
	return first + "\r\nHost: bridge\r\n" + strings.Join(append(lines, "", ""), "\r\n")
}

// mac signs by hand, so that nothing here believes the code under test.
func mac(newHash func() hash.Hash, key, text string) []byte {
	h := hmac.New(newHash, []byte(key))
	h.Write([]byte(text))
	return h.Sum(nil)
}

func sha(key, text string) string { return hex.EncodeToString(mac(sha256.New, key, text)) }

// pik is the signature line of a body sent to PIK's first account.
func pik(body string) string { return "PIK-Signature: " + sha(secretOf("pik"), body) }

// toPIK is a good request to PIK's first account.
func toPIK(body string, lines ...string) string {
	return post("/webhooks/pik", body, append(lines, pik(body))...)
}

// payment is a well-formed event of PIK with an id of its own.
func payment(id string) string {
	return `{"event":"payment.confirmed","id":"evt_` + id + `","created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":"txn_` + id +
		`","payment_link_id":"pl_1","amount":"75.00","currency":"USDT","status":"confirmed"}}`
}

// refused sends a request that must get one of the statuses, as a problem, and
// leave nothing behind. Status 0 is a connection that closes without an answer.
func (s *siege) refused(t testing.TB, request string, statuses ...int) reply {
	t.Helper()
	before := s.last("WEBHOOKS")
	got := s.raw(request)
	s.checkRefusal(t, got, statuses...)
	if after := s.last("WEBHOOKS"); after != before {
		t.Errorf("%d stored", after-before)
	}
	return got
}

// checkRefusal checks that an answer is a constant problem with one of the statuses.
func (s *siege) checkRefusal(t testing.TB, got reply, statuses ...int) {
	t.Helper()
	if !slices.Contains(statuses, got.status) {
		t.Fatalf("answered %d %s, want one of %v", got.status, got.body, statuses)
	}
	if got.status == 0 {
		return
	}
	if got.status >= 300 && got.status < 400 || got.header.Get("Location") != "" {
		t.Errorf("redirected: %v", got.header)
	}
	if kind := got.header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("the answer is %q", kind)
	}
	if (got.status == 429 || got.status == 503) != (got.header.Get("Retry-After") != "") {
		t.Errorf("%d with Retry-After %q", got.status, got.header.Get("Retry-After"))
	}
	if (got.status == 405) != (got.header.Get("Allow") == "POST") {
		t.Errorf("%d with Allow %q", got.status, got.header.Get("Allow"))
	}
}

// accepted sends a request that must get a 200 and leave exactly one new message,
// byte for byte the body. It returns the message.
func (s *siege) accepted(t testing.TB, request, body string) *natsjs.RawStreamMsg {
	t.Helper()
	before := s.last("WEBHOOKS")
	if got := persist(func() reply { return s.raw(request) }); got.status != 200 || got.header.Get("Retry-After") != "" {
		t.Fatalf("answered %d %s", got.status, got.body)
	}
	if after := s.last("WEBHOOKS"); after != before+1 {
		t.Fatalf("%d stored", after-before)
	}
	m := s.message("WEBHOOKS", before+1)
	if !bytes.Equal(m.Data, []byte(body)) {
		t.Errorf("stored %.200q, sent %.200q", m.Data, body)
	}
	return m
}

// persist sends again, as a provider does, what is answered that it is not stored: where
// the disk stalls for longer than the budget that is no mistake. Any other answer is the
// last one, a refusal for want of room among them.
func persist(send func() reply) (got reply) {
	for range 5 {
		if got = send(); got.status != 503 || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, "is not stored") {
			break
		}
	}
	return got
}

// repeated sends a request that must get a 200 and leave nothing new.
func (s *siege) repeated(t testing.TB, request string) {
	t.Helper()
	before := s.last("WEBHOOKS")
	if got := persist(func() reply { return s.raw(request) }); got.status != 200 {
		t.Fatalf("answered %d %s", got.status, got.body)
	}
	if after := s.last("WEBHOOKS"); after != before {
		t.Errorf("%d stored", after-before)
	}
}

// quickly sends a request on a connection of its own; any goroutine may call it.
func quickly(address, request string) (status int, err error) {
	got, err := exchanged(address, nil, request)
	return got.status, err
}

// exchanged is quickly with the whole answer, over TLS where there is a configuration.
func exchanged(address string, secure *tls.Config, request string) (reply, error) {
	host := strings.TrimPrefix(strings.TrimPrefix(address, "http://"), "https://")
	c, err := net.DialTimeout("tcp", host, siegePatience)
	if err != nil {
		return reply{}, err
	}
	if secure != nil {
		c = tls.Client(c, secure)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(siegePatience)); err != nil {
		return reply{}, err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return reply{}, err
	}
	return readReply(bufio.NewReader(c), "POST")
}
