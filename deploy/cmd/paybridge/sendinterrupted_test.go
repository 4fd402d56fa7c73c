package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestSendInterrupted says that ^C in the middle of many requests is no success, and what
// to type for the rest.
func TestSendInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var came atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if came.Add(1) == 3 {
			cancel()
		}
	}))
	defer server.Close()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("k7Qx", 12)), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _, errs := testProgram("send", "pik", "--url", server.URL, "--secret-file", secret, "--repeat", "100", "--data", t.TempDir())
	code := p.Run(ctx)
	if code != exitFailed || !strings.HasPrefix(errs.String(), "paybridge: interrupted when ") || !strings.Contains(errs.String(), " of 100 were answered\n  → run it again, with --repeat 9") {
		t.Errorf("%d, %s", code, errs)
	}
}
