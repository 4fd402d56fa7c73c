package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// followers is how many connections requests may be in flight on: enough that one
// is free whenever a request is due.
const followers = 128

// follower sends webhooks and sees their events come.
type follower struct {
	address     string
	secret      []byte
	bodies      bodies
	due         []time.Time
	next        atomic.Int64 // index of the next request to send
	from, until time.Time    // what is counted: due between them

	mu      sync.Mutex
	sent    map[string]time.Time // by event id; until its event is there
	took    []time.Duration      // of the counted
	allSent bool
	allHere chan struct{} // closed when all is sent and every event has come
}

// runFollow sends signed webhooks that come at a rate, each at a moment of its own
// (exponential gaps), whether or not earlier ones are answered, and times each from
// its sending to the arrival of its event on a stream. A request that is sent late
// because no connection was free counts from when it was due.
func runFollow(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("follow", flag.ContinueOnError)
	url := flags.String("nats", "", "NATS URL")
	stream := flags.String("stream", "", "stream of the events")
	address := flags.String("address", "", "host:port")
	secret := flags.String("secret", "", "HMAC secret")
	perSecond := flags.Float64("rate", 100, "webhooks a second")
	size := flags.Int("size", 2*KB, "bytes of a body")
	warm := flags.Duration("warm", 0, "how long before counting begins")
	length := flags.Duration("length", time.Second, "how long to count")
	run := flags.String("run", "0", "distinguishes this run's payments from another's")
	if err := flags.Parse(args); err != nil {
		return err
	}
	f := &follower{address: *address, secret: []byte(*secret), bodies: newBodies("f"+*run, *size), sent: map[string]time.Time{}, allHere: make(chan struct{})}
	stop, err := f.watch(ctx, *url, *stream)
	if err != nil {
		return err
	}
	defer stop()
	start := time.Now().Add(50 * time.Millisecond)
	f.from, f.until = start.Add(*warm), start.Add(*warm+*length)
	f.due = schedule(start, f.until, *perSecond)
	if err := f.send(ctx); err != nil {
		return err
	}
	return f.report(ctx)
}

// schedule is when requests are due: the same every time.
func schedule(start, until time.Time, perSecond float64) []time.Time {
	chance := rand.New(rand.NewPCG(1, 2))
	var due []time.Time
	for at := start; ; {
		at = at.Add(time.Duration(chance.ExpFloat64() / perSecond * float64(time.Second)))
		if !at.Before(until) {
			return due
		}
		due = append(due, at)
	}
}

// watch receives the events that are stored from now on.
func (f *follower) watch(ctx context.Context, url, stream string) (stop func(), err error) {
	conn, err := nats.Connect(url)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy})
	if err != nil {
		conn.Close()
		return nil, err
	}
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		now := time.Now()
		_, id, _ := strings.Cut(m.Headers().Get(nats.MsgIdHdr), "/")
		f.arrived(id, now)
	})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return func() { consuming.Stop(); conn.Close() }, nil
}

func (f *follower) arrived(id string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	begin, ours := f.sent[id]
	if !ours {
		return
	}
	delete(f.sent, id)
	if !begin.Before(f.from) && begin.Before(f.until) {
		f.took = append(f.took, now.Sub(begin))
	}
	if f.allSent && len(f.sent) == 0 {
		close(f.allHere)
	}
}

// send sends what is due over all connections.
func (f *follower) send(ctx context.Context) error {
	var (
		group sync.WaitGroup
		once  sync.Once
		first error
	)
	for range followers {
		group.Go(func() {
			if err := f.sendOn(ctx); err != nil {
				once.Do(func() { first = err })
			}
		})
	}
	group.Wait()
	return first
}

// sendOn sends what is due, one request at a time, over one connection.
func (f *follower) sendOn(ctx context.Context) error {
	c, err := dial(f.address)
	if err != nil {
		return err
	}
	defer c.Close()
	var request []byte
	for ctx.Err() == nil {
		n := int(f.next.Add(1)) - 1
		if n >= len(f.due) {
			return nil
		}
		request = appendRequest(request[:0], f.secret, sourceName(0), f.bodies.append(nil, n))
		begin := f.due[n]
		if wait := time.Until(begin); wait > 0 {
			time.Sleep(wait)
			begin = time.Now() // what the clock overslept is not the programs' time
		}
		f.mu.Lock()
		f.sent[f.bodies.id(n)] = begin
		f.mu.Unlock()
		ok, err := c.exchange(request)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("webhook %d was refused", n)
		}
	}
	return ctx.Err()
}

// report waits for the events that are still on their way.
func (f *follower) report(ctx context.Context) error {
	f.mu.Lock()
	f.allSent = true
	if len(f.sent) == 0 {
		close(f.allHere)
	}
	f.mu.Unlock()
	select {
	case <-f.allHere:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Second):
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sent) > 0 {
		return fmt.Errorf("%d of %d events have not come", len(f.sent), len(f.due))
	}
	slices.Sort(f.took)
	return json.NewEncoder(os.Stdout).Encode(loaded{
		Requests: len(f.due), Counted: len(f.took),
		P50: quantile(f.took, 0.5), P99: quantile(f.took, 0.99), P999: quantile(f.took, 0.999),
	})
}
