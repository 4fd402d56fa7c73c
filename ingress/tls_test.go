package ingress

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// authority signs certificates for 127.0.0.1.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	pair := a.issue(t, "authority")
	a.cert, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	a.pool.AddCert(a.cert)
	return a
}

// issue makes a certificate; the first one signs itself and the others.
func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: a.cert == nil,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
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

// speak sends one request over TLS.
func (d *door) speak(config *tls.Config, text string) (string, *tls.ConnectionState, error) {
	c, err := tls.Dial("tcp", d.addresses.Public, config)
	if err != nil {
		return "", nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patientFor)); err != nil {
		return "", nil, err
	}
	if _, err := io.WriteString(c, text); err != nil {
		return "", nil, err
	}
	answer, err := io.ReadAll(c)
	state := c.ConnectionState()
	return string(answer), &state, err
}

func TestTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	d := open(t, func(o *Options) {
		o.TLS = &tls.Config{Certificates: []tls.Certificate{ours.issue(t, "bridge")}}
	})
	closing := webhook("x", "Connection: close")
	got, state, err := d.speak(&tls.Config{RootCAs: ours.pool, NextProtos: []string{"h2", "http/1.1"}}, closing)
	if err != nil || !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || state.NegotiatedProtocol != "http/1.1" {
		t.Fatalf("%q %v", got, err)
	}
	if d.count() != 1 {
		t.Errorf("%d stored", d.count())
	}
	got, _, err = d.speak(&tls.Config{RootCAs: ours.pool}, "POST /webhooks/pik HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: x\r\n\r\n")
	if err != nil || !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, problemType) {
		t.Errorf("%q %v", got, err)
	}
	if _, _, err := d.speak(&tls.Config{RootCAs: theirs.pool}, closing); err == nil {
		t.Error("another authority's certificate is taken")
	}
	old := &tls.Config{RootCAs: ours.pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if _, _, err := d.speak(old, closing); err == nil {
		t.Error("speaks TLS 1.1")
	}
	// Plain HTTP to a TLS listener gets no answer that could be taken for one.
	c := d.dial()
	defer c.Close()
	if _, err := io.WriteString(c, closing); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(c); err == nil && strings.Contains(string(answer), "200") {
		t.Errorf("%q", answer)
	}
}

// TestClientCertificates asks for a certificate of one authority (S-86).
func TestClientCertificates(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	d := open(t, func(o *Options) {
		o.TLS = &tls.Config{Certificates: []tls.Certificate{ours.issue(t, "bridge")}, ClientCAs: ours.pool, ClientAuth: tls.RequireAndVerifyClientCert}
	})
	closing := webhook("x", "Connection: close", "X-SSL-Client-Verify: SUCCESS")
	for _, c := range []struct {
		name string
		cert []tls.Certificate
		good bool
	}{
		{"ours", []tls.Certificate{ours.issue(t, "provider")}, true},
		{"none", nil, false},
		{"another authority's", []tls.Certificate{theirs.issue(t, "provider")}, false},
	} {
		got, _, err := d.speak(&tls.Config{RootCAs: ours.pool, Certificates: c.cert}, closing)
		if good := err == nil && strings.HasPrefix(got, "HTTP/1.1 200 "); good != c.good {
			t.Errorf("%s: %q %v", c.name, got, err)
		}
	}
	if d.count() != 1 {
		t.Errorf("%d stored", d.count())
	}
}
