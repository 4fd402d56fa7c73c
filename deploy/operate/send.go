package operate

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"paybridge/ingress/auth"
	"paybridge/schemas/provider"
)

// Send posts a pack's fixture as the provider would: signed now, with the
// source's own secret.
type Send struct {
	Source   string // for errors and the default path of URL
	Auth     *provider.Auth
	Fixture  provider.Fixture
	Secret   auth.Secret
	SecretOf string // where the secret is from, for errors: `env PIK_WEBHOOK_SECRET`
	URL      string // where to post
	Signed   string // how the provider knows the URL, where the signature covers it; "" means URL

	Expect int     // the answer that is right; 0 means 200
	Repeat int     // how many requests; 0 means 1
	Rate   float64 // requests a second; 0: one after another
	Vary   bool    // make each a distinct payment
	Seed   uint64  // number of the first variation, see Variation

	Events func() (*provider.Events, error) // what Vary has to make new; nil: whatever is called an id
	Now    func() time.Time

	members []string // of Variation
}

// Sent is what became of one request.
type Sent struct {
	Number  int // from 1
	Status  int // 0 where there was no answer
	Elapsed time.Duration
	Body    []byte // what was sent
	Err     error
}

// maxInHand bounds how many requests of a rate are in hand at once, so that a slow
// bridge slows the sender and not the machine.
const maxInHand = 64

// answerTimeout is longer than the bridge's own budget: a 503 is its to give.
const answerTimeout = 30 * time.Second

// ErrNothingToVary means that a fixture has nothing that looks like an id.
var ErrNothingToVary = errors.New("nothing in it looks like an id")

// Run sends until all is sent or ctx ends, and reports each answer as it comes.
// Its error is the first request's that was not answered as expected, with what to do.
func (s Send) Run(ctx context.Context, report func(Sent)) error {
	if s.Vary {
		var err error
		if s.members, err = s.distinct(); err != nil {
			return err
		}
	}
	transport := &http.Transport{MaxIdleConnsPerHost: maxInHand}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport: transport, Timeout: answerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var (
		mu    sync.Mutex
		first error
	)
	one := func(n int) error {
		sent := s.post(ctx, client, n)
		mu.Lock()
		defer mu.Unlock()
		if err := s.explain(sent); err != nil && first == nil {
			first = err
		}
		report(sent)
		return sent.Err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(1)
	if s.Rate > 0 {
		group.SetLimit(maxInHand)
	}
	start := s.Now()
	for n := 1; n <= max(s.Repeat, 1) && s.wait(ctx, start, n) == nil; n++ {
		group.Go(func() error { return one(n) })
	}
	err := group.Wait()
	return errors.Join(first, ignoreExplained(err, first))
}

// ignoreExplained drops the group's error where the explained one says the same.
func ignoreExplained(err, explained error) error {
	if explained != nil {
		return nil
	}
	return err
}

// wait holds request n until its moment at the chosen rate.
func (s Send) wait(ctx context.Context, start time.Time, n int) error {
	if s.Rate <= 0 {
		return ctx.Err()
	}
	due := start.Add(time.Duration(float64(n-1) / s.Rate * float64(time.Second)))
	return sleep(ctx, due.Sub(s.Now()))
}

// post makes and sends request n. The clock runs from the first byte to the whole answer.
func (s Send) post(ctx context.Context, client *http.Client, n int) Sent {
	req, body, err := s.request(ctx, n)
	if err != nil {
		return Sent{Number: n, Err: err}
	}
	start := s.Now()
	resp, err := client.Do(req)
	if err != nil {
		return Sent{Number: n, Elapsed: s.Now().Sub(start), Body: body, Err: err}
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	err = errors.Join(err, resp.Body.Close())
	return Sent{Number: n, Status: resp.StatusCode, Elapsed: s.Now().Sub(start), Body: body, Err: err}
}

// request is the fixture's request, varied if asked for, and signed now.
func (s Send) request(ctx context.Context, n int) (_ *http.Request, body []byte, _ error) {
	f := s.Fixture
	body, header := f.Body, f.Header
	if s.Vary {
		v := Variation{Number: s.Seed + uint64(n), Members: s.members}
		varied, changed := v.Body(body)
		if header = v.Header(header); changed == 0 {
			return nil, nil, advise(fmt.Errorf("fixture %s: %w", f.Name, ErrNothingToVary), "choose another fixture, or leave --vary out")
		}
		body = varied
	}
	url, _, _ := strings.Cut(s.URL, "?")
	signed := s.Signed
	if signed == "" {
		signed = url
	}
	signedHeader, query, err := auth.Sign(s.Auth, s.Secret, auth.Request{
		Method: f.Method, URL: signed, Query: f.Query,
		Header: http.Header(header), Body: body, ReceivedAt: s.Now(),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("sign as %s: %w", s.Source, err)
	}
	if query != "" {
		url += "?" + query
	}
	req, err := http.NewRequestWithContext(ctx, f.Method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header = signedHeader
	for _, hop := range []string{"Content-Length", "Host", "Connection"} {
		req.Header.Del(hop)
	}
	if _, ok := req.Header["User-Agent"]; !ok {
		req.Header.Set("User-Agent", "paybridge-send")
	}
	return req, body, nil
}

// explain says what an answer means and what to do; nil for the expected one.
func (s Send) explain(sent Sent) error {
	if sent.Err != nil {
		if errors.Is(sent.Err, syscall.ECONNREFUSED) {
			return advise(fmt.Errorf("%s: nothing listens there", s.URL), "start the bridge with `paybridge up`, or name another address with --url")
		}
		return sent.Err
	}
	err := fmt.Errorf("%s: answered %d %s", s.URL, sent.Status, http.StatusText(sent.Status))
	switch sent.Status {
	case cmp.Or(s.Expect, http.StatusOK):
		return nil
	case http.StatusOK:
		return advise(fmt.Errorf("%w, which had to be refused", err), "whoever listens there accepts a webhook that nobody signed: find out who it is, and take it off the net")
	case http.StatusUnauthorized:
		return advise(err, fmt.Sprintf("signed with secret %q (%s): the bridge knows another one for this source; give the same to both, "+
			"or name the right one with --secret-file", s.Secret.ID, s.SecretOf))
	case http.StatusNotFound:
		return advise(err, "the bridge that runs has no such source or endpoint: compare its configuration with `paybridge webhook`")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return advise(err, "the bridge could not store it in time: look at `paybridge status` and its log")
	}
	return err
}

// Summary says how a run of sends went.
type Summary struct {
	Requests int            `json:"requests"`
	Statuses map[string]int `json:"statuses"` // "200" or "error" → how many
	P50      float64        `json:"p50_ms"`
	P99      float64        `json:"p99_ms"`
	Seconds  float64        `json:"seconds"`

	elapsed []time.Duration
}

// Add counts one answer.
func (s *Summary) Add(sent Sent) {
	status := "error"
	if sent.Status != 0 {
		status = fmt.Sprint(sent.Status)
	}
	if s.Statuses == nil {
		s.Statuses = map[string]int{}
	}
	s.Requests++
	s.Statuses[status]++
	s.elapsed = append(s.elapsed, sent.Elapsed)
}

// Finish computes the percentiles; took is the whole run.
func (s *Summary) Finish(took time.Duration) {
	slices.Sort(s.elapsed)
	s.Seconds = took.Seconds()
	if n := len(s.elapsed); n > 0 {
		s.P50, s.P99 = milliseconds(s.elapsed[(n-1)/2]), milliseconds(s.elapsed[(n-1)*99/100])
	}
}

// milliseconds keeps three decimals: a local answer takes less than one.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
