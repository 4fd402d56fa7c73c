package normalizer

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// levels are how full the streams are and how many deliveries wait, as the server said
// last. They are asked for on a clock of their own and never by whoever reads the
// metrics, so that a bus that does not answer holds nobody up. What it has not said for
// a while is not shown at all: an unknown level is neither the last one nor zero.
//
// Every normalizer shows the same ones; rules take the highest.
type levels struct {
	now      func() time.Time
	stream   string // raw stream
	consumer string // its consumer
	every    time.Duration
	kept     time.Duration

	mu      sync.Mutex
	streams map[string]streamLevel
	waiting consumerLevel
}

const (
	levelsEvery = 15 * time.Second
	levelsKept  = time.Minute // one round that is lost, or slow, leaves no gap
)

// streamLevel is the state of one stream, and when it was asked for.
type streamLevel struct {
	asked time.Time
	state jetstream.StreamState
	limit int64 // bytes; not above 0: none
}

// consumerLevel is how far the consumer is, and when it was asked for.
type consumerLevel struct {
	asked           time.Time
	pending, handed float64
}

func newLevels(o Options) *levels {
	return &levels{
		now: o.Now, stream: o.Stream, consumer: o.Consumer, every: levelsEvery, kept: levelsKept,
		streams: make(map[string]streamLevel),
	}
}

// run asks, and again after each interval, until ctx is done. A question that fails says
// nothing here: readiness and the log have the bus's absence already.
func (l *levels) run(ctx context.Context, js jetstream.JetStream) {
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	for {
		l.ask(ctx, js)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// ask asks once, for each level by itself: one stream without a leader hides no other.
func (l *levels) ask(ctx context.Context, js jetstream.JetStream) {
	for _, name := range []string{l.stream, paymentsStream, deadLettersStream} {
		l.askStream(ctx, js, name)
	}
	l.askConsumer(ctx, js)
}

func (l *levels) askStream(ctx context.Context, js jetstream.JetStream, name string) {
	ctx, done := asking(ctx, js.Conn())
	defer done()
	asked := l.now()
	s, err := js.Stream(ctx, name)
	if err != nil {
		return
	}
	info := s.CachedInfo()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams[name] = streamLevel{asked, info.State, info.Config.MaxBytes}
}

func (l *levels) askConsumer(ctx context.Context, js jetstream.JetStream) {
	ctx, done := asking(ctx, js.Conn())
	defer done()
	asked := l.now()
	c, err := js.Consumer(ctx, l.stream, l.consumer)
	if err != nil {
		return
	}
	info := c.CachedInfo()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = consumerLevel{asked, float64(info.NumPending), float64(info.NumAckPending)}
}

var (
	streamBytes     = level("paybridge_stream_bytes", "Bytes that a stream stores.", "stream")
	streamMaxBytes  = level("paybridge_stream_max_bytes", "Bytes that a stream may store; at these it refuses. Absent where it has no limit.", "stream")
	streamMessages  = level("paybridge_stream_messages", "Messages that a stream stores.", "stream")
	streamFirst     = level("paybridge_stream_first_timestamp_seconds", "When the oldest message of a stream was stored, Unix time. Absent where it is empty.", "stream")
	consumerPending = level("paybridge_consumer_pending", "Deliveries that are stored and not yet handed to a normalizer.")
	consumerHanded  = level("paybridge_consumer_ack_pending", "Deliveries that normalizers have in hand, all of them together.")
)

func level(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe is prometheus.Collector's.
func (l *levels) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{streamBytes, streamMaxBytes, streamMessages, streamFirst, consumerPending, consumerHanded} {
		to <- d
	}
}

// Collect is prometheus.Collector's. It shows what is known, and asks nobody.
func (l *levels) Collect(to chan<- prometheus.Metric) {
	show := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for name, s := range l.streams {
		if now.Sub(s.asked) >= l.kept {
			continue
		}
		show(streamBytes, float64(s.state.Bytes), name)
		show(streamMessages, float64(s.state.Msgs), name)
		if s.limit > 0 {
			show(streamMaxBytes, float64(s.limit), name)
		}
		if s.state.Msgs > 0 {
			show(streamFirst, float64(s.state.FirstTime.UnixMilli())/1000, name)
		}
	}
	if now.Sub(l.waiting.asked) < l.kept {
		show(consumerPending, l.waiting.pending)
		show(consumerHanded, l.waiting.handed)
	}
}
