package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// client speaks OTLP over HTTP: https://opentelemetry.io/docs/specs/otlp/#otlphttp
type client struct {
	url, authorization string

	http    *http.Client
	living  context.Context // done when nothing more may be sent
	abort   context.CancelFunc
	between time.Duration // the first wait before a request is tried again
}

var _ otlptrace.Client = (*client)(nil)

// attemptTime bounds one attempt to send.
const attemptTime = 5 * time.Second

// newClient opens nothing yet. It follows no redirect, which would show the
// authorization to somebody else, and asks no proxy.
func newClient(url, authorization string) *client {
	c := &client{url: url, authorization: authorization, between: 200 * time.Millisecond}
	c.living, c.abort = context.WithCancel(context.Background())
	c.http = &http.Client{
		Transport:     &http.Transport{MaxIdleConns: 1, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: attemptTime},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       attemptTime,
	}
	return c
}

// Start has nothing to do: a collector that is away is no reason not to work.
func (c *client) Start(context.Context) error { return nil }

// Stop closes the connection that may be open.
func (c *client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces sends spans, again and again until ctx is done where the collector may
// take them later.
func (c *client) UploadTraces(ctx context.Context, spans []*otlp.ResourceSpans) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.living, cancel)()
	// The request of the protocol is the same on the wire; its own type links gRPC.
	body, err := proto.Marshal(&otlp.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = c.between
	var last error // says more than that the time was over
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		failure := c.post(ctx, body)
		if ctx.Err() == nil {
			last = failure
		}
		return struct{}{}, failure
	}, backoff.WithBackOff(wait))
	if err != nil && last != nil {
		return last
	}
	return err
}

// post is one attempt. Its error is permanent where another one would end the same.
func (c *client) post(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return backoff.Permanent(err)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("User-Agent", "paybridge")
	if c.authorization != "" {
		request.Header.Set("Authorization", c.authorization)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection is used again
	if response.StatusCode/100 == 2 {
		return nil
	}
	err = fmt.Errorf("%s answers %s", c.url, response.Status)
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if seconds, bad := strconv.Atoi(response.Header.Get("Retry-After")); bad == nil && seconds > 0 {
			return errors.Join(err, backoff.RetryAfter(seconds))
		}
		return err
	}
	return backoff.Permanent(err)
}
