package ingress

import (
	"bytes"
	"crypto/tls"
	"io"
	"testing"
	"time"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestHandshakeIsBounded has a hello that claims to be as long as crypto/tls allows: its
// connection closes long before, and before the time for a handshake is over. Half of
// what a handshake may have waits for the rest.
func TestHandshakeIsBounded(t *testing.T) {
	ns := jetstreamtest.Start(t)
	pair := newAuthority(t).issue(t, "bridge")
	s, log := prepare(t, ns, func(o *Options) { o.TLS = &tls.Config{Certificates: []tls.Certificate{pair}} })
	s.times.header = 2 * time.Second
	d := run(t, ns, s, log)
	record := func(n int) []byte {
		return append([]byte{22, 3, 1, byte(n >> 8), byte(n)}, bytes.Repeat([]byte{'x'}, n)...)
	}
	long := record(8 << 10)
	copy(long[5:], []byte{1, 1, 0, 0}) // a hello of 64 KiB
	for _, c := range []struct {
		name    string
		records int // of 8 KiB
		least   time.Duration
		most    time.Duration
	}{
		{"too long", 3, 0, 1500 * time.Millisecond},
		{"long", 1, 1500 * time.Millisecond, patientFor},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn := d.dial()
			defer conn.Close()
			began := time.Now()
			_, _ = conn.Write(long) // it may be closed under the last one
			for range c.records - 1 {
				_, _ = conn.Write(record(8 << 10))
			}
			_, err := io.Copy(io.Discard, conn)
			if took := time.Since(began); took < c.least || took > c.most {
				t.Errorf("closed after %v: %v", took, err)
			}
		})
	}
}
