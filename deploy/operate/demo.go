package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"paybridge/ingress/auth"
	"paybridge/schemas/event"
	"paybridge/schemas/provider"
)

// Demo sends fixtures of every configured source and shows the events that come
// of them: the whole bridge, seen from outside.
type Demo struct {
	Sender Sender
	Stream string      // name of the stream of events
	Seed   uint64      // of the first variation, see Variation
	Wrong  auth.Secret // well formed for any pack, and nobody's
	Now    func() time.Time
	Out    io.Writer
}

// DemoResult says what a demo did.
type DemoResult struct {
	Sources  int
	Webhooks int
	Events   int
	Refused  int // forged requests that were refused, as they must be
}

// perSource bounds how many fixtures of a source with one URL are sent; of one with
// several, each gets one.
const perSource = 3

// Run sends, and returns when every event of what it sent has come, or ctx ends. The
// payments are new ones each time, so that it shows events on a bridge that has
// seen it before.
func (d Demo) Run(ctx context.Context, js jetstream.JetStream) (DemoResult, error) {
	var result DemoResult
	expected := map[string]int{} // raw digest → events to come
	events := make(chan *jetstream.RawStreamMsg)
	stop, err := d.listen(ctx, js, events)
	if err != nil {
		return result, err
	}
	defer stop()

	sends, err := d.prepare()
	if err != nil {
		return result, err
	}
	for i, send := range sends {
		send.Seed += uint64(i) * 16
		digest, err := d.send(ctx, send)
		if err != nil {
			return result, err
		}
		expected[digest] += len(send.Fixture.Events)
		result.Webhooks++
		if err := d.await(ctx, events, expected, &result); err != nil {
			return result, err
		}
	}
	result.Sources = len(d.Sender.Config.Sources)
	for _, send := range sends {
		if send.Auth.AnyOf[0].Kind == provider.HMAC {
			return result, d.forge(ctx, send, &result)
		}
	}
	return result, nil
}

// listen feeds events as they are stored, until stop is called.
func (d Demo) listen(ctx context.Context, js jetstream.JetStream, events chan<- *jetstream.RawStreamMsg) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- Follow(ctx, js, d.Stream, "payments.>", time.Time{}, func() { close(ready) }, func(m *jetstream.RawStreamMsg) error {
			select {
			case events <- m:
			case <-ctx.Done():
			}
			return nil
		})
	}()
	select {
	case <-ready:
		return func() { cancel(); <-done }, nil
	case err := <-done:
		cancel()
		return nil, err
	}
}

// prepare chooses the fixtures: of each endpoint the most telling ones, no two with
// the same outcome.
func (d Demo) prepare() ([]Send, error) {
	var sends []Send
	for _, source := range d.Sender.Config.Sources {
		fixtures, err := d.Sender.Library.Fixtures(source.Provider)
		if err != nil {
			return nil, err
		}
		endpoints, each := []string{""}, perSource
		if len(source.Endpoints) > 0 {
			endpoints, each = nil, 1
			for _, e := range source.Endpoints {
				endpoints = append(endpoints, e.Name)
			}
		}
		for _, endpoint := range endpoints {
			for _, name := range telling(fixtures, endpoint, each) {
				send, err := d.Sender.Prepare(source.Name, name, endpoint)
				if err != nil {
					return nil, err
				}
				send.Vary, send.Seed, send.Now = true, d.Seed, d.Now
				// A bridge that has seen a payment shows it no second time.
				if _, err := send.distinct(); err != nil {
					fmt.Fprintf(d.Out, "left out: %v\n", err)
					continue
				}
				sends = append(sends, send)
			}
		}
	}
	return sends, nil
}

// telling lists fixtures of an endpoint with outcomes that differ, best first.
func telling(fixtures []provider.Fixture, endpoint string, most int) (names []string) {
	seen := map[outcome]bool{}
	for range most {
		best, rank := provider.Fixture{}, 0
		for _, f := range fixtures {
			if f.Endpoint == endpoint && !seen[outcomeOf(f).plain()] && exemplary(f) > rank {
				best, rank = f, exemplary(f)
			}
		}
		if rank == 0 {
			return names
		}
		seen[outcomeOf(best).plain()] = true
		names = append(names, best.Name)
	}
	return names
}

// send posts one webhook and says so; it returns the digest by which its events
// are known.
func (d Demo) send(ctx context.Context, send Send) (digest string, err error) {
	err = send.Run(ctx, func(sent Sent) {
		digest = event.RawDigest(sent.Body)
		if sent.Status != 0 {
			fmt.Fprintf(d.Out, "%d  %s  %s\n", sent.Status, strings.TrimPrefix(send.URL, d.Sender.Base), send.Fixture.Name)
		}
	})
	return digest, err
}

// await shows events until all that are expected have come.
func (d Demo) await(ctx context.Context, events <-chan *jetstream.RawStreamMsg, expected map[string]int, result *DemoResult) error {
	for len(expected) > 0 {
		select {
		case <-ctx.Done():
			return advise(errors.New("demo: an event did not come in time"),
				"run `paybridge up`, send the last webhook above with `paybridge send`, and look at `paybridge status` and `paybridge deadletters list`")
		case msg := <-events:
			e, err := event.Decode(msg.Header, msg.Data)
			if err != nil || expected[e.RawDigest] == 0 {
				continue // somebody else's
			}
			fmt.Fprintln(d.Out, "     "+EventLine(msg.Subject, &e))
			result.Events++
			if expected[e.RawDigest]--; expected[e.RawDigest] == 0 {
				delete(expected, e.RawDigest)
			}
		}
	}
	return nil
}

// forge shows that a webhook signed with another secret is refused.
func (d Demo) forge(ctx context.Context, send Send, result *DemoResult) error {
	send.Secret = d.Wrong
	var status int
	err := send.Run(ctx, func(sent Sent) { status = sent.Status })
	if status != 401 {
		return errors.Join(fmt.Errorf("demo: a webhook signed with a wrong secret was answered %d", status), err)
	}
	fmt.Fprintf(d.Out, "401  %s  the same, signed with another secret: refused, nothing stored\n", strings.TrimPrefix(send.URL, d.Sender.Base))
	result.Refused++
	return nil
}
