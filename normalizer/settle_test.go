package normalizer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/schemas/delivery"
)

// An id that is stored already: the same event is a duplicate, another is kept
// with its reason.
func TestDuplicateIsComparedWithWhatIsStored(t *testing.T) {
	for _, test := range []struct {
		name          string
		first, second string
		conflict      bool
	}{
		{"the same native in another delivery", "e1 p1 text", "e1 p1 text\ne2 p1", false},
		{"another native", "e1 p1 text", "e1 p1 other", true},
		{"another payment", "e1 p1", "e1 p2", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			n, _ := r.start(r.options(words{}))
			r.put(test.first)
			r.settled()
			r.put(test.second)
			r.put("e8 p1") // the lanes go on
			r.put("e9 p2")
			r.settled()

			letters := r.letters()
			if test.conflict {
				if len(letters) != 1 || letters[0].Reason != delivery.IDConflict || letters[0].StreamSequence != 2 || string(letters[0].Body) != test.second {
					t.Errorf("%+v", letters)
				}
				if first := r.events()[0]; !strings.Contains(string(first.Native), test.first) {
					t.Errorf("the stored event is now %s", first.Native)
				}
			} else if len(letters) > 0 {
				t.Errorf("%+v", letters)
			}
			duplicates := 1.0
			if test.conflict {
				duplicates = 0
			}
			r.counted(n, "paybridge_event_duplicates_total", duplicates)
			if got := len(r.events()); got != 3 && (test.conflict || got != 4) {
				t.Errorf("%d events", got)
			}
		})
	}
}

// The comparison may take its time and fail: the lane waits, nothing else does.
func TestComparisonFailsAndIsTriedAgain(t *testing.T) {
	r := newRig(t)
	n := r.newNormalizer(r.options(words{}))
	broken := &forgetful{failures: 3}
	r.runOn(n, func(b bus) bus { broken.bus = b; return broken })
	r.put("e1 p1")
	r.settled()
	r.put("e1 p1\ne2 p1")
	r.put("e3 p1")
	r.put("e4 p4")
	r.settled()
	r.exactlyOnce([]string{"e1", "e2", "e3", "e4"})
	if letters := r.letters(); len(letters) > 0 {
		t.Errorf("%+v", letters)
	}
	if broken.failures != 0 {
		t.Errorf("%d failures left: nothing was compared", broken.failures)
	}
}

// forgetful is a bus that cannot read what is stored, some times.
type forgetful struct {
	bus
	mu       sync.Mutex
	failures int
}

func (b *forgetful) stored(ctx context.Context, stream string, sequence uint64) (*jetstream.RawStreamMsg, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures > 0 {
		b.failures--
		return nil, errors.New("no answer")
	}
	return b.bus.stored(ctx, stream, sequence)
}

// gone is a bus where what was stored is not to be found.
type gone struct{ bus }

func (gone) stored(context.Context, string, uint64) (*jetstream.RawStreamMsg, error) {
	return nil, jetstream.ErrMsgNotFound
}

// Nothing is taken for a duplicate of an event that nobody can find.
func TestDuplicateOfNothingIsKept(t *testing.T) {
	r := newRig(t)
	n := r.newNormalizer(r.options(words{}))
	r.runOn(n, func(b bus) bus { return gone{b} })
	r.put("e1 p1")
	r.settled()
	r.put("e1 p1")
	r.settled()
	if letters := r.letters(); len(letters) != 1 || letters[0].Reason != delivery.IDConflict {
		t.Errorf("%+v", letters)
	}
}

// An event that no stream takes at any size is kept; the rest of its lane goes on.
func TestEventThatIsTooLarge(t *testing.T) {
	r := newRig(t, jetstreamtest.With(func(s *config.Streams) { s.MaxMessage = 32 << 10 }))
	r.resizeMessages("PAYMENTS", 4<<10)
	r.start(r.options(words{}))
	r.put("e1 p1")
	r.put("e2 p1 " + strings.Repeat("x", 8<<10))
	r.put("e3 p1")
	r.settled()
	r.exactlyOnce([]string{"e1", "e3"})
	if letters := r.letters(); len(letters) != 1 || letters[0].Reason != delivery.TooLarge || letters[0].StreamSequence != 2 {
		t.Errorf("%+v", letters)
	}
}

// resizeMessages changes the largest message of a stream.
func (r *rig) resizeMessages(stream string, bytes int32) {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), stream)
	if err != nil {
		r.t.Fatal(err)
	}
	c := s.CachedInfo().Config
	c.MaxMsgSize = bytes
	if _, err := r.js.UpdateStream(r.t.Context(), c); err != nil {
		r.t.Fatal(err)
	}
}

// A dead letter whose headers are more than the bus takes goes without those of the raw
// message, which keeps them; its bytes and where it came from stay.
func TestDeadLetterIsStripped(t *testing.T) {
	r := newRig(t)
	r.start(r.options(words{}))
	m := &nats.Msg{Subject: "webhooks.shop.default", Header: nats.Header{nats.MsgIdHdr: {"forged"}}, Data: []byte("body")}
	for i := range 64 { // just below the 64 KiB that the server takes
		m.Header.Set(fmt.Sprintf("Webhook-Header-X%02d", i), strings.Repeat("x", 1000))
	}
	r.publish(m)
	r.put("e1 p1")
	r.settled()
	r.exactlyOnce([]string{"e1"})
	letters := r.letters()
	if len(letters) != 1 || letters[0].Reason != delivery.Unsealed || letters[0].StreamSequence != 1 || string(letters[0].Body) != "body" {
		t.Fatalf("%+v", letters)
	}
	s, err := r.js.Stream(t.Context(), "DEADLETTERS")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := s.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for name := range stored.Header {
		if strings.HasPrefix(name, "Webhook-") {
			t.Errorf("%s is kept", name)
		}
	}
}

// Nobody vouches for the id of a message that is not sealed: two with one id are
// two dead letters, and a repeat of one is one.
func TestUnsealedMessagesWithOneID(t *testing.T) {
	for _, readable := range []bool{true, false} {
		t.Run(fmt.Sprintf("readable=%t", readable), func(t *testing.T) {
			r := newRig(t, jetstreamtest.With(func(s *config.Streams) { s.Webhooks.DuplicateWindow = 100 * time.Millisecond }))
			n := r.newNormalizer(r.options(words{}))
			r.runOn(n, func(b bus) bus {
				if readable {
					return b
				}
				return &forgetful{bus: b, failures: 1 << 30}
			})
			forged := func(body string) *nats.Msg {
				return &nats.Msg{Subject: "webhooks.shop.default", Header: nats.Header{nats.MsgIdHdr: {"forged"}}, Data: []byte(body)}
			}
			bodies := []string{"one", "two", "one"}
			for _, body := range bodies {
				r.eventually("the raw stream forgets the id", func() bool { return !r.publish(forged(body)).Duplicate })
				r.settled()
			}
			stored := map[string]int{}
			for _, l := range r.letters() {
				stored[string(l.Body)]++
			}
			if readable && (stored["one"] != 1 || stored["two"] != 1) {
				t.Errorf("%v", stored)
			}
			if !readable && (stored["one"] < 1 || stored["two"] < 1) {
				t.Errorf("%v", stored)
			}
		})
	}
}

// A message that is not there, although the stream does not begin behind it, is not there
// yet on the replica that answers.
func TestLaggingReplica(t *testing.T) {
	r := newRig(t)
	p, err := newPublisher(r.server.Conn(t), 5*time.Second, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 2 {
		if _, err := r.js.Publish(t.Context(), "payments.a.b.c.d", nil); err != nil {
			t.Fatal(err)
		}
	}
	for sequence, want := range map[uint64]error{2: nil, 3: errLagging} {
		if _, err := p.stored(t.Context(), "PAYMENTS", sequence); !errors.Is(err, want) {
			t.Errorf("message %d: %v, want %v", sequence, err, want)
		}
	}
}
