package ingress

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestHandshakeIsBounded has a hello, and a message after it, that claims to be as long as
// crypto/tls allows: its connection closes long before, and before the time for a handshake
// is over. Half of what a sender may say waits for the rest.
func TestHandshakeIsBounded(t *testing.T) {
	d := hasty(t, &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(t, "bridge")}})
	const hello, keyExchange = 1, 16
	for _, c := range []struct {
		name        string
		kind        byte
		bytes       int
		least, most time.Duration
	}{
		{"too long", hello, helloBytes + 1, 0, hastyTime / 2},
		{"much too long", hello, 60 << 10, 0, hastyTime / 2},
		{"long", hello, helloBytes / 2, hastyTime * 3 / 4, patientFor},
		{"the rest is too long", keyExchange, restBytes + 1<<10, 0, hastyTime / 2},
		{"the rest is long", keyExchange, restBytes / 2, hastyTime * 3 / 4, patientFor},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn := d.dial()
			defer conn.Close()
			began := time.Now()
			if c.kind != hello {
				_ = tls.Client(&deaf{Conn: conn}, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}).Handshake() // its hello is out
			}
			message := bytes.Repeat([]byte{'x'}, c.bytes)
			copy(message, []byte{c.kind, 0, 0xf0, 0}) // of 60 KiB
			for part := range slices.Chunk(message, 4<<10) {
				_, _ = conn.Write(append([]byte{22, 3, 3, byte(len(part) >> 8), byte(len(part))}, part...)) // it may be closed already
			}
			_, err := io.Copy(io.Discard, conn)
			if took := time.Since(began); took < c.least || took > c.most {
				t.Errorf("closed after %v: %v", took, err)
			}
		})
	}
}

// deaf is a connection on which somebody speaks and hears nothing.
type deaf struct{ net.Conn }

func (deaf) Read([]byte) (int, error) { return 0, io.EOF }

// TestWholeRecords has a body in records that are as long as they may be.
func TestWholeRecords(t *testing.T) {
	ours := newAuthority(t)
	d := hasty(t, &tls.Config{Certificates: []tls.Certificate{ours.issue(t, "bridge")}})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := &tls.Config{RootCAs: ours.pool, MaxVersion: version, DynamicRecordSizingDisabled: true}
		answer, _, err := d.speak(config, webhook(strings.Repeat("x", 100<<10), "Connection: close"))
		if err != nil || !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
			t.Errorf("answered %.20q, %v", answer, err)
		}
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
