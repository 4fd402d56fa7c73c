package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	topology "paybridge/deploy/jetstream"
)

// startup is how long it takes from nothing to work on one shelf, and what it costs.
type startup struct {
	clean      time.Duration // the server, stopped in order
	killed     time.Duration // the server, killed
	ingress    time.Duration // the ingress, until its first 200
	first      time.Duration // from the server's start to the first 200
	normalizer time.Duration // until it is ready
	server     float64       // MiB of the server with all of it stored
	programs   [2]float64    // MiB of ingress and normalizer
	bytes      [2]float64    // on disk a delivery and an event
}

// startTable starts everything on every shelf.
func startTable(ctx context.Context, programs binaries, all []shelf, out *strings.Builder) error {
	if len(all) == 0 {
		return nil
	}
	out.WriteString("\n| | server starts, stopped before | killed before | ingress starts | to the first 200 | normalizer starts | server MiB | ingress / normalizer MiB | bytes a delivery / an event |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, s := range all {
		if err := fillShelf(ctx, programs, s); err != nil {
			return fmt.Errorf("%s: %w", s.name(), err)
		}
		fmt.Fprintf(os.Stderr, "starting: %s\n", s.name())
		u, err := startOn(ctx, programs, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name(), err)
		}
		ms := func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s | %.0f | %.0f / %.0f | %.0f / %.0f |\n", s.name(),
			ms(u.clean), ms(u.killed), ms(u.ingress), ms(u.first), ms(u.normalizer), u.server, u.programs[0], u.programs[1], u.bytes[0], u.bytes[1])
	}
	return nil
}

func startOn(ctx context.Context, programs binaries, s shelf) (u startup, err error) {
	b := s.bus(programs) // whoever used it last stopped it in order
	begin := time.Now()
	if err := b.serve(ctx, programs, syncInterval); err != nil {
		return u, err
	}
	u.clean = time.Since(begin)
	if err := b.prepare(ctx, programs); err != nil {
		b.stop()
		return u, err
	}
	if err := b.startPrograms(ctx, programs, begin, &u); err != nil {
		b.stop()
		return u, err
	}
	used, err := b.usage()
	if err != nil {
		return u, err
	}
	u.server = used.now
	for i, stream := range []string{topology.Webhooks, topology.Payments} {
		size, err := b.size(stream)
		if err != nil {
			return u, err
		}
		last, err := b.last(ctx, stream)
		if err != nil {
			return u, err
		}
		u.bytes[i] = float64(size) / float64(last)
	}
	if err := b.cmd.Process.Kill(); err != nil {
		return u, err
	}
	b.stop()
	begin = time.Now()
	if err := b.serve(ctx, programs, syncInterval); err != nil {
		return u, err
	}
	u.killed = time.Since(begin)
	b.stop()
	return u, nil
}

// startPrograms starts ingress and normalizer and waits until each does its work.
func (b *bus) startPrograms(ctx context.Context, programs binaries, server time.Time, u *startup) error {
	begin := time.Now()
	d, err := b.startIngress(ctx, programs)
	if err != nil {
		return err
	}
	defer d.stop()
	body := newBodies(fmt.Sprintf("first-%d", begin.UnixNano()), 2*KB).append(nil, 0)
	request := appendRequest(nil, []byte(benchSecret), sourceName(0), body)
	if err := until(ctx, "the first 200", func() bool {
		c, err := dial(d.address)
		if err != nil {
			return false
		}
		defer c.Close()
		ok, err := c.exchange(request)
		return err == nil && ok
	}); err != nil {
		return errors.Join(err, d.complaint())
	}
	u.ingress, u.first = time.Since(begin), time.Since(server)
	begin = time.Now()
	n, err := b.startNormalizer(programs)
	if err != nil {
		return err
	}
	defer n.stop()
	if err := until(ctx, "a ready normalizer", func() bool {
		answer, err := http.Get("http://" + b.admins[1] + "/readyz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}); err != nil {
		return errors.Join(err, n.complaint())
	}
	u.normalizer = time.Since(begin)
	for i, p := range []*process{d.process, n} {
		used, err := p.usage()
		if err != nil {
			return err
		}
		u.programs[i] = used.now
	}
	return nil
}

// until waits for something that takes milliseconds to minutes.
func until(ctx context.Context, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}
