package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// largestBody is the contract's limit, in bytes.
const largestBody = 960 << 10

// TestSecuritySizes has bodies at the limit, over it, and of lengths that are lies
// (S-52, S-53), and codings that nobody undoes (S-58).
func TestSecuritySizes(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	full := strings.Repeat("x", largestBody)
	chunks := func(body string) string {
		return with("POST /webhooks/pik HTTP/1.1", pik(body), "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	s.accepted(t, toPIK(full), full)
	s.refused(t, toPIK(full+"x"), 413)
	chunked := "c" + full[1:]
	s.accepted(t, chunks(chunked), chunked)
	s.refused(t, chunks(full+"x"), 413)
	for _, length := range []string{"10737418240", "983041", "9223372036854775807"} { // 10 GiB; one byte more; the largest there is
		s.atOnce(t, with("POST /webhooks/pik HTTP/1.1", pik("x"), "Content-Length: "+length), 413)
	}
	s.atOnce(t, with("POST /webhooks/pik HTTP/1.1", pik("x"), "Content-Length: 10737418240", "Expect: 100-continue"), 413)
	body := payment("coded")
	for _, coding := range []string{"gzip", "GZIP", "br", "zstd", "deflate", "compress", "x-gzip", "gzip, gzip", "identity, gzip", "gzip, identity", "aws-chunked", "identity;q=1", "*", "identity\r\nContent-Encoding: gzip"} {
		s.refused(t, toPIK(body, "Content-Encoding: "+coding), 415)
	}
	s.accepted(t, toPIK(body, "Content-Encoding: identity"), body)
}

// TestSecurityTokensFirst has a source that is refused for its token (S-60): at
// once, without its body, and the connection is of no more use.
func TestSecurityTokensFirst(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	for _, framing := range []string{"Content-Length: 900000", "Content-Length: 1000", "Transfer-Encoding: chunked"} {
		for _, source := range []string{"picpay", "asaas"} {
			s.atOnce(t, with("POST /webhooks/"+source+" HTTP/1.1", "Authorization: "+canaryToken, "Asaas-Access-Token: "+canaryToken, framing), 401)
		}
	}
	// A sender that waits to be asked for its body is not asked.
	if line := s.atOnce(t, with("POST /webhooks/picpay HTTP/1.1", "Authorization: x", "Content-Length: 5", "Expect: 100-continue"), 401); !strings.Contains(line, " 401 ") {
		t.Errorf("answered %q", line)
	}
}

// atOnce sends a head whose body never comes: the answer does, as soon as the head is
// read, with the word that the connection will close. It returns the first line.
func (s *siege) atOnce(t *testing.T, head string, status int) string {
	t.Helper()
	before := s.last("WEBHOOKS")
	c := s.dial()
	defer c.Close()
	began := time.Now()
	if _, err := io.WriteString(c, head); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	line, err := in.Peek(len("HTTP/1.1 100"))
	if err != nil {
		t.Fatalf("%.60q: no answer: %v", head, err)
	}
	first := string(line)
	got, err := readReply(in, "POST")
	if took := time.Since(began); err != nil || !got.closed || took > 2*time.Second {
		t.Errorf("%.60q: closed %v after %v, %v", head, got.closed, took, err)
	}
	s.checkRefusal(t, got, status)
	if s.last("WEBHOOKS") != before {
		t.Error("stored")
	}
	return first + " "
}

// slow is a sender that begins and then hardly goes on.
type slow struct {
	name, begins, goesOn string        // goesOn is sent every pause; "" for nothing
	within               time.Duration // the contract's limit
	status               string        // of the answer; "" where there need be none
}

// TestSecuritySlow has senders that hold on to connections (S-54, S-56, S-57): each
// is cut off at its limit, whatever it trickles, and good traffic flows meanwhile.
func TestSecuritySlow(t *testing.T) {
	t.Parallel()
	s := besiege(t, nil)
	head := "POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nPIK-Signature: " + strings.Repeat("0", 64) + "\r\n"
	slows := []slow{
		{"nothing", "", "", 5 * time.Second, ""},
		{"half a line", "POST /web", "", 5 * time.Second, ""},
		{"a line that grows", "POST /web", "x", 5 * time.Second, ""},
		{"headers that grow", head, "X-A: b\r\n", 5 * time.Second, ""},
		{"the preface of HTTP/2", "PRI * HTTP/2.0\r\n", "", 5 * time.Second, ""},
		{"the preface, slowly", "PRI *", " ", 5 * time.Second, ""},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x00", 5 * time.Second, ""},
		{"half a body", head + "Content-Length: 1000\r\n\r\nx", "", 10 * time.Second, "400"},
		{"a body that grows", head + "Content-Length: 900000\r\n\r\n" + strings.Repeat("x", 10_000), "x", 10 * time.Second, "400"},
		{"chunks without end", head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 10 * time.Second, "400"},
		{"a chunk without end", head + "Transfer-Encoding: chunked\r\n\r\nffff\r\n", "x", 10 * time.Second, "400"},
	}
	before := s.last("WEBHOOKS")
	type end struct {
		slow
		took time.Duration
		got  string
	}
	ends := make(chan end)
	const each = 20
	for _, sender := range slows {
		for range each {
			c := s.dial()
			go func() {
				defer c.Close()
				began := time.Now()
				got := sender.torment(c)
				ends <- end{sender, time.Since(began), got}
			}()
		}
	}
	slowest, sent := time.Duration(0), uint64(0)
	for left := len(slows) * each; left > 0; {
		select {
		case e := <-ends:
			left--
			if e.took > e.within+3*time.Second || e.took < e.within-2*time.Second {
				t.Errorf("%s: closed after %v", e.name, e.took)
			}
			if strings.HasPrefix(e.got, "HTTP/1.1 2") || e.status != "" && !strings.HasPrefix(e.got, "HTTP/1.1 "+e.status) {
				t.Errorf("%s: answered %.40q", e.name, e.got)
			}
		case <-time.After(50 * time.Millisecond):
			body := payment(fmt.Sprint("meanwhile-", sent))
			began := time.Now()
			if got := s.raw(toPIK(body)); got.status != 200 {
				t.Errorf("good traffic is answered %d", got.status)
			}
			slowest = max(slowest, time.Since(began))
			sent++
		}
	}
	if slowest > 2*time.Second || sent < 20 {
		t.Errorf("of %d good requests the slowest took %v", sent, slowest)
	}
	if after := s.last("WEBHOOKS"); after != before+sent {
		t.Errorf("%d stored, %d good ones sent", after-before, sent)
	}
}

// torment keeps a connection busy until the other side closes it, and returns what
// that said.
func (s slow) torment(c net.Conn) string {
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := io.WriteString(c, s.begins); err != nil || s.goesOn == "" {
			return
		}
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if _, err := io.WriteString(c, s.goesOn); err != nil {
					return
				}
			}
		}
	}()
	got, _ := io.ReadAll(c) // a reset is an end as well
	close(stop)
	c.Close()
	<-done
	return string(got)
}
