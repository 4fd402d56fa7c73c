package ingress

import (
	"bytes"
	"crypto/tls"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestHandshakeIsBounded has a hello that claims to be as long as crypto/tls allows: its
// connection closes long before, and before the time for a handshake is over. Half of
// what a hello may have waits for the rest.
func TestHandshakeIsBounded(t *testing.T) {
	d := hasty(t, &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(t, "bridge")}})
	for _, c := range []struct {
		name        string
		bytes       int
		least, most time.Duration
	}{
		{"too long", helloBytes + 1, 0, hastyTime / 2},
		{"much too long", 60 << 10, 0, hastyTime / 2},
		{"long", helloBytes / 2, hastyTime * 3 / 4, patientFor},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn := d.dial()
			defer conn.Close()
			began := time.Now()
			hello := bytes.Repeat([]byte{'x'}, c.bytes)
			copy(hello, []byte{1, 1, 0, 0}) // of 64 KiB
			for part := range slices.Chunk(hello, 4<<10) {
				_, _ = conn.Write(append([]byte{22, 3, 1, byte(len(part) >> 8), byte(len(part))}, part...)) // it may be closed already
			}
			_, err := io.Copy(io.Discard, conn)
			if took := time.Since(began); took < c.least || took > c.most {
				t.Errorf("closed after %v: %v", took, err)
			}
		})
	}
}

// hastyTime is how long a handshake may take with a hasty ingress.
const hastyTime = 2 * time.Second

// hasty is an ingress that speaks TLS.
func hasty(t *testing.T, config *tls.Config) *door {
	t.Helper()
	ns := jetstreamtest.Start(t)
	s, log := prepare(t, ns, func(o *Options) { o.TLS = config })
	s.times.header = hastyTime
	return run(t, ns, s, log)
}

// TestLongChains has clients with certificates that make a handshake long: it is long
// enough for those that are asked for some, also where the configuration is chosen with
// the hello and where a client that would resume its session comes back, and a client is
// bounded that sends more.
func TestLongChains(t *testing.T) {
	ours := newAuthority(t)
	asks := &tls.Config{Certificates: []tls.Certificate{ours.issue(t, "bridge")}, ClientCAs: ours.pool, ClientAuth: tls.RequireAndVerifyClientCert}
	for name, config := range map[string]*tls.Config{
		"fixed":  asks,
		"chosen": {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return asks, nil }},
	} {
		d := hasty(t, config)
		for _, c := range []struct {
			bytes int // of the chain, or a little more
			good  bool
		}{{0, true}, {20 << 10, true}, {40 << 10, false}} {
			client := ours.issue(t, "client")
			for n := 0; n < c.bytes; n += len(client.Certificate[0]) {
				client.Certificate = append(client.Certificate, client.Certificate[0])
			}
			config := &tls.Config{RootCAs: ours.pool, Certificates: []tls.Certificate{client}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
			for _, again := range []string{"first", "again"} {
				answer, _, err := d.speak(config, webhook("chain", "Connection: close"))
				if good := err == nil && strings.HasPrefix(answer, "HTTP/1.1 200 "); good != c.good {
					t.Errorf("%s, %s, a chain of %d bytes: answered %.20q, %v", name, again, c.bytes, answer, err)
				}
			}
		}
	}
}
