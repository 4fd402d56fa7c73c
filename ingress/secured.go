package ingress

import (
	"crypto/tls"
	"errors"
	"net"
)

// What a sender may say that is no part of a request, in bytes of the wire. By itself
// crypto/tls keeps up to 64 KiB of a first handshake message that never ends, and up to
// 256 KiB of a later one, for each connection.
const (
	helloBytes   = 8 << 10  // several times what clients send
	restBytes    = 8 << 10  // of a handshake after the hello; it may need another hello
	certifyBytes = 32 << 10 // and where the client is asked for certificates
	recordBytes  = 20 << 10 // from one byte of a request to the next: one record
)

// secured is a TLS connection in which what a sender says besides its requests is
// bounded.
type secured struct {
	*tls.Conn
	raw    *metered
	shaken bool // hands
}

// newSecured is the server's side of TLS over a connection, with a configuration that
// metering made.
func newSecured(c net.Conn, config *tls.Config) *secured {
	raw := &metered{Conn: c, left: helloBytes}
	return &secured{Conn: tls.Server(raw, config), raw: raw}
}

// metering is a configuration that says, once the hello is there, how much more may come.
// Where the client is asked for certificates no session is resumed: the ticket of one
// holds the certificates of its client, who would say them all in the next hello.
func metering(config *tls.Config) *tls.Config {
	chosen := config.GetConfigForClient
	config = config.Clone()
	config.SessionTicketsDisabled = config.SessionTicketsDisabled || config.ClientAuth != tls.NoClientCert
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (own *tls.Config, err error) {
		asks := config.ClientAuth
		if chosen != nil {
			if own, err = chosen(hello); own != nil {
				asks = own.ClientAuth
			}
		}
		if raw, ok := hello.Conn.(*metered); ok {
			if raw.left = restBytes; asks != tls.NoClientCert {
				raw.left = certifyBytes
			}
		}
		if own != nil && asks != tls.NoClientCert && !own.SessionTicketsDisabled {
			own = own.Clone()
			own.SessionTicketsDisabled = true
		}
		return own, err
	}
	return config
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
