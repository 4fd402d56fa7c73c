package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
)

// ListenerTLS is the TLS of a listener. The zero value means plain HTTP.
type ListenerTLS struct {
	Cert     string // path of the certificate chain, PEM
	Key      string // path of its key, PEM
	ClientCA string // path of the authorities whose certificates clients must show; "" asks for none

	// ClientSubjects are the common names or DNS names of which a client's
	// certificate must have one, exactly; empty where every certificate of the
	// authorities will do.
	ClientSubjects []string
}

// Enabled says that the listener speaks TLS.
func (t ListenerTLS) Enabled() bool { return t.Cert != "" }

// Config reads the files and makes the listener's TLS configuration, TLS 1.2 or
// newer; nil where it is not enabled. Errors name the file.
func (t ListenerTLS) Config() (*tls.Config, error) {
	if !t.Enabled() {
		return nil, nil
	}
	own, err := keyPair(t.Cert, t.Key)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: slices.Clone(suites),
		NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{own},
	}
	if t.ClientCA != "" {
		// Every connection shows its certificate: one that has expired since is not resumed.
		c.ClientAuth, c.SessionTicketsDisabled = tls.RequireAndVerifyClientCert, true
		if c.ClientCAs, err = authorities(t.ClientCA); err != nil {
			return nil, err
		}
	}
	if len(t.ClientSubjects) > 0 {
		allowed := slices.Clone(t.ClientSubjects)
		c.VerifyConnection = func(state tls.ConnectionState) error { return subject(state, allowed) }
	}
	return c, nil
}

// suites are those of TLS 1.2 with forward secrecy and authenticated encryption;
// TLS 1.3 has no others.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// subject refuses, in the handshake, a certificate that names nobody who is allowed:
// an authority such as a bank's or a central one vouches for more clients than are
// meant. It also runs where a session is resumed.
func subject(state tls.ConnectionState, allowed []string) error {
	if len(state.PeerCertificates) > 0 {
		own := state.PeerCertificates[0]
		for _, name := range allowed {
			if own.Subject.CommonName == name || slices.Contains(own.DNSNames, name) {
				return nil
			}
		}
	}
	return errors.New("the client's certificate has none of the names that may call")
}

// ClientTLS is the TLS of an outgoing connection. The zero value leaves it to the
// server: TLS where it asks for it, with the system's authorities.
type ClientTLS struct {
	CA   string // path of the authorities' certificates, PEM; "" means the system's
	Cert string // path of our certificate, PEM; "" where the server does not ask
	Key  string // path of its key, PEM
}

// config reads the files; nil where there are none.
func (t ClientTLS) config() (*tls.Config, error) {
	if t == (ClientTLS{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	var err error
	if t.CA != "" {
		if c.RootCAs, err = authorities(t.CA); err != nil {
			return nil, err
		}
	}
	if t.Cert != "" {
		own, err := keyPair(t.Cert, t.Key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// keyPair reads a certificate and its key.
func keyPair(cert, key string) (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if onFile := new(os.PathError); err != nil && !errors.As(err, &onFile) {
		return pair, fmt.Errorf("%s and %s: %w", cert, key, err)
	}
	return pair, err
}

// authorities reads certificates of authorities.
func authorities(path string) (*x509.CertPool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s: holds no certificate in PEM", path)
	}
	return pool, nil
}
