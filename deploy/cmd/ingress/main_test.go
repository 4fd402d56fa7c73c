package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"paybridge/deploy/jetstream/jetstreamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// text is a writer that can be read meanwhile.
type text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *text) Write(p []byte) (int, error) { b.mu.Lock(); defer b.mu.Unlock(); return b.buf.Write(p) }

func (b *text) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.buf.String() }

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "paybridge.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const sources = `
seal: {keys: [{id: k1, value: a-seal-key-of-some-length}]}
sources: [{name: pik, provider: pik, secrets: [{id: current, value: a-pik-secret-of-some-length}]}]
`

func TestExitCodes(t *testing.T) {
	ns, bare := jetstreamtest.Start(t), jetstreamtest.Start(t, jetstreamtest.Bare())
	taken := strings.TrimPrefix(ns.URL, "nats://")
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"help", []string{"--help"}, 0, "", "POST http://HOST:8080/webhooks/SOURCE"},
		{"version", []string{"--version"}, 0, "ingress ", ""},
		{"an unknown flag", []string{"--nonsense"}, 78, "", "nonsense"},
		{"an argument", []string{"paybridge.yaml"}, 78, "", `unexpected "paybridge.yaml"`},
		{"no file", []string{"--config", filepath.Join(t.TempDir(), "none.yaml")}, 78, "", "none.yaml"},
		{"an unknown key", []string{"--config", file(t, "nonsense: 1\n")}, 78, "", "paybridge.yaml:1: "},
		{"no seal", []string{"--config", file(t, "sources: []\n")}, 78, "", "seal.keys"},
		{"a port that is taken", []string{"--config", file(t, "ingress: {listen: '"+taken+"', admin: '127.0.0.1:0'}\nnats: {url: '"+ns.URL+"'}"+sources)}, 1, "", "public listener: "},
		{"an admin port that is taken", []string{"--config", file(t, "ingress: {listen: '127.0.0.1:0', admin: '"+taken+"'}\nnats: {url: '"+ns.URL+"'}"+sources)}, 1, "", "admin listener: "},
		{"no stream", []string{"--config", file(t, "nats: {url: '"+bare.URL+"'}"+sources)}, 78, "", "run `paybridge streams apply`"},
		{"no NATS server", []string{"--config", file(t, "nats: {url: 'nats://127.0.0.1:1'}"+sources)}, 1, "", "cannot connect to nats://127.0.0.1:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr text
			if code := run(t.Context(), c.args, &stdout, &stderr); code != c.code {
				t.Errorf("exit code %d: %s", code, stderr.String())
			}
			if !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) || c.stdout == "" && stdout.String() != "" {
				t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
			}
		})
	}
}

// TestServes runs the program until it is told to stop.
func TestServes(t *testing.T) {
	ns := jetstreamtest.Start(t)
	config := file(t, "ingress: {listen: '127.0.0.1:0', admin: '127.0.0.1:0'}\nnats: {url: '"+ns.URL+"'}"+sources)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr text
	code := make(chan int)
	go func() { code <- run(ctx, []string{"--config", config}, &stdout, &stderr) }()
	admin := regexp.MustCompile(`"admin":"([^"]+)"`)
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !admin.MatchString(stderr.String()) {
		select {
		case <-tick.C:
		case got := <-code:
			t.Fatalf("exit code %d: %s", got, stderr.String())
		case <-deadline:
			t.Fatalf("not started: %s", stderr.String())
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+admin.FindStringSubmatch(stderr.String())[1]+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp.Body.Close()
	cancel()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d: %s", got, stderr.String())
	}
	if stdout.String() != "" || !strings.Contains(stderr.String(), `"msg":"ingress stopped"`) {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
}
