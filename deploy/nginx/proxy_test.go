//go:build nginx

// Package nginx tests the shipped configuration of nginx with a real one before a
// real ingress: make proxy-test.
package nginx

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/deploy/ingressd"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/ingress"
	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

const (
	host   = "webhooks.example.com" // as in paybridge.conf
	secret = "a-secret-of-some-length"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// proxy is nginx before an ingress.
type proxy struct {
	t       *testing.T
	address string
	roots   *x509.CertPool
	bus     *jetstreamtest.Server
	client  *http.Client
	log     string // of the proxy
}

// start starts both, until the test ends.
func start(t *testing.T) *proxy {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary = "/usr/sbin/nginx" // not on the path of every user
	}
	if _, err := os.Stat(binary); err != nil {
		t.Fatal("nginx is not installed: apt-get install nginx-light, or brew install nginx")
	}
	p := &proxy{t: t, bus: jetstreamtest.Start(t), address: freeAddress(t)}
	at := p.ingress()
	folder := t.TempDir()
	p.roots = certificate(t, folder)
	p.log = filepath.Join(folder, "access.log")
	main := filepath.Join(folder, "nginx.conf")
	text := fmt.Sprintf("daemon off;\npid %[1]s/pid;\nerror_log stderr;\nevents {}\nhttp {\nclient_body_temp_path %[1]s/body;\nproxy_temp_path %[1]s/proxy;\n"+
		"fastcgi_temp_path %[1]s/f;\nuwsgi_temp_path %[1]s/u;\nscgi_temp_path %[1]s/s;\n%s}\n", folder, p.shipped(at, folder))
	if os.Geteuid() == 0 {
		text = "user root;\n" + text // its workers must read the test's folder
	}
	if err := os.WriteFile(main, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	nginx := exec.Command(binary, "-p", folder, "-c", main)
	nginx.Stdout, nginx.Stderr = &output, &output
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- nginx.Wait() }()
	t.Cleanup(func() {
		if err := nginx.Process.Signal(syscall.SIGQUIT); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("nginx: %v\n%s", err, &output)
		}
	})
	for end := time.Now().Add(20 * time.Second); ; {
		c, err := net.Dial("tcp", p.address)
		if err == nil {
			c.Close()
			break
		}
		if len(ended) > 0 || time.Now().After(end) {
			t.Fatalf("nginx does not listen: %v\n%s", err, &output)
		}
		<-time.After(10 * time.Millisecond)
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: p.roots, ServerName: host}, MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, p.address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	p.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return p
}

// shipped is paybridge.conf with this test's addresses and files in place of its own.
func (p *proxy) shipped(at ingress.Addresses, folder string) string {
	data, err := os.ReadFile("paybridge.conf")
	if err != nil {
		p.t.Fatal(err)
	}
	text := string(data)
	for _, one := range []struct {
		from, to string
		times    int
	}{
		{"server 127.0.0.1:8080;", "server " + at.Public + ";", 1},
		{"listen 443 ssl", "listen " + p.address + " ssl", 2},
		{"/etc/paybridge/tls.", folder + "/tls.", 2},
		{"/var/log/nginx/paybridge.log", p.log, 1},
		{"/var/log/nginx/error.log", "stderr", 1},
	} {
		if n := strings.Count(text, one.from); n != one.times {
			p.t.Fatalf("paybridge.conf holds %q %d times", one.from, n)
		}
		text = strings.ReplaceAll(text, one.from, one.to)
	}
	return text
}

// ingress runs an ingress.
func (p *proxy) ingress() ingress.Addresses {
	text := fmt.Sprintf(`ingress: {listen: "127.0.0.1:0", admin: "127.0.0.1:0", budget: 500ms}
seal: {keys: [{id: k, value: %[1]s}]}
nats: {url: %[2]q}
sources:
  - {name: pik, provider: pik, secrets: [{id: current, value: %[1]s}]}
  - {name: picpay, provider: picpay, secrets: [{id: current, value: %[1]s}]}
`, secret, p.bus.URL)
	cfg, err := config.Parse("paybridge.yaml", []byte(text), os.LookupEnv, os.ReadFile)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	started, ended := make(chan ingress.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- ingressd.Run(ctx, cfg, ingressd.Options{Log: zap.NewNop(), Started: func(a ingress.Addresses) { started <- a }})
	}()
	p.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			p.t.Errorf("ingress: %v", err)
		}
	})
	select {
	case at := <-started:
		return at
	case err := <-ended:
		ended <- nil
		p.t.Fatal(err)
		panic("not reached")
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// certificate writes tls.crt and tls.key of host, and returns who believes them.
func certificate(t *testing.T, folder string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		text := pem.EncodeToMemory(block)
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		roots.AppendCertsFromPEM(text)
	}
	return roots
}

// signed is a request as a provider sends it.
func (p *proxy) signed(pack, path string, body []byte) *http.Request {
	p.t.Helper()
	library, err := provider.BuiltIn()
	if err != nil {
		p.t.Fatal(err)
	}
	half, err := library.Auth(pack)
	if err != nil {
		p.t.Fatal(err)
	}
	header, _, err := auth.Sign(half, auth.NewSecret("k", secret, true, ""), auth.Request{Method: "POST", Header: http.Header{}, Body: body, ReceivedAt: time.Now()})
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), "POST", "https://"+host+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	return r
}

// answer sends a request and wants a status.
func (p *proxy) answer(r *http.Request, status int) (http.Header, string) {
	p.t.Helper()
	answer, err := p.client.Do(r)
	if err != nil {
		p.t.Error(err)
		return nil, ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		p.t.Errorf("%s %s: %d %s %v, want %d", r.Method, r.URL.Path, answer.StatusCode, body, err, status)
	}
	return answer.Header, string(body)
}

// last is the newest stored message, and how many there are.
func (p *proxy) last() (*natsjs.RawStreamMsg, uint64) {
	p.t.Helper()
	stream, err := p.bus.JetStream(p.t).Stream(p.t.Context(), "WEBHOOKS")
	if err != nil {
		p.t.Fatal(err)
	}
	state := stream.CachedInfo().State
	m, err := stream.GetMsg(p.t.Context(), state.LastSeq)
	if err != nil {
		p.t.Fatal(err)
	}
	return m, state.Msgs
}

// What a provider signs arrives as it was sent, and what the ingress answers comes
// back as it was answered.
func TestPassesOnAsItCame(t *testing.T) {
	p := start(t)
	for name, body := range map[string][]byte{
		"small": []byte(" {\"event\": \"\\u00e9\", \"é\":\t1.00}\r\n"), "binary": {0, 1, 0xff, '\n'},
		"largest": bytes.Repeat([]byte("x"), 960<<10),
	} {
		p.answer(p.signed("pik", "/webhooks/pik", body), 200)
		if m, _ := p.last(); !bytes.Equal(m.Data, body) {
			t.Errorf("%s: %d bytes are stored, not the %d that were sent", name, len(m.Data), len(body))
		}
	}
	chunked := p.signed("pik", "/webhooks/pik", []byte("chunked"))
	chunked.Body, chunked.ContentLength = io.NopCloser(strings.NewReader("chunked")), -1
	p.answer(chunked, 200)
	if m, _ := p.last(); string(m.Data) != "chunked" {
		t.Errorf("%q", m.Data)
	}
	forged := p.signed("pik", "/webhooks/pik", []byte("x"))
	forged.Body, forged.ContentLength = io.NopCloser(strings.NewReader("y")), 1
	header, body := p.answer(forged, 401)
	if header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, "401") {
		t.Errorf("%v %s", header, body)
	}
	p.answer(p.signed("pik", "/webhooks/pik", bytes.Repeat([]byte("x"), 960<<10+1)), 413)
	p.answer(p.signed("pik", "/webhooks/pik?token=canary", []byte("query")), 200)
	log, err := os.ReadFile(p.log)
	if err != nil || !strings.Contains(string(log), "POST /webhooks/pik 200") || strings.Contains(string(log), "canary") {
		t.Errorf("%v, the proxy's log: %s", err, log)
	}
}

// PicPay's header with an underscore arrives; a header that claims things about the
// sender changes nothing.
func TestHeaders(t *testing.T) {
	p := start(t)
	r := p.signed("picpay", "/webhooks/picpay", []byte("{}"))
	r.Header["event_type"] = []string{"TransactionUpdateMessage"}
	r.Header.Set("X-Forwarded-For", "10.0.0.1")
	r.Header.Set("X-Ssl-Client-Verify", "SUCCESS")
	p.answer(r, 200)
	m, _ := p.last()
	if got := m.Header.Get("Webhook-Header-Event_type"); got != "TransactionUpdateMessage" {
		t.Errorf("event_type %q of %v", got, m.Header)
	}
	for name := range m.Header {
		if strings.Contains(name, "Forwarded") || strings.Contains(name, "Ssl") {
			t.Errorf("%s is stored", name)
		}
	}
	unsigned := p.signed("pik", "/webhooks/pik", []byte("{}"))
	unsigned.Header = http.Header{"X-Ssl-Client-Verify": {"SUCCESS"}, "X-Forwarded-For": {"127.0.0.1"}}
	p.answer(unsigned, 401)
}

// A path is what was sent: nothing is decoded, merged, cleaned or redirected.
func TestPaths(t *testing.T) {
	p := start(t)
	for _, path := range []string{"/", "/webhooks", "/webhooks/nobody", "/webhooks/pik/", "/webhooks//pik", "//webhooks/pik", "/%77ebhooks/pik", "/webhooks/p%69k", "/x/../webhooks/pik", "/webhooks/./pik", "/metrics", "/readyz"} {
		c, err := tls.Dial("tcp", p.address, &tls.Config{RootCAs: p.roots, ServerName: host})
		if err != nil {
			t.Fatal(err)
		}
		signed := p.signed("pik", "/", []byte("x"))
		var head bytes.Buffer
		if err := signed.Header.Write(&head); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 1\r\n%s\r\nx", path, host, &head)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if answer.StatusCode != 404 {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
		answer.Body.Close()
		c.Close()
	}
	get, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+host+"/webhooks/pik", nil)
	if err != nil {
		t.Fatal(err)
	}
	if header, _ := p.answer(get, 405); header.Get("Allow") != "POST" {
		t.Errorf("%v", header)
	}
}

// Old versions of TLS, weak suites and other names end in the handshake.
func TestHandshakes(t *testing.T) {
	p := start(t)
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.1": func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"CBC": func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		},
		"other name": func(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = "other.example", true },
		"no name":    func(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = "", true },
	} {
		c := &tls.Config{RootCAs: p.roots, ServerName: host}
		change(c)
		if conn, err := tls.Dial("tcp", p.address, c); err == nil {
			t.Errorf("%s is spoken", name)
			conn.Close()
		}
	}
}

// Many at once over kept connections: none is lost between the two.
func TestLoad(t *testing.T) {
	p := start(t)
	const workers, each = 16, 50
	var sending sync.WaitGroup
	for w := range workers {
		sending.Go(func() {
			for i := range each {
				p.answer(p.signed("pik", "/webhooks/pik", fmt.Appendf(nil, `{"n":"%d-%d"}`, w, i)), 200)
			}
		})
	}
	sending.Wait()
	if _, stored := p.last(); stored != workers*each {
		t.Errorf("%d stored of %d", stored, workers*each)
	}
}

// What cannot be stored is a 503 with a Retry-After, also behind the proxy.
func TestOutage(t *testing.T) {
	p := start(t)
	p.answer(p.signed("pik", "/webhooks/pik", []byte("before")), 200)
	p.bus.Stop(t)
	header, _ := p.answer(p.signed("pik", "/webhooks/pik", []byte("meanwhile")), 503)
	if header.Get("Retry-After") == "" || header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%v", header)
	}
}
