package ingress

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"paybridge/schemas/delivery"
)

// Server is the ingress: the public listener for providers and the admin listener.
// Make it with [New]; it is run once.
type Server struct {
	o        Options
	js       jetstream.JetStream
	serving  atomic.Pointer[serving]
	lanes    *lanes
	flight   *flight
	store    *store
	single   *single
	commits  *committer
	health   *health
	metrics  *metrics
	times    timeouts
	draining atomic.Bool
	flushing atomic.Bool // somebody is about to flush the receipts
	fields   sync.Pool   // *[]zap.Field
	rooms    sync.Pool   // *delivery.Room
}

// New makes a server; it opens nothing before [Server.Run].
func New(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(o.Conn)
	if err != nil {
		return nil, fmt.Errorf("ingress: %w", err)
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, fmt.Errorf("ingress: metrics: %w", err)
	}
	s := &Server{o: o, js: js, lanes: newLanes(o.MaxBody, o.Now), flight: newFlight(o.InFlight, m.inFlight), metrics: m, times: defaultTimeouts}
	s.fields.New, s.rooms.New = newFields, func() any { return new(delivery.Room) }
	if err := s.Replace(o.Sources, o.Seal); err != nil {
		return nil, err
	}
	s.single = newSingle(o.Conn)
	s.commits = newCommitter(s.single, batch{o.Conn, rand.Text}, o.Budget/2, m, o.Now)
	s.store = &store{sender: s.commits, budget: o.Budget, metrics: m, now: o.Now}
	s.health = newHealth(o.Conn, func(ctx context.Context) error {
		_, err := streamConfig(ctx, js)
		return err
	}, o.Now)
	return s, nil
}

// serving is what a server serves at one moment.
type serving struct {
	table table
	seal  delivery.Keys // the first seals
}

// Replace puts other sources, and keys of the seal, in the place of those that are
// served, all at once: a request sees either the old sources or the new ones, and what
// is stored from now on is sealed with the first of the new keys. On an error, which
// names every source that cannot be served, the old ones stay.
func (s *Server) Replace(sources []Source, seal delivery.Keys) error {
	t, err := newTable(sources)
	if len(seal) == 0 {
		err = errors.Join(err, errNoSeal)
	}
	if err != nil {
		return err
	}
	for _, to := range t {
		to.accepted = s.metrics.requests.WithLabelValues(to.source, to.endpoint, "200")
	}
	s.serving.Store(&serving{t, seal})
	return nil
}

// Run serves until ctx is done, then finishes what is in hand and returns nil. It
// refuses to start, with an [Unfit], where a 200 could not mean what it says. The
// order of the shutdown: not ready, no new connections, what is in hand, admin.
func (s *Server) Run(ctx context.Context) error {
	checkCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := checkServer(checkCtx, s.o.Conn, s.js, s.o.MaxBody); err != nil {
		return err
	}
	public, err := s.listen()
	if err != nil {
		return err
	}
	admin, err := s.listenAdmin()
	if err != nil {
		return errors.Join(err, public.Close())
	}
	defer s.single.follow(s.o.Conn, s.commits.disconnected)()
	started := Addresses{Public: public.listener.Addr().String()}
	if admin != nil {
		started.Admin = admin.listener.Addr().String()
	}
	failed := make(chan error, 2)
	go public.serve(failed)
	if admin != nil {
		go admin.serve(failed)
	}
	s.o.Log.Info("ingress started", zap.String("public", started.Public), zap.String("admin", started.Admin), zap.Int("paths", len(s.serving.Load().table)))
	s.o.Started(started)

	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	return errors.Join(err, s.shutdown(public, admin))
}

// shutdown ends what Run started, in order, within the drain time.
func (s *Server) shutdown(public, admin *listening) error {
	s.draining.Store(true) // not ready, and every answer closes its connection
	s.o.Log.Info("ingress stopping")
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Drain)
	defer cancel()
	select {
	case <-time.After(s.times.grace):
	case <-ctx.Done():
	}
	// The admin listener is the last to go: it says what is going on.
	err := public.shutdown(ctx)
	s.commits.wait()
	if admin != nil {
		err = errors.Join(err, admin.shutdown(ctx))
	}
	s.o.Log.Info("ingress stopped", zap.Bool("clean", err == nil))
	return err
}
