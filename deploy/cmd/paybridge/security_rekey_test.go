package main

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// keyUpdate is the message that moves a side's keys on (RFC 8446, section 4.6.3).
func keyUpdate(requested byte) []byte { return []byte{24, 0, 0, 1, requested} }

// Whether a KeyUpdate asks the other side for one of its own.
const (
	notRequested = 0
	requested    = 1
)

// rekeyMost is how many KeyUpdates a sender gets away with that sends nothing else.
const rekeyMost = 32

// TestSecurityKeyUpdates floods TLS 1.3 with KeyUpdates (S-90, CVE-2026-32283): few are
// taken, one after the other or many in one record, then the connection ends with an
// alert, and good traffic beside it never waits. What a client may do works: the
// records that are refused are refused for what they say.
func TestSecurityKeyUpdates(t *testing.T) {
	t.Parallel()
	s, pool := fortify(t, nil)
	beside := s.beside(&tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}, 4*time.Second)
	good := func(id string) string { return toPIK(payment(id)) }
	for _, asks := range []byte{notRequested, requested} {
		t.Run(fmt.Sprintf("asks %d", asks), func(t *testing.T) {
			// In a connection's life there may be any number, with requests in between, and
			// in the middle of one.
			h := s.shake(tls.VersionTLS13, pool)
			for i := range 3 * rekeyMost {
				h.write(recordHandshake, keyUpdate(asks))
				h.next()
				text := good(fmt.Sprint("rekeyed-", asks, "-", i))
				h.says(text[:len(text)/2])
				h.write(recordHandshake, keyUpdate(asks))
				h.next()
				h.says(text[len(text)/2:])
				if got := h.answer(); got.status != 200 {
					t.Fatalf("after %d updates: answered %d", 2*i+2, got.status)
				}
			}
			// One after the other: a flood.
			taken := 0
			for ; taken < 100_000 && h.write(recordHandshake, keyUpdate(asks)); taken++ {
				h.next()
			}
			if alert := h.end(); taken == 100_000 || !refusedBy(alert) {
				t.Errorf("after %d updates: %q", taken, alert)
			}
			// Just too many, and then what would be a good request.
			h = s.shake(tls.VersionTLS13, pool)
			for range rekeyMost {
				h.write(recordHandshake, keyUpdate(asks))
				h.next()
			}
			h.says(good("after a flood"))
			if got := h.answer(); got.status != 0 {
				t.Errorf("after %d updates in a row: answered %d", rekeyMost, got.status)
			}
			// Many in one record, under one key: from the second on each is a mistake.
			for _, n := range []int{2, 3, 1000, 3000} {
				h = s.shake(tls.VersionTLS13, pool)
				h.write(recordHandshake, bytes.Repeat(keyUpdate(asks), n))
				if alert := h.end(); !strings.Contains(alert, "unexpected message") {
					t.Errorf("%d in a record: %q", n, alert)
				}
			}
		})
	}
	for _, c := range []struct {
		name string
		text []byte
	}{
		{"asks for what there is not", keyUpdate(2)},
		{"longer than it is", []byte{24, 0, 0, 2, 0, 0}},
		{"empty", []byte{24, 0, 0, 0}},
		{"a hello", hello()},
		{"half a message", keyUpdate(0)[:3]},
	} {
		h := s.shake(tls.VersionTLS13, pool)
		h.write(recordHandshake, c.text)
		h.next()
		h.says(good("after a mistake"))
		if got := h.answer(); got.status != 0 {
			t.Errorf("%s: answered %d", c.name, got.status)
		}
	}
	// A message that claims a quarter of a megabyte, and goes on (see ingress/secured.go).
	h := s.shake(tls.VersionTLS13, pool)
	began := time.Now()
	h.write(recordHandshake, []byte{11, 4, 0, 0}) // a certificate
	for part, left := make([]byte, 8<<10), 31; left > 0 && h.write(recordHandshake, part); {
		left--
	}
	h.end()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("a message that never ends is listened to for %v", took)
	}
	beside()
}

// refusedBy says whether a connection ended with an alert: one that came, or one that a
// reset overtook because more was being sent.
func refusedBy(alert string) bool {
	return strings.Contains(alert, "unexpected message") || strings.Contains(alert, "reset by peer")
}

// hello is a ClientHello as a client writes it that would renegotiate.
func hello() []byte {
	random := make([]byte, 32)
	_, _ = rand.Read(random)
	body := append([]byte{3, 3}, random...)
	body = append(body, 0)                                   // no session
	body = append(body, 0, 2, 0xc0, 0x2b)                    // ECDHE, ECDSA, AES-128-GCM
	body = append(body, 1, 0)                                // no compression
	extensions := []byte{0, 10, 0, 4, 0, 2, 0, 29}           // X25519
	extensions = append(extensions, 0, 11, 0, 2, 1, 0)       // uncompressed points
	extensions = append(extensions, 0, 13, 0, 4, 0, 2, 4, 3) // ECDSA with P-256 and SHA-256
	body = append(append(body, 0, byte(len(extensions))), extensions...)
	return append([]byte{1, 0, 0, byte(len(body))}, body...)
}

// TestSecurityRenegotiation has a client begin a second handshake inside TLS 1.2 (S-90,
// CVE-2009-3555): at once, between two requests, and in the middle of one. It is
// refused, and nothing that was said on either side of it becomes a request.
func TestSecurityRenegotiation(t *testing.T) {
	t.Parallel()
	s, pool := fortify(t, nil)
	beside := s.beside(&tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}, 4*time.Second)
	for name, c := range map[string]struct {
		asks  []byte
		alert string
	}{
		"a hello":            {hello(), "unexpected message"},
		"two of them":        {append(hello(), hello()...), "unexpected message"},
		"a server's request": {[]byte{0, 0, 0, 0}, ""}, // the alert is a warning, which crypto/tls keeps to itself
	} {
		t.Run(name, func(t *testing.T) {
			h := s.shake(tls.VersionTLS12, pool)
			h.write(recordHandshake, c.asks)
			if alert := h.end(); !strings.Contains(alert, c.alert) {
				t.Errorf("at once: %q", alert)
			}

			h = s.shake(tls.VersionTLS12, pool)
			for i := range 2 { // what is written by hand is good
				h.says(toPIK(payment(fmt.Sprint(name, i))))
				if got := h.answer(); got.status != 200 {
					t.Fatalf("request %d: answered %d", i, got.status)
				}
			}
			h.write(recordHandshake, c.asks)
			if alert := h.end(); !strings.Contains(alert, c.alert) {
				t.Errorf("between requests: %q", alert)
			}

			// The attack: what the one said before is the beginning of what the other says.
			text, broken := toPIK(payment(name+"-whole")), toPIK(payment(name+"-broken"))
			for _, at := range []int{1, len("POST /webhooks/pik HTTP/1.1\r\nX-Ignore: "), len(text) / 2, len(text) - 1} {
				h = s.shake(tls.VersionTLS12, pool)
				h.says(text[:at])
				h.says(text[at:])
				if got := h.answer(); got.status != 200 {
					t.Errorf("a request in two records of which one has %d bytes: answered %d", at, got.status)
				}
				h = s.shake(tls.VersionTLS12, pool)
				h.says(broken[:at])
				h.write(recordHandshake, c.asks)
				h.says(broken[at:])
				if got := h.answer(); got.status == 200 {
					t.Errorf("after %d bytes of a request: answered %d", at, got.status)
				}
			}
			if len(s.bodiesWith(name+"-broken")) > 0 {
				t.Error("a request that was broken in two by a handshake is stored")
			}
		})
	}
	beside()
}

// beside has good traffic, each request on a connection of its own, until the returned
// function is called, which says how it fared: each is to be answered within patience.
func (s *siege) beside(config *tls.Config, patience time.Duration) (stop func()) {
	end := make(chan struct{})
	var sending sync.WaitGroup
	var sent int
	var slowest time.Duration
	var failures []string
	sending.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			began := time.Now()
			if got, err := exchanged(s.at.Webhooks, config, toPIK(payment(fmt.Sprint("beside-", sent)))); err != nil || got.status != 200 {
				failures = append(failures, fmt.Sprintf("answered %d, %v", got.status, err))
			}
			sent, slowest = sent+1, max(slowest, time.Since(began))
			select {
			case <-end:
				return
			case <-tick.C:
			}
		}
	})
	stop = sync.OnceFunc(func() {
		s.t.Helper()
		close(end)
		sending.Wait()
		if len(failures) > 0 || slowest > patience {
			s.t.Errorf("of %d good requests beside it %d failed, the slowest took %v: %.500v", sent, len(failures), slowest, failures)
		}
		s.t.Logf("%d good requests beside it, the slowest took %v", sent, slowest)
	})
	s.t.Cleanup(stop) // where the test gives up
	return stop
}

// bodiesWith are the stored bodies that hold a text.
func (s *siege) bodiesWith(text string) (found []string) {
	s.t.Helper()
	for _, m := range s.all("WEBHOOKS") {
		if strings.Contains(string(m.Data()), text) {
			found = append(found, string(m.Data()))
		}
	}
	return found
}
