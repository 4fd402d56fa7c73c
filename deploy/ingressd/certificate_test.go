package ingressd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// issued is a certificate of name for 127.0.0.1 that is its own authority, in PEM.
func issued(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return text("CERTIFICATE", der), text("PRIVATE KEY", pkcs8)
}

// TestReloadCertificates renews the listener's certificate and changes who may call,
// while it listens; files that do not fit each other change nothing.
func TestReloadCertificates(t *testing.T) {
	first, firstKey := issued(t, "first")
	second, secondKey := issued(t, "second")
	caller, callerKey := issued(t, "caller")
	r := start(t, oldKey, map[string]string{
		"old": oldSecret, "tls.crt": first, "tls.key": firstKey, "clients.crt": caller,
	}, `, tls: {cert: tls.crt, key: tls.key, client_ca: clients.crt, client_subjects: [caller]}`)
	own, err := tls.X509KeyPair([]byte(caller), []byte(callerKey))
	if err != nil {
		t.Fatal(err)
	}
	// shown is the name on the certificate of a listener that lets the caller in.
	shown := func() (string, error) {
		c, err := tls.Dial("tcp", r.at.Public, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{own}})
		if err != nil {
			return "", err
		}
		defer c.Close()
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")); err != nil {
			return "", err
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			return "", err // TLS 1.3 tells of a refused certificate here
		}
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
	}
	if name, err := shown(); err != nil || name != "first" {
		t.Errorf("%q, %v", name, err)
	}
	r.put("tls.key", secondKey)
	r.logged(rejectedLine, 1)
	if name, err := shown(); err != nil || name != "first" {
		t.Errorf("half a pair: %q, %v", name, err)
	}
	r.put("tls.crt", second)
	r.logged(reloadedLine, 1)
	if name, err := shown(); err != nil || name != "second" {
		t.Errorf("renewed: %q, %v", name, err)
	}
	r.tls = `, tls: {cert: tls.crt, key: tls.key, client_ca: clients.crt, client_subjects: [another]}`
	r.configure(oldKey)
	r.logged(`"changed":["ingress.tls"]`, 1)
	if name, err := shown(); err == nil {
		t.Errorf("who may not call any more is answered by %q", name)
	}
}
