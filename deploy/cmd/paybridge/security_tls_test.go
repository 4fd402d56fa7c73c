package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes one.
func newAuthority(t *testing.T) *authority {
	t.Helper()
	pair := issue(t, nil, "authority", time.Now())
	return &authority{pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)}
}

// issue makes a certificate of a name for 127.0.0.1, valid for an hour on either side
// of a moment; without an authority it signs itself.
func issue(t *testing.T, a *authority, name string, at time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(at.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: at.Add(-time.Hour), NotAfter: at.Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		BasicConstraintsValid: true, IsCA: a == nil, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := template, key
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// writePEM writes a certificate, and its key beside it.
func writePEM(t *testing.T, folder, name string, pair tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, name + ".key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(folder, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// fortify is besiege with TLS on the public listener, which asks for certificates of an
// authority where there is one; the pool knows the listener's own.
func fortify(t *testing.T, clients *authority) (*siege, *x509.CertPool) {
	t.Helper()
	change, pool := fortified(t, clients)
	return besiege(t, change), pool
}

// fortified is the change of a configuration that fortify makes.
func fortified(t *testing.T, clients *authority) (change func(string) string, pool *x509.CertPool) {
	t.Helper()
	folder := t.TempDir()
	own := issue(t, nil, "bridge", time.Now())
	writePEM(t, folder, "bridge", own)
	asks := ""
	if clients != nil {
		writePEM(t, folder, "clients", tls.Certificate{Certificate: [][]byte{clients.cert.Raw}, PrivateKey: clients.key})
		asks = fmt.Sprintf(", client_ca: %s/clients.crt, client_subjects: [psp.example]", folder)
	}
	pool = x509.NewCertPool()
	pool.AddCert(own.Leaf)
	return func(text string) string {
		return strings.Replace(text, "admin: 127.0.0.1:0}", fmt.Sprintf("admin: 127.0.0.1:0, tls: {cert: %s/bridge.crt, key: %s/bridge.key%s}}", folder, folder, asks), 1)
	}, pool
}

// secured sends one request over TLS; the error is the handshake's, or that there is
// no answer.
func (s *siege) secured(config *tls.Config, request string) (reply, error) {
	s.t.Helper()
	config = config.Clone()
	config.ServerName = "127.0.0.1"
	c := tls.Client(s.dial(), config)
	defer c.Close()
	if err := c.Handshake(); err != nil {
		return reply{}, err
	}
	// With TLS 1.3 a client learns of its refusal when it reads.
	got, _ := exchange(s.t, &alerted{Conn: c}, request)
	if got.status == 0 {
		return reply{}, errors.New("closed without an answer")
	}
	return got, nil
}

// alerted is a connection that ends where TLS tells of a mistake.
type alerted struct{ net.Conn }

func (a *alerted) Read(p []byte) (int, error) {
	n, err := a.Conn.Read(p)
	if alert := new(net.OpError); errors.As(err, &alert) && !alert.Timeout() {
		err = io.EOF
	}
	return n, err
}

// TestSecurityClientCertificates has a source behind client certificates, as Pix is
// (S-86): only one of the authority, valid now and with the right name, is let in, and
// what a header says of certificates is nothing (S-85).
func TestSecurityClientCertificates(t *testing.T) {
	t.Parallel()
	central, other := newAuthority(t), newAuthority(t)
	s, pool := fortify(t, central)
	now := time.Now()
	own := issue(t, central, "psp.example", now)
	stolen := own
	stolen.PrivateKey = issue(t, central, "x", now).PrivateKey // the certificate without its key
	claims := []string{"X-SSL-Client-Verify: SUCCESS", "X-Forwarded-Client-Cert: Subject=\"CN=psp.example\"", "Connection: close"}
	for _, c := range []struct {
		name string
		cert []tls.Certificate
	}{
		{"none", nil},
		{"signed by itself", []tls.Certificate{issue(t, nil, "psp.example", now)}},
		{"expired", []tls.Certificate{issue(t, central, "psp.example", now.Add(-2*time.Hour))}},
		{"not valid yet", []tls.Certificate{issue(t, central, "psp.example", now.Add(2*time.Hour))}},
		{"the right authority, another name", []tls.Certificate{issue(t, central, "another-psp.example", now)}},
		{"a name that begins alike", []tls.Certificate{issue(t, central, "psp.example.evil.example", now)}},
		{"the name in capitals", []tls.Certificate{issue(t, central, "PSP.example", now)}},
		{"another authority", []tls.Certificate{issue(t, other, "psp.example", now)}},
		{"the right one without its key", []tls.Certificate{stolen}},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			config := &tls.Config{RootCAs: pool, Certificates: c.cert, MaxVersion: version}
			if got, err := s.secured(config, toPIK(payment("certificate"), claims...)); err == nil {
				t.Errorf("%s, TLS %x: answered %d %s", c.name, version, got.status, got.body)
			}
		}
	}
	if stored := s.last("WEBHOOKS"); stored != 0 {
		t.Errorf("%d stored", stored)
	}
	good := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{own}}
	if got, err := s.secured(good, toPIK(payment("certificate"), claims...)); err != nil || got.status != 200 {
		t.Errorf("the right one: %d, %v", got.status, err)
	}
	// A certificate is no signature.
	if got, err := s.secured(good, post("/webhooks/pik", payment("unsigned"), claims...)); err != nil || got.status != 401 {
		t.Errorf("the right one, unsigned: %d, %v", got.status, err)
	}
}

// TestSecurityTLS has old versions and weak ciphers (S-90): refused.
func TestSecurityTLS(t *testing.T) {
	t.Parallel()
	s, pool := fortify(t, nil)
	closing := "Connection: close"
	for _, c := range []struct {
		name   string
		config *tls.Config
	}{
		{"TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}},
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}},
		{"RC4", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_RC4_128_SHA}}},
		{"3DES", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}},
		{"CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}}},
		{"no forward secrecy", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}},
	} {
		c.config.RootCAs = pool
		if got, err := s.secured(c.config, toPIK(payment("weak"), closing)); err == nil {
			t.Errorf("%s: answered %d", c.name, got.status)
		}
	}
	if stored := s.last("WEBHOOKS"); stored != 0 {
		t.Errorf("%d stored", stored)
	}
	if got, err := s.secured(&tls.Config{RootCAs: pool}, toPIK(payment("strong"), closing)); err != nil || got.status != 200 {
		t.Errorf("good traffic: %d, %v", got.status, err)
	}
}
