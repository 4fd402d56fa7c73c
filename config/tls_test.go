package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"paybridge/config"
)

// certificate writes a certificate of 127.0.0.1 that signs itself, and its key.
func certificate(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	return cert, key
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestListenerTLS(t *testing.T) {
	cert, key := certificate(t, "server")
	clientCert, clientKey := certificate(t, "client")
	otherCert, otherKey := certificate(t, "other")
	tests := map[string]struct {
		listener  config.ListenerTLS
		cert, key string // the client's own
		version   uint16 // the newest that the client speaks
		ok        bool
	}{
		"TLS 1.3":                           {config.ListenerTLS{Cert: cert, Key: key}, "", "", tls.VersionTLS13, true},
		"TLS 1.2":                           {config.ListenerTLS{Cert: cert, Key: key}, "", "", tls.VersionTLS12, true},
		"TLS 1.1":                           {config.ListenerTLS{Cert: cert, Key: key}, "", "", tls.VersionTLS11, false},
		"client certificate":                {config.ListenerTLS{Cert: cert, Key: key, ClientCA: clientCert}, clientCert, clientKey, 0, true},
		"no client certificate":             {config.ListenerTLS{Cert: cert, Key: key, ClientCA: clientCert}, "", "", 0, false},
		"another's client certificate":      {config.ListenerTLS{Cert: cert, Key: key, ClientCA: clientCert}, otherCert, otherKey, 0, false},
		"one that nobody asked for is fine": {config.ListenerTLS{Cert: cert, Key: key}, otherCert, otherKey, 0, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := test.listener.Config()
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			server.TLS = c
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()

			roots := x509.NewCertPool()
			pemText, err := os.ReadFile(cert)
			if err != nil || !roots.AppendCertsFromPEM(pemText) {
				t.Fatal(err)
			}
			client := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: test.version}
			if test.cert != "" {
				own, err := tls.LoadX509KeyPair(test.cert, test.key)
				if err != nil {
					t.Fatal(err)
				}
				client.Certificates = []tls.Certificate{own}
			}
			transport := &http.Transport{TLSClientConfig: client}
			defer transport.CloseIdleConnections()
			response, err := (&http.Client{Transport: transport}).Get(server.URL)
			if err == nil {
				_ = response.Body.Close()
			}
			if (err == nil) != test.ok {
				t.Errorf("request: %v", err)
			}
		})
	}
}

// What cannot be read is named, and no key is shown.
func TestListenerTLSMistakes(t *testing.T) {
	cert, key := certificate(t, "server")
	_, otherKey := certificate(t, "other")
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.pem")
	write(t, garbage, canary)
	absent := filepath.Join(dir, "absent.pem")
	for name, test := range map[string]struct {
		listener config.ListenerTLS
		want     string
	}{
		"absent":             {config.ListenerTLS{Cert: absent, Key: key}, "absent.pem"},
		"garbage":            {config.ListenerTLS{Cert: garbage, Key: key}, "garbage.pem"},
		"garbage key":        {config.ListenerTLS{Cert: cert, Key: garbage}, "garbage.pem"},
		"another's key":      {config.ListenerTLS{Cert: cert, Key: otherKey}, "other.key"},
		"absent authorities": {config.ListenerTLS{Cert: cert, Key: key, ClientCA: absent}, "absent.pem"},
		"no authorities":     {config.ListenerTLS{Cert: cert, Key: key, ClientCA: garbage}, "garbage.pem: holds no certificate in PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := test.listener.Config()
			if c != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%v, want %s", err, test.want)
			}
			shows(t, "the error", err.Error())
		})
	}
	if c, err := (config.ListenerTLS{}).Config(); c != nil || err != nil {
		t.Errorf("plain: %v, %v", c, err)
	}
}
