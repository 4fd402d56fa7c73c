package operate

import (
	"fmt"
	"testing"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/deploy/normalizerd"
	"paybridge/normalizer"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
	"paybridge/schemas/provider"
)

// BenchmarkRenormalize compares stored deliveries with their events; the aim is
// 10,000 a second.
func BenchmarkRenormalize(b *testing.B) {
	server := jetstreamtest.Start(b)
	lib, err := provider.BuiltIn()
	if err != nil {
		b.Fatal(err)
	}
	c, err := config.Parse("bench.yaml", []byte(rigConfig), func(string) (string, bool) { return "a-secret-of-this-benchmark", true }, nil)
	if err != nil {
		b.Fatal(err)
	}
	programs, problems := normalizerd.Programs(c, lib)
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	js := server.JetStream(b)
	key, err := delivery.NewKey("k1", "a-seal-key-of-this-benchmark")
	if err != nil {
		b.Fatal(err)
	}
	const stored = 20_000
	for i := range stored {
		body := pikBody(fmt.Sprintf("evt_%d", i), fmt.Sprintf("txn_%d", i))
		storeBoth(b, js, programs, delivery.Keys{key}, uint64(i+1), body)
	}
	<-js.PublishAsyncComplete()
	for b.Loop() {
		sum, err := Renormalize{Programs: programs}.Compare(b.Context(), js)
		if err != nil || sum.Events != stored || sum.Changed != 0 {
			b.Fatalf("got %+v, %v", sum, err)
		}
	}
	b.ReportMetric(float64(stored)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// storeBoth stores a delivery of pik and its event.
func storeBoth(b *testing.B, js natsjs.JetStream, programs normalizer.Programs, keys delivery.Keys, sequence uint64, body string) {
	b.Helper()
	d := (&rig{}).delivery("pik", "hmac", body)
	if _, err := js.PublishMsgAsync(d.Message(keys)); err != nil {
		b.Fatal(err)
	}
	msg, err := mapAgain(programs, &d, sequence)[0].Event.Message(event.Structured)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.PublishMsgAsync(msg); err != nil {
		b.Fatal(err)
	}
}
