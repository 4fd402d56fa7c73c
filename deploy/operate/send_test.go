package operate

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// answering is a bridge that checks signatures and answers what it is told.
type answering struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

func newAnswering(t *testing.T, status int) *answering {
	t.Helper()
	a := &answering{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		a.mu.Lock()
		a.bodies = append(a.bodies, string(body))
		a.mu.Unlock()
		v, err := auth.New(pikAuth(t), []auth.Secret{pikSecret})
		if err != nil {
			t.Error(err)
		}
		if _, err := v.Verify(auth.Request{Method: r.Method, Header: r.Header, Body: body, ReceivedAt: time.Now()}); err != nil {
			status := http.StatusUnauthorized
			w.WriteHeader(status)
			return
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(a.Close)
	return a
}

var pikSecret = auth.NewSecret("current", "a-secret-of-pik-for-tests", false, "test.yaml:1")

func pikAuth(t *testing.T) *provider.Auth {
	t.Helper()
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	half, err := lib.Auth("pik")
	if err != nil {
		t.Fatal(err)
	}
	return half
}

// pikSend sends PIK's documented webhook to a bridge.
func pikSend(t *testing.T, url string) Send {
	t.Helper()
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	all, err := lib.Fixtures("pik")
	if err != nil {
		t.Fatal(err)
	}
	f, err := ChooseFixture(all, "payment-confirmed", func(provider.Fixture) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return Send{
		Source: "pik", Auth: pikAuth(t), Fixture: f, Secret: pikSecret, SecretOf: "env PIK_WEBHOOK_SECRET",
		URL: url + "/webhooks/pik", Seed: 1, Now: time.Now,
	}
}

// TestSendSignsNow says that what is sent verifies with the source's secret, not
// with the fixture's signature.
func TestSendSignsNow(t *testing.T) {
	bridge := newAnswering(t, http.StatusOK)
	send := pikSend(t, bridge.URL)
	var got []Sent
	if err := send.Run(t.Context(), func(s Sent) { got = append(got, s) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Status != 200 || got[0].Elapsed <= 0 || string(got[0].Body) != bridge.bodies[0] {
		t.Errorf("got %+v", got)
	}
	if bridge.bodies[0] != string(send.Fixture.Body) {
		t.Errorf("sent %s", bridge.bodies[0])
	}
}

// TestSendRepeats says that repeated bytes are the same, and varied ones all differ.
func TestSendRepeats(t *testing.T) {
	for _, vary := range []bool{false, true} {
		bridge := newAnswering(t, http.StatusOK)
		send := pikSend(t, bridge.URL)
		send.Repeat, send.Rate, send.Vary = 20, 2000, vary
		var summary Summary
		if err := send.Run(t.Context(), summary.Add); err != nil {
			t.Fatal(err)
		}
		summary.Finish(time.Second)
		distinct := map[string]bool{}
		for _, body := range bridge.bodies {
			distinct[body] = true
		}
		want := 1
		if vary {
			want = 20
		}
		if len(distinct) != want || summary.Requests != 20 || summary.Statuses["200"] != 20 || summary.P99 < summary.P50 || summary.P50 <= 0 {
			t.Errorf("vary %v: %d distinct bodies, %+v", vary, len(distinct), summary)
		}
	}
}

// TestSendPacesARate says that a rate is a rate and not a burst.
func TestSendPacesARate(t *testing.T) {
	bridge := newAnswering(t, http.StatusOK)
	send := pikSend(t, bridge.URL)
	send.Repeat, send.Rate = 6, 50
	start := time.Now()
	if err := send.Run(t.Context(), func(Sent) {}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("6 at 50 a second took %v", took)
	}
}

// TestSendExplains says what a person is told about each answer.
func TestSendExplains(t *testing.T) {
	for _, test := range []struct {
		status    int
		err, does string
	}{
		{http.StatusNotFound, "answered 404", "paybridge webhook"},
		{http.StatusServiceUnavailable, "answered 503", "paybridge status"},
		{http.StatusTeapot, "answered 418", ""},
		{http.StatusMovedPermanently, "answered 301", ""},
	} {
		err := pikSend(t, newAnswering(t, test.status).URL).Run(t.Context(), func(Sent) {})
		checkAdvice(t, err, test.err, test.does)
	}
	wrong := pikSend(t, newAnswering(t, http.StatusOK).URL)
	wrong.Secret = auth.NewSecret("old", "another-secret-of-somebody", false, "")
	checkAdvice(t, wrong.Run(t.Context(), func(Sent) {}), "answered 401", `secret "old" (env PIK_WEBHOOK_SECRET)`)

	closed := newAnswering(t, http.StatusOK)
	closed.Close()
	checkAdvice(t, pikSend(t, closed.URL).Run(t.Context(), func(Sent) {}), "nothing listens there", "paybridge up")
}

func checkAdvice(t *testing.T, err error, message, does string) {
	t.Helper()
	var advice *Advice
	if err == nil || !strings.Contains(err.Error(), message) {
		t.Errorf("got %v, want %q", err, message)
		return
	}
	if does != "" && (!errors.As(err, &advice) || !strings.Contains(advice.Do, does)) {
		t.Errorf("%v advises %+v, want %q", err, advice, does)
	}
}

func TestSendNothingToVary(t *testing.T) {
	send := pikSend(t, "http://127.0.0.1:1")
	send.Fixture.Body, send.Vary = []byte(`{"event":"x"}`), true
	if err := send.Run(t.Context(), func(Sent) {}); !errors.Is(err, ErrNothingToVary) {
		t.Errorf("got %v", err)
	}
}

func TestSendStopsWhenCanceled(t *testing.T) {
	bridge := newAnswering(t, http.StatusOK)
	send := pikSend(t, bridge.URL)
	send.Repeat, send.Rate = 1000, 1 // nearly 17 minutes
	ctx, cancel := context.WithCancel(t.Context())
	_ = send.Run(ctx, func(Sent) { cancel() })
	if got := len(bridge.bodies); got > 2 {
		t.Errorf("%d requests after it was stopped", got)
	}
}

// TestForgedIsRefused says that an answer is judged by what was expected: of a webhook
// that nobody signed, a 200 is the failure.
func TestForgedIsRefused(t *testing.T) {
	forged := Send{URL: "http://x/webhooks/pik", Expect: http.StatusUnauthorized}
	if err := forged.explain(Sent{Status: http.StatusUnauthorized}); err != nil {
		t.Error(err)
	}
	checkAdvice(t, forged.explain(Sent{Status: http.StatusOK}), "answered 200 OK, which had to be refused", "find out who it is")
	checkAdvice(t, forged.explain(Sent{Status: http.StatusNotFound}), "answered 404", "paybridge webhook")
}
