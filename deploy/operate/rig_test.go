package operate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/textproto"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/ingressd"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/deploy/normalizerd"
	"paybridge/ingress/auth"
	"paybridge/normalizer"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
	"paybridge/schemas/provider"
)

// rig is a bus with the streams, and what an ingress and a normalizer would do to
// it, one step at a time, so that a test can leave a step out.
type rig struct {
	t        *testing.T
	js       natsjs.JetStream
	config   *config.Config
	library  *provider.Library
	seals    delivery.Keys
	programs normalizer.Programs
	streams  config.Streams
}

const rigConfig = `
seal: {keys: [{id: k1, env: SET}]}
sources:
  - {name: pik, provider: pik, secrets: [{id: current, env: SET}]}
  - {name: picpay, provider: picpay, secrets: [{id: current, env: SET}]}
  - {name: gocardless, provider: gocardless, secrets: [{id: current, env: SET}]}
`

func newRig(t *testing.T) *rig {
	t.Helper()
	server := jetstreamtest.Start(t)
	lib, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	c := parsed(t, rigConfig)
	programs, problems := normalizerd.Programs(c, lib)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	key, err := delivery.NewKey("k1", c.Seal.Keys[0].Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return &rig{
		t: t, js: server.JetStream(t), config: c, library: lib, seals: delivery.Keys{key},
		programs: programs, streams: server.Streams,
	}
}

// receive stores a delivery of pik with a body, signed now, as the ingress does.
func (r *rig) receive(body string) uint64 {
	r.t.Helper()
	d := r.delivery("pik", "hmac", body)
	half, err := r.library.Auth("pik")
	if err != nil {
		r.t.Fatal(err)
	}
	header, _, err := auth.Sign(half, auth.NewSecret("current", r.config.Sources[0].Secrets[0].Reveal(), false, ""),
		auth.Request{Method: http.MethodPost, Body: d.Body, ReceivedAt: d.ReceivedAt})
	if err != nil {
		r.t.Fatal(err)
	}
	d.Header = textproto.MIMEHeader(header)
	return r.store(d)
}

func (r *rig) delivery(source, scheme, body string) delivery.Delivery {
	return delivery.Delivery{
		Source: source, Provider: source, Endpoint: delivery.DefaultEndpoint, ReceivedAt: time.Now().UTC(),
		RequestID: "R1", Scheme: scheme, KeyID: "current", Body: []byte(body),
	}
}

func (r *rig) store(d delivery.Delivery) uint64 {
	r.t.Helper()
	ack, err := r.js.PublishMsg(r.t.Context(), d.Message(r.seals))
	if err != nil {
		r.t.Fatal(err)
	}
	return ack.Sequence
}

// normalize takes the next delivery through the normalizer's consumer and
// acknowledges it. Of its items, it publishes those that keep accepts.
func (r *rig) normalize(keep func(item int) bool) {
	r.t.Helper()
	consumer, err := r.js.Consumer(r.t.Context(), jetstream.Webhooks, jetstream.Normalizer)
	if err != nil {
		r.t.Fatal(err)
	}
	msg, err := consumer.Next(natsjs.FetchMaxWait(5 * time.Second))
	if err != nil {
		r.t.Fatal(err)
	}
	meta, err := msg.Metadata()
	if err != nil {
		r.t.Fatal(err)
	}
	d, err := delivery.Decode(msg.Subject(), msg.Headers(), msg.Data())
	if err != nil {
		r.t.Fatal(err)
	}
	program := r.programs[normalizer.Pack{Source: d.Source, Provider: d.Provider}]
	doc, whole := program.Decode(&d)
	dead := func(reason delivery.Reason, item int) {
		l := delivery.DeadLetter{
			Reason: reason, Source: d.Source, StreamSequence: meta.Sequence.Stream, Deliveries: 1, NormalizerVersion: "test",
			Item: item, RawMessageID: msg.Headers().Get(delivery.MessageIDHeader), Raw: msg.Headers(), Body: d.Body,
		}
		if _, err := r.js.PublishMsg(r.t.Context(), l.Message()); err != nil {
			r.t.Fatal(err)
		}
	}
	switch {
	case whole != nil && keep(0):
		dead(whole.Reason, 0)
	case whole == nil:
		for i, item := range program.Map(&d, doc, meta.Sequence.Stream) {
			switch {
			case !keep(i):
			case item.Dead != nil:
				dead(item.Dead.Reason, i)
			default:
				publish(r.t, r.js, *item.Event, event.Structured)
			}
		}
	}
	if err := msg.DoubleAck(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func all(int) bool  { return true }
func none(int) bool { return false }

// pikBody is PIK's event of a payment.
func pikBody(event, payment string) string {
	return fmt.Sprintf(`{"event":"payment.confirmed","id":%q,"created_at":"2024-01-15T10:45:00Z","data":{"transaction_id":%q,"payment_link_id":"pl_1","amount":"75.00","currency":"USDT","status":"confirmed"}}`, event, payment)
}

// batchBody is a GoCardless delivery of several events.
func batchBody(ids ...string) string {
	var events []map[string]any
	for _, id := range ids {
		events = append(events, map[string]any{
			"id": id, "created_at": "2026-01-02T03:04:05.000Z", "resource_type": "payments", "action": "confirmed",
			"links": map[string]string{"payment": "PM" + id},
		})
	}
	body, _ := json.Marshal(map[string]any{"events": events}) // strings always have a JSON form
	return string(body)
}

// sources are the verifiers of the rig's configuration.
func (r *rig) verify() Verify {
	r.t.Helper()
	sources, err := ingressd.Sources(r.config, r.library)
	if err != nil {
		r.t.Fatal(err)
	}
	return Verify{Seals: r.seals, Sources: sources}
}
