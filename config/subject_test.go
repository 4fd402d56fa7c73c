package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"paybridge/config"
)

// client is a client's certificate; change makes it another than a good one of two
// hours.
func client(t *testing.T, authority tls.Certificate, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	change(template)
	parent, signer := authority.Leaf, authority.PrivateKey
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// authority is one whose certificate and key are in files.
func authority(t *testing.T, name string) (tls.Certificate, string) {
	t.Helper()
	cert, key := certificate(t, name)
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return own, cert
}

// Who may call is decided in the handshake, by a name that an authority vouches for
// (S-86), and nothing weak is spoken (S-90).
func TestClientSubjects(t *testing.T) {
	ours, clientCA := authority(t, "ours")
	theirs, _ := authority(t, "theirs")
	cert, key := certificate(t, "server")
	pemText, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pemText)

	name := func(cn string, dns ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.Subject, c.DNSNames = pkix.Name{CommonName: cn}, dns }
	}
	good := client(t, ours, name("hooks.bank.example"))
	expired := client(t, ours, func(c *x509.Certificate) {
		name("hooks.bank.example")(c)
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	})
	forServers := client(t, ours, func(c *x509.Certificate) {
		name("hooks.bank.example")(c)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	for _, test := range []struct {
		name   string
		own    *tls.Certificate
		change func(*tls.Config)
		ok     bool
	}{
		{"by common name", &good, nil, true},
		{"by DNS name", ptr(client(t, ours, name("other", "x.example", "psp.example"))), nil, true},
		{"over TLS 1.2", &good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, true},
		{"no certificate", nil, nil, false},
		{"self-signed with a name that may", ptr(client(t, tls.Certificate{}, name("hooks.bank.example"))), nil, false},
		{"another authority's with a name that may", ptr(client(t, theirs, name("hooks.bank.example"))), nil, false},
		{"expired", &expired, nil, false},
		{"not for clients", &forServers, nil, false},
		{"another client of the authority", ptr(client(t, ours, name("hooks.other.example"))), nil, false},
		{"another client over TLS 1.2", ptr(client(t, ours, name("hooks.other.example"))), func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, false},
		{"a name below", ptr(client(t, ours, name("a.hooks.bank.example", "a.psp.example"))), nil, false},
		{"a name around", ptr(client(t, ours, name("bank.example", "*.example"))), nil, false},
		{"another case", ptr(client(t, ours, name("HOOKS.bank.example"))), nil, false},
		{"a name with a NUL", ptr(client(t, ours, name("hooks.bank.example\x00.evil.example"))), nil, false},
		{"no name", ptr(client(t, ours, name(""))), nil, false},
		{"TLS 1.1", &good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, false},
		{"without forward secrecy", &good, weak(tls.TLS_RSA_WITH_AES_128_GCM_SHA256), false},
		{"CBC", &good, weak(tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA), false},
		{"3DES", &good, weak(tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA), false},
		{"RC4", &good, weak(tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := config.ListenerTLS{Cert: cert, Key: key, ClientCA: clientCA, ClientSubjects: []string{"hooks.bank.example", "psp.example"}}.Config()
			if err != nil {
				t.Fatal(err)
			}
			var served atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
			server.TLS, server.Config.ErrorLog = c, log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			dial := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10}
			if test.own != nil {
				// Shown whatever the server asks for.
				dial.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return test.own, nil }
			}
			if test.change != nil {
				test.change(dial)
			}
			transport := &http.Transport{TLSClientConfig: dial}
			defer transport.CloseIdleConnections()
			answer, err := (&http.Client{Transport: transport}).Get(server.URL)
			if err == nil {
				_ = answer.Body.Close()
			}
			if (err == nil) != test.ok || (served.Load() == 1) != test.ok {
				t.Errorf("%v, served %d", err, served.Load())
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// weak offers one suite of TLS 1.2 alone.
func weak(suite uint16) func(*tls.Config) {
	return func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{suite} }
}

// A file that is not there is a problem of the configuration, not of a handshake.
func TestClientSubjectsNeedTheirAuthority(t *testing.T) {
	cert, key := certificate(t, "server")
	_, err := config.ListenerTLS{Cert: cert, Key: key, ClientCA: filepath.Join(t.TempDir(), "none"), ClientSubjects: []string{"a"}}.Config()
	if !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
}
