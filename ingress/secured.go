package ingress

import (
	"crypto/tls"
	"errors"
	"net"
)

// What a sender may say before it has said anything of a request. crypto/tls by
// itself keeps up to 64 KiB of a first handshake message that never ends, and up to 256
// KiB of a later one, for each connection.
const (
	handshakeBytes = 16 << 10 // the certificates of a client included
	recordBytes    = 64 << 10 // from one byte of a request to the next: more than a record
)

// secured is a TLS connection in which what a sender says besides its requests is
// bounded in bytes.
type secured struct {
	*tls.Conn
	raw    *metered
	shaken bool // hands
}

// newSecured is the server's side of TLS over a connection.
func newSecured(c net.Conn, config *tls.Config) *secured {
	raw := &metered{Conn: c, left: handshakeBytes}
	return &secured{Conn: tls.Server(raw, config), raw: raw}
}

// Read reads what the requests are made of, after the handshake. Like that of every
// conn, it is called by one goroutine at a time.
func (s *secured) Read(p []byte) (int, error) {
	if !s.shaken {
		if err := s.Handshake(); err != nil {
			return 0, err
		}
		s.shaken = true
	}
	s.raw.left = recordBytes
	return s.Conn.Read(p)
}

// metered is a connection that is read for a number of bytes.
type metered struct {
	net.Conn
	left int
}

var errTalks = errors.New("ingress: more is said than a handshake needs")

// Read reads what is left to read.
func (m *metered) Read(p []byte) (int, error) {
	if m.left == 0 {
		return 0, errTalks
	}
	n, err := m.Conn.Read(p[:min(len(p), m.left)])
	m.left -= n
	return n, err
}
