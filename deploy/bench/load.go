package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// loaded is what one run of the load generator saw.
type loaded struct {
	Requests int     `json:"requests"` // answered with 200
	Counted  int     `json:"counted"`  // of those, within the counted time
	Seconds  float64 `json:"seconds"`  // the counted time
	Refused  int     `json:"refused"`  // answered with anything else
	P50      float64 `json:"p50"`      // milliseconds
	P99      float64 `json:"p99"`
	P999     float64 `json:"p999"`
}

// runLoad sends signed, distinct PIK webhooks over a number of connections, each
// the next one at once, and prints what it saw as JSON. What is answered before the
// warm time has passed, or after the length that follows, is not counted; where so
// little is answered that the connections have not had one answer each, counting goes
// on. It speaks HTTP by hand, so that the measured program and not the client is what
// is slow.
func runLoad(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	address := flags.String("address", "", "host:port")
	secret := flags.String("secret", "", "HMAC secret")
	conns := flags.Int("conns", 64, "connections, one request in flight on each")
	sources := flags.Int("sources", 1, "sources to send to, in turn")
	size := flags.Int("size", 2*KB, "bytes of a body")
	warm := flags.Duration("warm", 0, "how long before counting begins")
	length := flags.Duration("length", time.Second, "how long to count")
	run := flags.String("run", "0", "distinguishes this run's payments from another's")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var (
		group  sync.WaitGroup
		mu     sync.Mutex
		total  loaded
		all    []answered
		failed error
		from   = time.Now().Add(*warm)
		until  = from.Add(*length)
		enough atomic.Int64
	)
	over := func(now time.Time) bool {
		return now.After(until) && (enough.Load() >= int64(*conns) || now.After(until.Add(patience)))
	}
	for i := range *conns {
		group.Go(func() {
			c := client{address: *address, secret: []byte(*secret), sources: *sources, bodies: newBodies(fmt.Sprintf("%s-%d", *run, i), *size)}
			err := c.send(ctx, func(end time.Time) {
				if end.After(from) {
					enough.Add(1)
				}
			}, over)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, c.answers...)
			total.Requests += c.accepted
			total.Refused += c.refused
			if err != nil {
				failed = err
			}
		})
	}
	group.Wait()
	if failed != nil {
		return failed
	}
	took, seconds := counted(all, from, until, *conns)
	total.Counted, total.Seconds = len(took), seconds
	total.P50, total.P99, total.P999 = quantile(took, 0.5), quantile(took, 0.99), quantile(took, 0.999)
	return json.NewEncoder(os.Stdout).Encode(total)
}

// patience is how long counting may go on.
const patience = 10 * time.Second

// answered is one request that was accepted.
type answered struct {
	at   time.Time
	took time.Duration
}

// counted is, sorted, how long those took that were answered between two moments, and
// the seconds between these. If they are fewer than least, it goes on to the answer
// that makes them as many.
func counted(all []answered, from, until time.Time, least int) (took []time.Duration, seconds float64) {
	slices.SortFunc(all, func(a, b answered) int { return a.at.Compare(b.at) })
	for _, a := range all {
		switch {
		case a.at.Before(from):
			continue
		case a.at.After(until) && len(took) >= least:
		case a.at.After(until):
			until = a.at
			fallthrough
		default:
			took = append(took, a.took)
		}
	}
	slices.Sort(took)
	return took, until.Sub(from).Seconds()
}

// quantile is the least of sorted durations that at least the share q of them do not
// pass, in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return float64(sorted[max(rank, 1)-1].Microseconds()) / 1000
}

// client is one connection.
type client struct {
	address  string
	secret   []byte
	sources  int
	bodies   bodies
	answers  []answered
	accepted int
	refused  int
}

// send sends one request after the other until it is over, and tells of each answer.
func (c *client) send(ctx context.Context, tell func(time.Time), over func(time.Time) bool) error {
	conn, err := dial(c.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	var request, body []byte
	for n := 0; ctx.Err() == nil; n++ {
		body = c.bodies.append(body[:0], n)
		request = appendRequest(request[:0], c.secret, sourceName(n%c.sources), body)
		begin := time.Now()
		if over(begin) {
			return nil
		}
		ok, err := conn.exchange(request)
		if err != nil {
			return err
		}
		if !ok {
			c.refused++
			continue
		}
		c.accepted++
		end := time.Now()
		c.answers = append(c.answers, answered{end, end.Sub(begin)})
		tell(end)
	}
	return nil
}
