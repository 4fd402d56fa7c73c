package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"paybridge/config"
	"paybridge/deploy/ingressd"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/normalizerd"
	"paybridge/deploy/operate"
	"paybridge/ingress"
	"paybridge/schemas/provider"
)

// stack is the whole bridge in one process:
//
//	provider ──► ingress ──► embedded NATS ──► normalizer ──► embedded NATS
//
// The ingress and the normalizer come from the constructors of the production
// programs; what is special here is the server and that both share one admin
// listener.
type stack struct {
	bus        *embedded
	normalizer *part
	ingress    *part
	addresses  ingress.Addresses
	changes    []jetstream.Change // what the start did to the streams
	ended      chan struct{}      // closed when a role has stopped, asked or not
}

// logger is the log of one role, on stderr.
func (p *Program) logger(component string, level zapcore.Level) *zap.Logger {
	return config.Logger(component, p.Stderr).WithOptions(zap.IncreaseLevel(level))
}

// applyTimeout bounds the creation of the streams.
const applyTimeout = 30 * time.Second

// start starts everything on the files in dir and returns when webhooks are
// accepted and deliveries are consumed. c is complete: nothing is missing in it.
// What is logged below level is dropped. All follow reload, unless it is nil.
func (p *Program) start(ctx context.Context, c *config.Config, lib *provider.Library, dir string, level zapcore.Level, reload *config.Reloader) (*stack, error) {
	if err := loads(c, lib).Err(); err != nil {
		return nil, err
	}
	local := *c
	disk, err := jetstream.FreeDisk(dir)
	if err != nil {
		return nil, err
	}
	local.Streams.Disk = disk
	for _, l := range []struct{ key, address string }{
		{"embedded.listen", c.Embedded.Listen}, {"ingress.listen", c.Ingress.Listen}, {"ingress.admin", c.Ingress.Admin},
	} {
		if err := portFree(l.key, l.address); err != nil {
			return nil, err
		}
	}
	bus, err := startEmbedded(&local, dir, p.logger("nats", level))
	if err != nil {
		return nil, err
	}
	s := &stack{bus: bus, ended: make(chan struct{})}
	local.NATS = config.NATS{URL: bus.URL()}
	if s.changes, err = applyStreams(ctx, &local); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	if err := s.launch(ctx, p, &local, lib, level, reload); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// loads is what is wrong with the sources and their packs, for both roles: said before
// anything runs, each problem once, in the file's order.
func loads(c *config.Config, lib *provider.Library) config.Problems {
	_, err := ingressd.Sources(c, lib)
	var problems config.Problems
	errors.As(err, &problems)
	_, found := normalizerd.Programs(c, lib)
	for _, p := range found {
		// Both roles read the head of a pack, and which pack a source names.
		if !slices.ContainsFunc(problems, func(other config.Problem) bool { return other.At == p.At && other.Key == p.Key }) {
			problems = append(problems, p)
		}
	}
	slices.SortStableFunc(problems, func(a, b config.Problem) int {
		return cmp.Or(strings.Compare(a.At.File, b.At.File), a.At.Line-b.At.Line)
	})
	return problems
}

// applyStreams makes the topology on the embedded server, and returns what it changed.
func applyStreams(ctx context.Context, c *config.Config) ([]jetstream.Change, error) {
	options, err := c.NATS.Options("paybridge up", "_INBOX_"+roleProvisioner)
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(c.NATS.URL, options...)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	js, err := natsjs.New(nc)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	return jetstream.Apply(ctx, js, c.Streams)
}

// launch starts both roles and waits until both work, one has given up, or ctx is
// canceled.
func (s *stack) launch(ctx context.Context, p *Program, c *config.Config, lib *provider.Library, level zapcore.Level, reload *config.Reloader) error {
	var (
		metrics  = prometheus.NewRegistry()
		accepts  = make(chan ingress.Addresses, 1)
		consumes = make(chan struct{})
		ready    atomic.Pointer[func() error]
	)
	normalizes := ingress.Check{Name: "normalizer", Holds: func() error {
		if check := ready.Load(); check != nil {
			return (*check)()
		}
		return errors.New("starting")
	}}
	if err := metrics.Register(operate.SyncAlways(c.Embedded.Sync.Always)); err != nil {
		return err
	}
	if reload != nil {
		if err := reload.Join(embeddedPart, metrics); err != nil {
			return err
		}
	}
	s.normalizer = launchPart(ctx, func(ctx context.Context) error {
		return normalizerd.Run(ctx, c, normalizerd.Options{
			Version: readVersion().Version, Logger: p.logger("normalizer", level),
			Registry: metrics, NoAdmin: true, Reload: reload,
			Started: func(check func() error) { ready.Store(&check); close(consumes) },
		})
	})
	s.ingress = launchPart(ctx, func(ctx context.Context) error {
		return ingressd.Run(ctx, c, ingressd.Options{
			Log: p.logger("ingress", level), Library: lib, Metrics: metrics, Reload: reload,
			Ready:   []ingress.Check{normalizes},
			Started: func(a ingress.Addresses) { accepts <- a },
		})
	})
	go func() {
		defer close(s.ended)
		select {
		case <-s.ingress.done:
		case <-s.normalizer.done:
		}
	}()
	for waiting := 2; waiting > 0; waiting-- {
		select {
		case s.addresses = <-accepts:
		case <-consumes:
			consumes = nil
		case <-s.ended:
			return s.why()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// why is what the role says that stopped although nobody asked it to.
func (s *stack) why() error {
	for _, role := range []struct {
		name string
		part *part
	}{{"ingress", s.ingress}, {"normalizer", s.normalizer}} {
		select {
		case <-role.part.done:
			if role.part.err == nil {
				return fmt.Errorf("%s: stopped by itself", role.name)
			}
			return role.part.err
		default:
		}
	}
	return nil
}

// stop ends everything in the order in which nothing in hand is dropped: accept
// no more and answer what was accepted, then finish what was consumed, then close
// the files.
func (s *stack) stop() error {
	err := errors.Join(s.ingress.stop(), s.normalizer.stop())
	s.bus.Stop()
	return err
}

// running is what other commands learn of this stack.
func (s *stack) running(p *Program, file string, tls bool) operate.Running {
	scheme := "http://"
	if tls {
		scheme = "https://"
	}
	return operate.Running{
		PID: p.PID, Started: p.Now().UTC(), Config: file,
		NATS: s.bus.URL(), Webhooks: scheme + s.addresses.Public, Admin: "http://" + s.addresses.Admin,
	}
}

// part is one role that runs until it is stopped.
type part struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // after done is closed
}

// launchPart runs a role. Canceling ctx does not stop it: stop does, in its turn.
func launchPart(ctx context.Context, run func(context.Context) error) *part {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &part{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = run(ctx)
	}()
	return p
}

// stop ends the role, waits for it, and says how that went. A role that was never
// started, or had stopped by itself (see why), has nothing more to say.
func (p *part) stop() error {
	if p == nil {
		return nil
	}
	select {
	case <-p.done:
		p.cancel()
		return nil
	default:
	}
	p.cancel()
	<-p.done
	return p.err
}
