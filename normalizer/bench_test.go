//go:build unix

package normalizer

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// preload stores n deliveries of 2 KB each, of a thousand payments, on a server of
// its own.
func preload(b *testing.B, source, pack string) *jetstreamtest.Server {
	server := jetstreamtest.Start(b, jetstreamtest.With(func(s *config.Streams) {
		s.Webhooks.MaxBytes, s.Payments.MaxBytes, s.DeadLetters.MaxBytes = 4*config.GiB, 4*config.GiB, 4*config.GiB
	}))
	js := server.JetStream(b)
	pad := make([]byte, 1700)
	for i := range pad {
		pad[i] = 'a' + byte(i%26)
	}
	var last jetstream.PubAckFuture
	for i := range b.N {
		d := delivery.Delivery{
			Source: source, Provider: pack, Endpoint: delivery.DefaultEndpoint, ReceivedAt: time.Now().UTC(), Scheme: "hmac", KeyID: "k",
			RequestID: "0123456789abcdef",
			Body: fmt.Appendf(nil, `{"event":"payment.confirmed","id":"evt_%d","created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":"txn_%d","payment_link_id":"pl_abc123xyz","amount":"75.00","currency":"USDT","status":"confirmed","confirmed_at":"2024-01-15T10:45:00Z","memo":%q}}`,
				i, i%1000, pad),
		}
		var err error
		if last, err = js.PublishMsgAsync(d.Message(testKeys())); err != nil {
			b.Fatal(err)
		}
	}
	select {
	case <-last.Ok():
	case err := <-last.Err():
		b.Fatal(err)
	}
	return server
}

// grown waits until a stream has n messages.
func grown(b *testing.B, server *jetstreamtest.Server, stream string) {
	js := server.JetStream(b)
	for {
		s, err := js.Stream(b.Context(), stream)
		if err != nil {
			b.Fatal(err)
		}
		if s.CachedInfo().State.Msgs >= uint64(b.N) {
			return
		}
		<-time.After(time.Millisecond)
	}
}

// measure times what begins now and ends with the function that it returns, in wall
// time and, as the machine may have other things to do, in processor time of this
// process, which is the server's too.
func measure(b *testing.B) (end func()) {
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	b.ReportAllocs()
	b.ResetTimer()
	return func() {
		b.StopTimer()
		b.ReportMetric(float64(used()-before)/1000/float64(b.N), "cpu-µs/op")
	}
}

// BenchmarkNormalizer is the whole way of a delivery, from stream to stream, with
// a real pack.
func BenchmarkNormalizer(b *testing.B) {
	library, err := provider.BuiltIn()
	if err != nil {
		b.Fatal(err)
	}
	half, err := library.Events("pik")
	if err != nil {
		b.Fatal(err)
	}
	program, err := mapping.Compile(half, mapping.Settings{})
	if err != nil {
		b.Fatal(err)
	}
	server := preload(b, "pik", "pik")
	o := testOptions(server.Conn(b), zap.NewNop(), nil)
	o.Registry = prometheus.NewRegistry()
	o.Programs = Programs{{Source: "pik", Provider: "pik"}: program}
	n, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	end := measure(b)
	go func() { done <- n.Run(ctx) }()
	grown(b, server, "PAYMENTS")
	end()
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRawCopy is the limit: the same deliveries, pulled, published as they are
// and acknowledged, everything pipelined.
func BenchmarkRawCopy(b *testing.B) {
	server := preload(b, "pik", "pik")
	js := server.JetStream(b)
	consumer, err := js.Consumer(b.Context(), "WEBHOOKS", "normalizer")
	if err != nil {
		b.Fatal(err)
	}
	acks := make(chan jetstream.Msg, 4096)
	end := measure(b)
	copying, err := consumer.Consume(func(m jetstream.Msg) {
		if _, err := js.PublishMsgAsync(&nats.Msg{
			Subject: "payments.pik.payin.confirmed.copy", Data: m.Data(),
			Header: nats.Header{nats.MsgIdHdr: m.Headers()[nats.MsgIdHdr]},
		}, jetstream.WithStallWait(time.Second)); err != nil {
			panic(err)
		}
		acks <- m
		if len(acks) > 500 {
			_ = (<-acks).Ack()
		}
	}, jetstream.PullMaxMessages(1000))
	if err != nil {
		b.Fatal(err)
	}
	grown(b, server, "PAYMENTS")
	end()
	copying.Stop()
	<-copying.Closed()
}
