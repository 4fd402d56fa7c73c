package ingress

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// atOnce acknowledges everything at once.
type atOnce struct{}

func (atOnce) send(context.Context, *nats.Msg) (*jetstream.PubAck, error) {
	return &jetstream.PubAck{Stream: rawStream, Sequence: 1}, nil
}

// nowhere is a ResponseWriter that keeps the status.
type nowhere struct {
	header http.Header
	status int
}

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(status int)      { n.status = status }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkWebhook is the whole way of a 2 KB webhook but for HTTP and NATS.
func BenchmarkWebhook(b *testing.B) {
	s, _ := prepare(b, jetstreamtest.Start(b), func(o *Options) {
		encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
		o.Log = zap.New(zapcore.NewCore(encoder, zapcore.AddSync(io.Discard), zapcore.InfoLevel))
	})
	s.commits.single = atOnce{}
	body := `{"id":"evt_1","padding":"` + strings.Repeat("x", 2000) + `"}`
	header := http.Header{"Pik-Signature": {sign(pikSecret, body)}, "Content-Type": {"application/json"}, "User-Agent": {"bench"}}
	b.ReportAllocs()
	for b.Loop() {
		in := bytes.NewReader([]byte(body))
		r := &http.Request{Method: "POST", RequestURI: "/webhooks/pik", Header: header, Body: io.NopCloser(in), ContentLength: int64(len(body)), RemoteAddr: "127.0.0.1:1"}
		w := &nowhere{header: http.Header{}}
		if s.webhook(w, r); w.status != 0 {
			b.Fatalf("answered %d", w.status)
		}
	}
}
