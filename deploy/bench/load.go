package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// loaded is what one run of the load generator saw.
type loaded struct {
	Requests int     `json:"requests"` // answered with 200
	Counted  int     `json:"counted"`  // of those, within the counted time
	Refused  int     `json:"refused"`  // answered with anything else
	P50      float64 `json:"p50"`      // milliseconds
	P99      float64 `json:"p99"`
	P999     float64 `json:"p999"`
}

// runLoad sends signed, distinct PIK webhooks over a number of connections, each
// the next one at once, and prints what it saw as JSON. What is answered before the
// warm time has passed, or after the length that follows, is not counted. It speaks
// HTTP by hand, so that the measured program and not the client is what is slow.
func runLoad(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	address := flags.String("address", "", "host:port")
	secret := flags.String("secret", "", "HMAC secret")
	conns := flags.Int("conns", 64, "connections, one request in flight on each")
	size := flags.Int("size", 2048, "bytes of a body")
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
		all    []time.Duration
		failed error
		from   = time.Now().Add(*warm)
		until  = from.Add(*length)
	)
	for i := range *conns {
		group.Go(func() {
			c := client{address: *address, secret: []byte(*secret), bodies: newBodies(fmt.Sprintf("%s-%d", *run, i), *size)}
			err := c.send(ctx, from, until)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, c.took...)
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
	total.Counted = len(all)
	slices.Sort(all)
	total.P50, total.P99, total.P999 = quantile(all, 0.5), quantile(all, 0.99), quantile(all, 0.999)
	return json.NewEncoder(os.Stdout).Encode(total)
}

// quantile is the q-quantile of sorted durations in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(q*float64(len(sorted)-1))].Microseconds()) / 1000
}

// client is one connection.
type client struct {
	address  string
	secret   []byte
	bodies   bodies
	took     []time.Duration // of the counted
	accepted int
	refused  int
}

func (c *client) send(ctx context.Context, from, until time.Time) error {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	var request, body []byte
	for n := 0; ctx.Err() == nil; n++ {
		body = c.bodies.append(body[:0], n)
		request = appendRequest(request[:0], c.secret, body)
		begin := time.Now()
		if !begin.Before(until) {
			return nil
		}
		if _, err := conn.Write(request); err != nil {
			return err
		}
		ok, err := readAnswer(answers)
		if err != nil {
			return err
		}
		if !ok {
			c.refused++
			continue
		}
		c.accepted++
		if end := time.Now(); end.After(from) && end.Before(until) {
			c.took = append(c.took, end.Sub(begin))
		}
	}
	return nil
}

// bodies makes distinct PIK payments of about one size.
type bodies struct{ name, pad string }

func newBodies(name string, size int) bodies {
	b := bodies{name: name}
	var pad strings.Builder
	for i := 0; len(b.append(nil, 1<<20))+pad.Len() < size; i++ {
		fmt.Fprintf(&pad, `"field_%03d":"some text that a merchant sends",`, i)
	}
	b.pad = pad.String()
	return b
}

func (b bodies) append(dst []byte, n int) []byte {
	dst = fmt.Appendf(dst, `{"event":"payment.confirmed","id":"evt_%s_%d","created_at":"2026-01-15T10:45:00Z","data":{"transaction_id":"txn_%s_%d",`, b.name, n, b.name, n)
	dst = append(dst, `"payment_link_id":"pl_abc123xyz","amount":"75.00","currency":"USDT","status":"confirmed","confirmed_at":"2026-01-15T10:45:00Z","metadata":{`...)
	dst = append(dst, b.pad...)
	return append(dst, `"last":true}}}`...)
}

func appendRequest(dst, secret, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	dst = append(dst, "POST /webhooks/pik HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nPIK-Signature: "...)
	dst = hex.AppendEncode(dst, mac.Sum(nil))
	dst = fmt.Appendf(dst, "\r\nContent-Length: %d\r\n\r\n", len(body))
	return append(dst, body...)
}

// readAnswer reads one response with a declared length and says whether it was a 200.
func readAnswer(r *bufio.Reader) (bool, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return false, err
	}
	ok := bytes.HasPrefix(line, []byte("HTTP/1.1 200"))
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if name, value, found := bytes.Cut(line, []byte(":")); found && bytes.EqualFold(name, []byte("Content-Length")) {
			if _, err := fmt.Sscanf(string(value), "%d", &length); err != nil {
				return false, err
			}
		}
	}
	_, err = r.Discard(length)
	return ok, err
}
