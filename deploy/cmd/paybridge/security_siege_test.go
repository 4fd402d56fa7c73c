package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/operate"
	"paybridge/schemas/provider"
)

// siege is a real `paybridge up` that a test attacks, with a source for each of some
// packs and a second account at PIK. When the test ends it is asked what
// must be true after any attack: see checkClean.
type siege struct {
	t       testing.TB
	at      operate.Running
	library *provider.Library
	js      natsjs.JetStream
	errs    *tape // stderr: the logs
	out     *tape // stdout
	heard   *subjects
	stop    func() int // returns the exit code
	full    bool       // the raw stream is: readiness says so
	config  string
	extra   string // a source of a pack of the test's own
}

// tape holds what a program has printed.
type tape struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *tape) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *tape) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// siegePatience bounds everything that a test waits for.
const siegePatience = 30 * time.Second

// await waits for a condition.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(siegePatience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// secretOf is the secret of a source: a canary, which may show up nowhere.
func secretOf(source string) string {
	text := "canary-secret-" + source + "-5f1d7c02a9e84b36"
	if source == "standard-webhooks" { // a key in base64
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(text))
	}
	return text
}

const sealSecret = "canary-secret-seal-5f1d7c02a9e84b36"

// secondPIK is another account at PIK, with a secret of its own.
const secondPIK = "pikb"

// signedURL is how Square knows its URL.
const signedURL = "https://pay.example.com/webhooks/square"

// attacked are the sources of most sieges: a scheme of every sort.
var attacked = []string{"asaas", "bidali", "github", "paddle", "picpay", "pik", "pixorder", "stripe", "transfeera"}

// siegeConfig is the configuration of a siege: free ports and loose fsync, which
// changes nothing that these tests look at.
func siegeConfig(t testing.TB, library *provider.Library, change func(string) string, sources ...string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("ingress: {listen: 127.0.0.1:0, admin: 127.0.0.1:0}\n" +
		"embedded: {listen: 127.0.0.1:0, sync: 1s}\n" +
		"streams:\n  webhooks: {max_bytes: 512MiB}\n  payments: {max_bytes: 512MiB}\n  deadletters: {max_bytes: 512MiB}\n" +
		"seal: {keys: [{id: k1, value: " + sealSecret + "}]}\nsources:\n")
	if sources == nil {
		sources = attacked
	}
	for _, name := range append([]string{secondPIK}, sources...) {
		pack := name
		if name == secondPIK {
			pack = "pik"
		}
		about, err := library.About(pack)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "  - name: %s\n    provider: %s\n", name, pack)
		if name == "square" {
			b.WriteString("    url: " + signedURL + "\n")
		}
		if len(about.Endpoints) == 0 {
			fmt.Fprintf(&b, "    secrets: [{id: current, value: %s}]\n", secretOf(name))
			continue
		}
		b.WriteString("    endpoints:\n")
		for _, e := range about.Endpoints {
			fmt.Fprintf(&b, "      %s: {secrets: [{id: current, value: %s}]}\n", e, secretOf(name+"-"+e))
		}
	}
	text := b.String()
	if change != nil {
		text = change(text)
	}
	file := filepath.Join(t.TempDir(), "paybridge.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// besiege runs `paybridge up` in this process until the test ends; change may change
// its configuration, and without sources it has those that are attacked.
func besiege(t testing.TB, change func(string) string, sources ...string) *siege {
	t.Helper()
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{t: t, library: library, errs: &tape{}, out: &tape{}, config: siegeConfig(t, library, change, sources...)}
	data := filepath.Join(t.TempDir(), "data")
	p := &Program{
		Name: "paybridge", PID: os.Getpid(), Args: []string{"up", "--config", s.config, "--data", data},
		Stdout: s.out, Stderr: s.errs,
		LookupEnv: func(string) (string, bool) { return "", false }, ReadFile: os.ReadFile, Now: time.Now,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() { ended <- p.Run(ctx) }()
	s.stop = sync.OnceValue(func() int { cancel(); return <-ended })
	t.Cleanup(func() {
		if code := s.stop(); code != exitOK {
			t.Errorf("up exited with %d:\n%s", code, s.errs)
		}
	})
	await(t, "ready", func() bool {
		if len(ended) > 0 {
			t.Fatalf("up ended:\n%s%s", s.out, s.errs)
		}
		var ok bool
		s.at, ok, err = operate.Folder{Path: data}.Running()
		return err == nil && ok
	})
	nc, err := nats.Connect(s.at.NATS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	s.listen(nc)
	t.Cleanup(s.checkClean) // before the program stops
	return s
}

// listen attaches the test to the bus: to look at the streams, and to hear every
// subject that anything is published on.
func (s *siege) listen(nc *nats.Conn) {
	s.t.Helper()
	var err error
	if s.js, err = natsjs.New(nc); err != nil {
		s.t.Fatal(err)
	}
	s.heard = &subjects{seen: make(map[string]bool)}
	sub, err := nc.Subscribe(">", func(m *nats.Msg) { s.heard.add(m.Subject) })
	if err != nil {
		s.t.Fatal(err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		s.t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		s.t.Fatal(err)
	}
}

// subjects are those that something was published on, but for the bus's own.
type subjects struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (h *subjects) add(subject string) {
	for _, own := range []string{"$JS.API.", "$JS.ACK.", "$JS.FC.", "$JS.EVENT.", "_INBOX"} {
		if strings.HasPrefix(subject, own) {
			return
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen[subject] = true
}

func (h *subjects) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]string, 0, len(h.seen))
	for subject := range h.seen {
		all = append(all, subject)
	}
	return all
}

// The streams, and what a subject of each looks like. What follows a source is
// closed, or one escaped token after the other.
var siegeStreams = map[string]*regexp.Regexp{
	"WEBHOOKS":    regexp.MustCompile(`^webhooks\.([a-z0-9-]+)\.[A-Za-z0-9]+$`),
	"PAYMENTS":    regexp.MustCompile(`^payments\.([a-z0-9-]+)\.(?:payin|payout|transfer|refund|fee|dispute|unknown)\.(?:pending|authorized|confirmed|settled|failed|expired|canceled|reversed|unknown)(?:\.(?:[A-Za-z0-9_-]|=[0-9A-F]{2}|=~|=)+)+$`),
	"DEADLETTERS": regexp.MustCompile(`^deadletters\.([a-z0-9-]+)\.(?:malformed_json|too_deep|too_large|mapping_failed|id_conflict|ignored)$`),
}

// last is the sequence of the newest message of a stream.
func (s *siege) last(stream string) uint64 {
	s.t.Helper()
	if state := s.stream(stream).CachedInfo().State; state.FirstSeq == 1 || state.Msgs == 0 {
		return state.LastSeq
	}
	s.t.Fatalf("%s has lost its beginning", stream)
	return 0
}

// stream asks for a stream until the bus tells of it: one that is elected, or waits for its
// disk, may answer late.
func (s *siege) stream(name string) (found natsjs.Stream) {
	s.t.Helper()
	await(s.t, "the bus tells of "+name, func() bool {
		var err error
		// The streams are read while the test's context is canceled already: at cleanup.
		found, err = s.js.Stream(context.Background(), name)
		return err == nil
	})
	return found
}

// message is one message of a stream, without what reading it adds.
func (s *siege) message(stream string, sequence uint64) *natsjs.RawStreamMsg {
	s.t.Helper()
	m, err := s.stream(stream).GetMsg(context.Background(), sequence)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, own := range []string{natsjs.StreamHeader, natsjs.SequenceHeader, natsjs.TimeStampHeaer, natsjs.SubjectHeader} {
		m.Header.Del(own)
	}
	return m
}

// all are the messages of a stream, in order.
func (s *siege) all(stream string) []natsjs.Msg {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), siegePatience)
	defer cancel()
	last := s.last(stream)
	if last == 0 {
		return nil
	}
	consumer, err := s.js.OrderedConsumer(ctx, stream, natsjs.OrderedConsumerConfig{})
	if err != nil {
		s.t.Fatalf("%s: a consumer: %v", stream, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		s.t.Fatal(err)
	}
	defer messages.Stop()
	all := make([]natsjs.Msg, 0, last)
	for uint64(len(all)) < last {
		m, err := messages.Next(natsjs.NextContext(ctx))
		if err != nil {
			s.t.Fatalf("%s: %d of %d read: %v", stream, len(all), last, err)
		}
		all = append(all, m)
	}
	return all
}

// settled waits until the normalizer has finished with everything stored.
func (s *siege) settled() {
	s.t.Helper()
	last := s.last("WEBHOOKS")
	await(s.t, "everything normalized", func() bool {
		consumer, err := s.js.Consumer(context.Background(), "WEBHOOKS", "normalizer")
		if err != nil {
			return false
		}
		info := consumer.CachedInfo()
		// What has only just come is not pending yet, so that nothing may seem to be.
		return info.NumPending == 0 && info.NumAckPending == 0 && info.Delivered.Stream >= last
	})
}
