package operate

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// TestWalk says that a walk visits every message of its range once, in order,
// through as many reads as it takes.
func TestWalk(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	const stored = 2*walkBatch + 100
	for i := range stored {
		subject := []string{"webhooks.pik.default", "webhooks.bidali.default"}[i%2]
		if _, err := js.PublishAsync(subject, []byte(fmt.Sprint(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	for _, test := range []struct {
		name        string
		r           Range
		count       int
		first, last uint64
	}{
		{"everything", Range{}, stored, 1, stored},
		{"a part", Range{From: 10, To: 700}, 691, 10, 700},
		{"beyond the end", Range{From: stored, To: stored * 2}, 1, stored, stored},
		{"one source", Range{Subject: "webhooks.bidali.*"}, stored / 2, 2, stored},
		{"a subject that nothing has", Range{Subject: "webhooks.none.*"}, 0, 0, 0},
		{"since before", Range{Since: time.Now().Add(-time.Hour)}, stored, 1, stored},
		{"until before", Range{Until: time.Now().Add(-time.Hour)}, 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var seen []uint64
			err := Walk(t.Context(), js, jetstream.Webhooks, test.r, func(m *natsjs.RawStreamMsg) error {
				if string(m.Data) != fmt.Sprint(m.Sequence) {
					t.Errorf("sequence %d holds %s", m.Sequence, m.Data)
				}
				seen = append(seen, m.Sequence)
				return nil
			})
			if err != nil || len(seen) != test.count {
				t.Fatalf("visited %d of %d, %v", len(seen), test.count, err)
			}
			for i := 1; i < len(seen); i++ {
				if seen[i] <= seen[i-1] {
					t.Fatalf("%d after %d", seen[i], seen[i-1])
				}
			}
			if test.count > 0 && (seen[0] != test.first || seen[len(seen)-1] != test.last) {
				t.Errorf("from %d to %d", seen[0], seen[len(seen)-1])
			}
		})
	}
}

func TestWalkReturnsWhatVisitReturns(t *testing.T) {
	js := jetstreamtest.Start(t).JetStream(t)
	if _, err := js.Publish(t.Context(), "webhooks.pik.default", []byte("x")); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	if err := Walk(t.Context(), js, jetstream.Webhooks, Range{}, func(*natsjs.RawStreamMsg) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

func TestWalkOfNothing(t *testing.T) {
	visit := func(*natsjs.RawStreamMsg) error { t.Error("visited"); return nil }
	js := jetstreamtest.Start(t).JetStream(t)
	if err := Walk(t.Context(), js, jetstream.Webhooks, Range{}, visit); err != nil {
		t.Errorf("an empty stream: %v", err)
	}
	bare := jetstreamtest.Start(t, jetstreamtest.Bare()).JetStream(t)
	if err := Walk(t.Context(), bare, jetstream.Webhooks, Range{}, visit); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("no stream: %v", err)
	}
}
