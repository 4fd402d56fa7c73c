package normalizer

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream/jetstreamtest"
)

// BenchmarkStore stores events of 3 KB, 256 under way, on a server that syncs before
// each PubAck, or does not: by themselves, and in batches of 128, two at a time.
func BenchmarkStore(b *testing.B) {
	for _, syncs := range []string{"always", "2m"} {
		for _, batch := range []int{1, 128} {
			b.Run(fmt.Sprintf("sync=%s/batch=%d", syncs, batch), func(b *testing.B) {
				file := filepath.Join(b.TempDir(), "nats.conf")
				settings := fmt.Sprintf("host: 127.0.0.1\nport: -1\njetstream { store_dir: %q, sync_interval: %q }\n", b.TempDir(), syncs)
				if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
					b.Fatal(err)
				}
				store(b, jetstreamtest.Start(b, jetstreamtest.Configured(b, file)), batch)
			})
		}
	}
}

func store(b *testing.B, server *jetstreamtest.Server, batch int) {
	js := server.JetStream(b)
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{
		Name: "PAYMENTS", Subjects: []string{"payments.>"}, AllowAtomicPublish: true, Duplicates: time.Minute,
	}); err != nil {
		b.Fatal(err)
	}
	p, err := newPublisher(server.Conn(b), 5*time.Second, 512)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	var all []*nats.Msg
	for _, m := range messages(0, b.N) {
		m.Data = make([]byte, 3000)
		all = append(all, m)
	}
	places := make(chan struct{}, 256/batch)
	done := func(_ *jetstream.PubAck, err error) {
		if err != nil {
			b.Error(err)
		}
		<-places
	}
	b.ResetTimer()
	for len(all) > 0 {
		count := min(batch, len(all))
		places <- struct{}{}
		if batch == 1 {
			p.send(all[0], done)
		} else {
			p.sendBatch(all[:count], done)
		}
		all = all[count:]
	}
	for range cap(places) {
		places <- struct{}{}
	}
}
