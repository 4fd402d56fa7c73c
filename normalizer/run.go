package normalizer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// Normalizer turns the raw stream into events. Make it with New; Run it once.
type Normalizer struct {
	Options
	log     *zap.Logger
	metrics *metrics
	levels  *levels
	inForce atomic.Pointer[inForce]
	rooms   rooms
	guard   crashGuard

	storing    breaker // open while events or dead letters cannot be stored
	pulling    breaker // open while pulls fail
	phase      atomic.Int32
	subscriber atomic.Pointer[subscriber] // once it runs

	window     int           // publications under way
	pace       pace          // what is known of batches at first
	pullWait   time.Duration // how long one pull waits for messages
	nackDelay  time.Duration // how long a message rests after a Nack
	retryAfter time.Duration // the first wait after something could not be stored
}

// The phases of a normalizer's life.
const (
	starting int32 = iota
	working
	stopping
)

// New checks the options and fills in what is left out. It does not touch the
// connection.
func New(o Options) (*Normalizer, error) {
	var problems []error
	if o.Conn == nil {
		problems = append(problems, errors.New("normalizer: no connection"))
	}
	if len(o.Seals) == 0 {
		problems = append(problems, errors.New("normalizer: no seal key: everything would be a dead letter"))
	}
	if len(o.Programs) == 0 {
		problems = append(problems, errors.New("normalizer: no source"))
	}
	if o.Mode != "" && o.Mode != event.Structured && o.Mode != event.Binary {
		problems = append(problems, fmt.Errorf("normalizer: mode %q is neither %s nor %s", o.Mode, event.Structured, event.Binary))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	n := &Normalizer{
		Options:    o,
		log:        o.Logger,
		metrics:    newMetrics(),
		levels:     newLevels(o),
		guard:      crashGuard{most: o.CrashGuard, limit: o.CrashLimit},
		window:     max(o.InHand/2, 1), // the rest is parsed meanwhile
		pace:       pace{least: firstLeast},
		pullWait:   500 * time.Millisecond,
		nackDelay:  time.Second,
		retryAfter: 100 * time.Millisecond,
	}
	n.Replace(o.Programs, o.Seals)
	n.metrics.state(n)
	if o.Registry != nil {
		if err := n.metrics.register(o.Registry); err != nil {
			return nil, fmt.Errorf("normalizer: metrics: %w", err)
		}
	}
	return n, nil
}

func (o Options) withDefaults() Options {
	fill(&o.Mode, event.Structured)
	fill(&o.Logger, zap.NewNop())
	if o.Receipts.Logger == nil {
		o.Receipts = Receipts{o.Logger, func() {}}
	}
	fill(&o.Stream, "WEBHOOKS")
	fill(&o.Consumer, "normalizer")
	fill(&o.DuplicateWindow, 48*time.Hour)
	fill(&o.InHand, 1024)
	fill(&o.InHandBytes, 64<<20)
	fill(&o.Parallel, runtime.GOMAXPROCS(0))
	fill(&o.AckTimeout, 5*time.Second)
	fill(&o.DrainTimeout, 20*time.Second)
	fill(&o.CrashGuard, 8)
	fill(&o.CrashLimit, 32)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (n *Normalizer) now() time.Time { return n.Now() }

// inForce is what may change while a normalizer runs.
type inForce struct {
	programs Programs
	sources  map[string]bool // of the programs
	seals    delivery.Keys
}

// Replace swaps the compiled packs and the keys of the seal, all at once: deliveries
// that are opened from now on use p and seals, those under way finish with what they
// have. A delivery that is stored and not yet normalized must still find its key.
func (n *Normalizer) Replace(p Programs, seals delivery.Keys) {
	sources := make(map[string]bool, len(p))
	for pack := range p {
		sources[pack.Source] = true
	}
	n.inForce.Store(&inForce{p, sources, seals})
}

// label is a source as a metric's label.
func (n *Normalizer) label(source string) string {
	if n.inForce.Load().sources[source] {
		return source
	}
	return "unknown"
}

// Run works until ctx is canceled. It then stops pulling, finishes what is in hand
// or gives up after the drain timeout, and returns nil when all that it has started
// has ended. What it gave up stays unacknowledged and is delivered again. An error
// says why it could not start, or could not go on: the process should end.
func (n *Normalizer) Run(ctx context.Context) error {
	if err := n.verify(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	out, err := newPublisher(n.Conn, n.AckTimeout, n.window)
	if err != nil {
		return err
	}
	defer out.Close()
	return n.work(ctx, out.js, n.pullFrom, out)
}

// pullFrom opens the source of a consumer's messages.
func (n *Normalizer) pullFrom(stream, consumer string) (source, error) {
	return newPuller(n.Conn, stream, consumer, n.InHand)
}

// work is Run on a verified topology: it reads what open opens, and stores on out.
func (n *Normalizer) work(ctx context.Context, js jetstream.JetStream, open func(stream, consumer string) (source, error), out bus) error {
	in := newSubscriber(js, n.subscription(open))
	defer in.Close()
	stage := newStage(out, n)
	workers := newWorkers(n.InHand, stage.stored, n.receipts)
	router, err := n.route(in, workers, stage.publish)
	if err != nil {
		return err
	}

	// The router ends first and the stage next, each when it is told to.
	var running sync.WaitGroup
	defer running.Wait()
	staged, stopStage := context.WithCancel(context.WithoutCancel(ctx))
	defer stopStage()
	running.Go(func() { stage.run(staged) })
	running.Go(func() { workers.run(staged, n.Parallel) })
	running.Go(func() { n.levels.run(staged, js) })
	routed := make(chan error, 1)
	running.Go(func() { routed <- router.Run(context.WithoutCancel(ctx)) })

	n.subscriber.Store(in)
	defer n.phase.Store(stopping)
	select {
	case <-router.Running():
		n.started()
	case err := <-routed:
		return err
	}
	select {
	case <-ctx.Done():
	case err := <-routed:
		return errors.Join(err, in.Close(), in.err())
	}
	n.drain(ctx, in)
	stopStage()
	defer n.log.Info("normalizer stopped")
	return router.Close()
}

// started says that the normalizer consumes.
func (n *Normalizer) started() {
	n.phase.Store(working)
	n.log.Info("consuming", zap.String("stream", n.Stream), zap.String("consumer", n.Consumer))
	if n.Started != nil {
		n.Started()
	}
}

// drain finishes what is in hand, and sees that what was said of it is sent.
func (n *Normalizer) drain(ctx context.Context, in *subscriber) {
	n.phase.Store(stopping)
	n.log.Info("stopping, finishing what is in hand")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.DrainTimeout)
	defer cancel()
	in.drain(ctx)
	err := n.Conn.FlushWithContext(ctx)
	if messages, _, _ := in.count(); err != nil || messages > 0 {
		n.log.Warn("gave up what is in hand", zap.Int("deliveries", messages), zap.Error(err))
	}
}

// subscription is how the raw stream is read.
func (n *Normalizer) subscription(open func(stream, consumer string) (source, error)) subscriberOptions {
	return subscriberOptions{
		open:        open,
		consumer:    func(stream string) (string, string) { return stream, n.Consumer },
		inHand:      n.InHand,
		inHandBytes: n.InHandBytes,
		pullWait:    n.pullWait,
		nackDelay:   n.nackDelay,
		byHandler:   true, // see untilStored
		hold:        n.storing.wait,
		pulling:     &n.pulling,
		metrics:     n.metrics,
		now:         n.now,
	}
}

// count is what is in hand.
func (n *Normalizer) count() (messages, bytes int, oldest time.Time) {
	if in := n.subscriber.Load(); in != nil {
		return in.count()
	}
	return 0, 0, time.Time{}
}

// Ready is nil while the normalizer consumes and can store what comes of it.
func (n *Normalizer) Ready() error {
	switch n.phase.Load() {
	case starting:
		return errors.New("starting")
	case stopping:
		return errors.New("stopping")
	}
	if !n.Conn.IsConnected() {
		return fmt.Errorf("not connected to NATS: %s", n.Conn.Status())
	}
	if err := n.storing.err(); err != nil {
		return fmt.Errorf("cannot store: %w", err)
	}
	if err := n.pulling.err(); err != nil {
		return fmt.Errorf("cannot pull: %w", err)
	}
	return nil
}
