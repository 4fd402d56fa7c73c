package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	topology "paybridge/deploy/jetstream"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// smallBody is the size of what is stored on a shelf, in bytes: how many there are
// matters and not how large they are.
const smallBody = 350

// bus is the shelf's bus before its server runs.
func (s shelf) bus(programs binaries) *bus {
	return &bus{dir: programs.path(s.folder()), keep: true, sources: s.sources}
}

// openShelf starts a server on what a shelf has.
func openShelf(ctx context.Context, programs binaries, s shelf, sync string) (*bus, error) {
	b := s.bus(programs)
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return nil, err
	}
	if err := b.serve(ctx, programs, sync); err != nil {
		return nil, err
	}
	if err := b.prepare(ctx, programs); err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

// fillShelf stores deliveries and their events, unless an earlier run has. The
// normalizer's place is behind them.
func fillShelf(ctx context.Context, programs binaries, s shelf) error {
	full := programs.path(s.folder()) + ".full"
	if _, err := os.Stat(full); err == nil {
		return nil
	}
	if err := os.RemoveAll(programs.path(s.folder())); err != nil { // what was not finished
		return err
	}
	fmt.Fprintf(os.Stderr, "filling: %s\n", s.name())
	begin := time.Now()
	b, err := openShelf(ctx, programs, s, syncInterval)
	if err != nil {
		return err
	}
	defer b.stop()
	if err := b.store(ctx, s.stored, s.deliveries(begin)); err != nil {
		return err
	}
	if err := b.store(ctx, s.stored, s.events(begin)); err != nil {
		return err
	}
	if err := b.js.DeleteConsumer(ctx, topology.Webhooks, topology.Normalizer); err != nil {
		return err
	}
	config := topology.Consumers(b.streams)[0].Config
	config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, uint64(s.stored)+1
	if _, err := b.js.CreateConsumer(ctx, topology.Webhooks, config); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "filled in %s\n", time.Since(begin).Round(time.Second))
	return os.WriteFile(full, nil, 0o600)
}

// deliveries makes sealed deliveries of every source in turn.
func (s shelf) deliveries(now time.Time) func(n int) *nats.Msg {
	key, err := delivery.NewKey("k1", sealSecret)
	if err != nil {
		panic(err) // a constant
	}
	keys, body := delivery.Keys{key}, newBodies("stored", smallBody)
	return func(n int) *nats.Msg {
		d := delivery.Delivery{
			Source: sourceName(n % s.sources), Provider: "pik", Endpoint: delivery.DefaultEndpoint, ReceivedAt: now,
			RequestID: fmt.Sprintf("stored-%d", n), Scheme: "hmac", KeyID: "bench", Body: body.append(nil, n),
		}
		return s.labelled(d.Message(keys))
	}
}

// events makes the events of these deliveries, as a normalizer would.
func (s shelf) events(now time.Time) func(n int) *nats.Msg {
	body := newBodies("stored", smallBody)
	at := now.UTC().Format(time.RFC3339)
	return func(n int) *nats.Msg {
		source, id := sourceName(n%s.sources), body.id(n)
		raw := body.append(nil, n)
		e := event.Event{
			ID: id, Source: "urn:paybridge:" + source, Type: "global.pik.payment.confirmed", Subject: id, Time: now.UTC(),
			DataSchema: "urn:paybridge:schema:pik:payment.confirmed:1", Provider: "pik", Sequence: event.Sequence(uint64(n)+1, 0),
			PartitionKey: source + "/" + id, RawDigest: event.RawDigest(raw), AuthScheme: "hmac",
			Payment: event.Payment{
				Kind: event.Payin, Direction: event.In, State: event.Confirmed, ID: &id, Rail: event.Crypto,
				Amount: &event.Money{Value: "75.00", Currency: "USDT"}, OccurredAt: &at, ReceivedAt: at, Notes: []string{},
			},
			Native: json.RawMessage(raw), NativeType: "payment.confirmed", SourceName: source,
		}
		m, err := e.Message(event.Structured)
		if err != nil {
			panic(err) // made of constants and a number
		}
		return s.labelled(m)
	}
}

// labelled is a message with its id, or without.
func (s shelf) labelled(m *nats.Msg) *nats.Msg {
	if !s.ids {
		m.Header.Del(nats.MsgIdHdr)
	}
	return m
}

// sourceName is the name of the i-th source.
func sourceName(i int) string {
	if i == 0 {
		return "pik"
	}
	return fmt.Sprintf("pik%d", i)
}

// size is how many bytes the files of a stream take.
func (b *bus) size(stream string) (int64, error) {
	var total int64
	err := filepath.WalkDir(filepath.Join(b.dir, "jetstream", "$G", "streams", stream), func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
