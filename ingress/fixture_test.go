package ingress

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/ingress/auth"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

const patientFor = 20 * time.Second

// signed is a Verifier of a hex HMAC-SHA256 of the body, as the simplest packs have
// it. The engine proper has tests of its own, in package auth.
type signed struct {
	secret, header string
	keep           []string
	query          bool
	ahead          time.Duration      // of the sender's clock; 0: nothing is dated
	crash          func(auth.Request) // called before verifying
}

func (v *signed) Early(r auth.Request) error {
	if len(r.Header[v.header]) == 0 {
		return &auth.Error{Reason: auth.Missing}
	}
	return nil
}

func (v *signed) Verify(r auth.Request) (auth.Result, error) {
	if v.crash != nil {
		v.crash(r)
	}
	sent, err := hex.DecodeString(r.Header.Get(v.header))
	if err != nil || len(r.Header[v.header]) != 1 {
		return auth.Result{}, &auth.Error{Reason: auth.Malformed}
	}
	if !hmac.Equal(sent, mac(v.secret, r.Body)) {
		return auth.Result{}, &auth.Error{Reason: auth.Mismatch}
	}
	result := auth.Result{Scheme: "hmac", KeyID: "current"}
	if v.ahead != 0 {
		result.SignedAt = r.ReceivedAt.Add(v.ahead)
	}
	return result, nil
}

func (v *signed) KeepHeaders() []string { return append([]string{v.header}, v.keep...) }
func (v *signed) KeepQuery() bool       { return v.query }

func mac(secret string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(body)
	return h.Sum(nil)
}

// token is a Verifier of a static token.
type token struct{ secret, header string }

func (v token) Early(r auth.Request) error {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get(v.header)), []byte(v.secret)) != 1 {
		return &auth.Error{Reason: auth.Mismatch}
	}
	return nil
}

func (v token) Verify(r auth.Request) (auth.Result, error) {
	return auth.Result{Scheme: "token", KeyID: "current"}, v.Early(r)
}

func (token) KeepHeaders() []string { return nil }
func (token) KeepQuery() bool       { return false }

// The secrets of the sources below. Each is a canary as well: none may be in a log.
const (
	pikSecret   = "canary-pik-secret-0123456789"
	tokenSecret = "canary-token-0123456789"
	orderSecret = "canary-order-secret-0123456789"
)

// sources are one of each sort.
func sources() []Source {
	return []Source{
		{Name: "pik", Provider: "pik", Endpoints: []Endpoint{
			{Verifier: &signed{secret: pikSecret, header: "Pik-Signature", keep: []string{"X-Event"}}},
		}},
		{Name: "tok", Provider: "picpay", Endpoints: []Endpoint{
			{Verifier: token{tokenSecret, "Authorization"}, Token: true},
		}},
		{Name: "orders", Provider: "pixorder", Endpoints: []Endpoint{
			{Name: "PixPayment", Verifier: &signed{secret: orderSecret, header: "Signature", query: true}},
			{Name: "Fee", Verifier: &signed{secret: orderSecret + "2", header: "Signature"}},
		}},
		{
			Name: "says", Provider: "says", Answer: provider.Answer{ContentType: "text/plain", Body: "[accepted]"},
			Endpoints: []Endpoint{{Verifier: &signed{secret: pikSecret, header: "Pik-Signature"}}},
		},
	}
}

// door is a running ingress on a real nats-server.
type door struct {
	*Server
	t         testing.TB
	nats      *jetstreamtest.Server
	js        jetstream.JetStream
	addresses Addresses
	log       *logBuffer
	stop      func() error // stops the server and returns what Run returned
}

// logBuffer holds every line, as the program would write it.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (*logBuffer) Sync() error { return nil }

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logBuffer) logger() *zap.Logger {
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), l, zapcore.DebugLevel))
}

func sealKeys(t testing.TB) delivery.Keys {
	t.Helper()
	key, err := delivery.NewKey("k1", "canary-seal-key-0123456789")
	if err != nil {
		t.Fatal(err)
	}
	return delivery.Keys{key}
}

// prepare makes a server that does not run yet.
func prepare(t testing.TB, ns *jetstreamtest.Server, change ...func(*Options)) (*Server, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	o := Options{
		Listen: "127.0.0.1:0", Admin: "127.0.0.1:0",
		Conn: ns.Conn(t), Seal: sealKeys(t), Sources: sources(), Log: log.logger(),
	}
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

// open runs an ingress until the test ends.
func open(t testing.TB, change ...func(*Options)) *door {
	t.Helper()
	return openOn(t, jetstreamtest.Start(t), change...)
}

func openOn(t testing.TB, ns *jetstreamtest.Server, change ...func(*Options)) *door {
	t.Helper()
	s, log := prepare(t, ns, change...)
	return run(t, ns, s, log)
}

func run(t testing.TB, ns *jetstreamtest.Server, s *Server, log *logBuffer) *door {
	t.Helper()
	d := &door{Server: s, t: t, nats: ns, js: ns.JetStream(t), log: log}
	started := make(chan Addresses, 1)
	s.o.Started = func(a Addresses) { started <- a }
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- s.Run(ctx) }()
	d.stop = sync.OnceValue(func() error { cancel(); return <-result })
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	select {
	case d.addresses = <-started:
	case err := <-result:
		result <- nil
		t.Fatalf("Run: %v", err)
	}
	return d
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
	closed bool // the server said that it would close
}

// raw sends bytes on a connection of its own and reads one answer. method is what
// the answer answers to.
func (d *door) raw(request string) answer {
	d.t.Helper()
	c := d.dial()
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		d.t.Logf("sending: %v", err) // the answer may be there already
	}
	method, _, _ := strings.Cut(request, " ")
	return d.read(bufio.NewReader(c), method)
}

func (d *door) dial() net.Conn {
	d.t.Helper()
	c, err := net.Dial("tcp", d.addresses.Public)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(patientFor)); err != nil {
		d.t.Fatal(err)
	}
	return c
}

func (d *door) read(in *bufio.Reader, method string) answer {
	d.t.Helper()
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		d.t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatalf("half an answer: %v", err)
	}
	return answer{resp.StatusCode, resp.Header, string(body), resp.Close}
}

// webhook is a well-formed, signed request to pik.
func webhook(body string, lines ...string) string {
	return request("POST /webhooks/pik", body, append(lines, "Pik-Signature: "+sign(pikSecret, body))...)
}

func sign(secret, body string) string { return hex.EncodeToString(mac(secret, []byte(body))) }

// request writes a request with a Content-Length.
func request(line, body string, lines ...string) string {
	head := fmt.Sprintf("%s HTTP/1.1\r\nHost: bridge\r\nContent-Length: %d\r\n", line, len(body))
	for _, l := range lines {
		head += l + "\r\n"
	}
	return head + "\r\n" + body
}

// count is the number of messages in the raw stream.
func (d *door) count() uint64 {
	d.t.Helper()
	s, err := d.js.Stream(d.t.Context(), rawStream)
	if err != nil {
		d.t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// last is the newest message of the raw stream.
func (d *door) last() *jetstream.RawStreamMsg {
	d.t.Helper()
	s, err := d.js.Stream(d.t.Context(), rawStream)
	if err != nil {
		d.t.Fatal(err)
	}
	m, err := s.GetMsg(d.t.Context(), s.CachedInfo().State.LastSeq)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, got := range []string{jetstream.StreamHeader, jetstream.SequenceHeader, jetstream.TimeStampHeaer, jetstream.SubjectHeader} {
		m.Header.Del(got) // the direct get's own
	}
	return m
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patientFor)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		}
	}
}

// bodies counts what is stored, by body.
func (d *door) bodies() map[string]int {
	d.t.Helper()
	consumer, err := d.js.OrderedConsumer(d.t.Context(), rawStream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		d.t.Fatal(err)
	}
	found := make(map[string]int)
	for left := d.count(); left > 0; {
		batch, err := consumer.Fetch(int(min(left, 1000)))
		if err != nil {
			d.t.Fatal(err)
		}
		for m := range batch.Messages() {
			found[string(m.Data())]++
			left--
		}
		if batch.Error() != nil {
			d.t.Fatal(batch.Error())
		}
	}
	return found
}

// post sends a request on a connection of its own; it may be called by any goroutine.
func post(address, request string) (status int, err error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patientFor)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
