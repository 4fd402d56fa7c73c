package normalizer

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/normalizer/document"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

const patient = 30 * time.Second

// many is how many of something a test takes that wants many.
func many(n int) int {
	if raceDetector {
		return n / 5
	}
	return n
}

// words is a Mapper for tests. A body is lines of words, one line for each item:
//
//	EVENT PAYMENT [TEXT]   an event of a payment; the text is part of its native
//	dead REASON            a dead item
//	panic, exit, empty     what a mapper must not do
//
// A body that begins with "{" does not decode.
type words struct {
	before  func(body string) // called before a body is mapped; may be nil
	unknown bool              // no rule matches anything
}

func (w words) Decode(d *delivery.Delivery) (*document.Document, *mapping.Dead) {
	if strings.HasPrefix(string(d.Body), "{") {
		return nil, &mapping.Dead{Reason: delivery.MalformedJSON, Pointer: "/a", Problem: "unexpected end"}
	}
	return nil, nil
}

func (w words) Map(d *delivery.Delivery, _ *document.Document, sequence uint64) []mapping.Item {
	if w.before != nil {
		w.before(string(d.Body))
	}
	var items []mapping.Item
	for i, line := range strings.Split(string(d.Body), "\n") {
		f := strings.Fields(line)
		switch f[0] {
		case "panic":
			panic("a secret: " + line)
		case "exit":
			os.Exit(3)
		case "empty":
			return nil
		case "neither":
			items = append(items, mapping.Item{})
		case "dead":
			items = append(items, mapping.Item{Dead: &mapping.Dead{Reason: delivery.Reason(f[1]), Pointer: fmt.Sprintf("/%d", i), Problem: "as told"}})
		default:
			e := wordsEvent(d, sequence, i, f)
			if w.unknown {
				e.Payment.Kind, e.Payment.State = event.UnknownKind, event.UnknownState
			}
			if f[0] == "bad-event" {
				e.Time = time.Time{}
				e.Source = ""
			}
			items = append(items, mapping.Item{Event: e})
		}
	}
	return items
}

func wordsEvent(d *delivery.Delivery, sequence uint64, item int, f []string) *event.Event {
	payment := f[1]
	received := d.ReceivedAt.Format(time.RFC3339Nano)
	return &event.Event{
		ID: f[0], Source: "urn:paybridge:" + d.Source, Type: "test.word", Subject: payment, Time: d.ReceivedAt,
		DataSchema: "urn:paybridge:schema:words:word:1", Provider: d.Provider,
		Sequence: event.Sequence(sequence, item), PartitionKey: d.Source + "/" + payment,
		RawDigest: event.RawDigest(d.Body), AuthScheme: d.Scheme,
		Payment: event.Payment{
			Kind: event.Payin, Direction: event.In, State: event.Confirmed, ID: &payment, Rail: event.UnknownRail,
			ReceivedAt: received, Notes: []string{},
		},
		Native:     []byte(fmt.Sprintf(`{"words":%q}`, strings.Join(f, " "))),
		NativeType: "word", SourceName: d.Source,
	}
}

// rig is a server, a connection and what a test puts in and takes out.
type rig struct {
	t      testing.TB
	server *jetstreamtest.Server
	js     jetstream.JetStream
	keys   delivery.Keys
	logs   *observer.ObservedLogs
	log    *zap.Logger
	serial int
}

func newRig(t testing.TB, options ...jetstreamtest.Option) *rig {
	t.Helper()
	server := jetstreamtest.Start(t, options...)
	core, logs := observer.New(zapcore.DebugLevel)
	return &rig{t: t, server: server, js: server.JetStream(t), keys: testKeys(), logs: logs, log: zap.New(core)}
}

func testKeys() delivery.Keys {
	key, err := delivery.NewKey("k1", "a seal key of the tests, 32 bytes")
	if err != nil {
		panic(err)
	}
	return delivery.Keys{key}
}

// options are those of a normalizer on the rig's server.
func (r *rig) options(m Mapper) Options {
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}) // else it prints
	return testOptions(r.server.Conn(r.t, quiet), r.log, m)
}

func testOptions(nc *nats.Conn, log *zap.Logger, m Mapper) Options {
	return Options{
		Conn: nc, Seals: testKeys(), Version: "v-test", Logger: log, Registry: prometheus.NewRegistry(),
		Programs: Programs{{Source: "shop", Provider: "words"}: m},
	}
}

// start runs a normalizer until the test ends, or until stop, which waits for it.
func (r *rig) start(o Options, changes ...func(*Normalizer)) (n *Normalizer, stop func()) {
	r.t.Helper()
	n = r.newNormalizer(o)
	for _, change := range changes {
		change(n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := n.Run(ctx); err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	r.t.Cleanup(stop)
	r.eventually("ready", func() bool { return n.Ready() == nil })
	return n, stop
}

// newNormalizer makes a normalizer that is quick to retry and to stop.
func (r *rig) newNormalizer(o Options) *Normalizer {
	r.t.Helper()
	n, err := New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	n.retryAfter, n.pullWait, n.nackDelay = 5*time.Millisecond, 50*time.Millisecond, 20*time.Millisecond
	return n
}

// inBatches has a normalizer send everything in batches, of one message if there are no
// more, as long as none is rejected.
func inBatches(n *Normalizer) {
	n.pace = pace{least: 1, single: time.Hour, pays: true, again: time.Now().Add(time.Hour)}
}

// put stores a sealed delivery of the source shop.
func (r *rig) put(body string) *jetstream.PubAck { return r.putAs("shop", body) }

func (r *rig) putAs(source, body string) *jetstream.PubAck {
	r.t.Helper()
	return r.publish(r.delivery(source, body).Message(r.keys))
}

func (r *rig) delivery(source, body string) delivery.Delivery {
	r.serial++
	return delivery.Delivery{
		Source: source, Provider: "words", Endpoint: delivery.DefaultEndpoint, ReceivedAt: time.Now().UTC(),
		RequestID: fmt.Sprintf("request-%d", r.serial), Scheme: "hmac", KeyID: "current",
		SignedID: fmt.Sprintf("signed-%d", r.serial), // the same body may come twice
		Body:     []byte(body),
	}
}

func (r *rig) publish(m *nats.Msg) *jetstream.PubAck {
	r.t.Helper()
	ack, err := r.js.PublishMsg(r.t.Context(), m)
	if err != nil {
		r.t.Fatal(err)
	}
	return ack
}

// counted checks the sum of a metric over its labels.
func (r *rig) counted(n *Normalizer, name string, want float64) {
	r.t.Helper()
	if got := r.value(n, name, ""); got != want {
		r.t.Errorf("%s is %v, want %v", name, got, want)
	}
}

// eventually waits for a condition.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.After(patient)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("still not: %s\n%s", what, r.lines())
		}
	}
}

func (r *rig) lines() string {
	var b strings.Builder
	all := r.logs.All()
	for _, e := range all[max(0, len(all)-20):] {
		fmt.Fprintf(&b, "%s %v\n", e.Message, e.ContextMap())
	}
	return b.String()
}

// info is the state of a stream.
func (r *rig) info(stream string) jetstream.StreamState {
	s, err := r.js.Stream(r.t.Context(), stream)
	if err != nil {
		r.t.Fatal(err)
	}
	return s.CachedInfo().State
}

// settled waits until the consumer has nothing left, delivered or not.
func (r *rig) settled() {
	r.t.Helper()
	r.eventually("all settled", r.isSettled)
}

func (r *rig) isSettled() bool {
	info := r.consumer()
	return info.NumAckPending == 0 && info.AckFloor.Stream >= r.info("WEBHOOKS").LastSeq
}

func (r *rig) consumer() *jetstream.ConsumerInfo {
	c, err := r.js.Consumer(r.t.Context(), "WEBHOOKS", "normalizer")
	if err != nil {
		return &jetstream.ConsumerInfo{NumAckPending: 1}
	}
	return c.CachedInfo()
}

// ackWait shortens the server's patience.
func (r *rig) ackWait(d time.Duration) {
	r.t.Helper()
	c := r.consumer().Config
	c.AckWait = d
	if _, err := r.js.UpdateConsumer(r.t.Context(), "WEBHOOKS", c); err != nil {
		r.t.Fatal(err)
	}
}

// all reads a stream from its beginning.
func (r *rig) all(stream string) []*jetstream.RawStreamMsg { r.t.Helper(); return r.from(stream, 1) }

// from reads a stream from a sequence on.
func (r *rig) from(stream string, seq uint64) []*jetstream.RawStreamMsg {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), stream)
	if err != nil {
		r.t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	state := s.CachedInfo().State
	if state.Msgs == 0 {
		return nil
	}
	for ; seq <= state.LastSeq; seq++ {
		m, err := s.GetMsg(r.t.Context(), seq)
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// events are the stored events, in order.
func (r *rig) events() []event.Event {
	r.t.Helper()
	var events []event.Event
	for _, m := range r.all("PAYMENTS") {
		e, err := event.Decode(m.Header, m.Data)
		if err != nil {
			r.t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// letters are the stored dead letters, in order.
func (r *rig) letters() []delivery.DeadLetter {
	r.t.Helper()
	var letters []delivery.DeadLetter
	for _, m := range r.all("DEADLETTERS") {
		l, err := delivery.DecodeDeadLetter(m.Subject, m.Header, m.Data)
		if err != nil {
			r.t.Fatal(err)
		}
		letters = append(letters, l)
	}
	return letters
}
