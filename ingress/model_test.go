package ingress

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// model is a server that stores one thing at a time, on a clock that costs nothing: the
// costs are those of a real one. It counts what it stores.
type model struct {
	one      time.Duration // a message by itself
	fixed    time.Duration // a batch
	each     time.Duration // a message of a batch
	disk     chan struct{} // holds one who uses it
	sequence uint64
	stored   map[string]int
	batches  int
	part     []string // the batch that is being sent
}

func (s *model) send(_ context.Context, m *nats.Msg) (*jetstream.PubAck, error) {
	s.disk <- struct{}{}
	defer func() { <-s.disk }()
	time.Sleep(s.one)
	return &jetstream.PubAck{Stream: rawStream, Sequence: s.store(m.Header.Get(nats.MsgIdHdr))}, nil
}

func (s *model) store(id string) uint64 {
	s.sequence++
	s.stored[id]++
	return s.sequence
}

func (s *model) PublishMsg(m *nats.Msg) error {
	s.part = append(s.part, m.Header.Get(nats.MsgIdHdr))
	return nil
}

func (s *model) RequestMsgWithContext(_ context.Context, m *nats.Msg) (*nats.Msg, error) {
	part := append(s.part, m.Header.Get(nats.MsgIdHdr))
	s.part = nil
	s.disk <- struct{}{}
	defer func() { <-s.disk }()
	time.Sleep(s.fixed + time.Duration(len(part))*s.each)
	s.batches++
	for _, id := range part {
		s.store(id)
	}
	return &nats.Msg{Data: fmt.Appendf(nil, `{"stream":%q,"seq":%d,"batch":%q,"count":%d}`, rawStream, s.sequence, m.Header.Get(batchIDHeader), len(part))}, nil
}

// serve has callers send for a while, each the next message when the one before is
// stored; what a request costs the ingress itself is done by two processors.
func (s *model) serve(t *testing.T, through sender, callers int, request time.Duration) (perSecond int) {
	t.Helper()
	s.stored, s.disk = make(map[string]int), make(chan struct{}, 1)
	processors := make(chan struct{}, 2)
	const length = 2 * time.Second
	began := time.Now()
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for n := 0; time.Since(began) < length; n++ {
				processors <- struct{}{}
				time.Sleep(request)
				<-processors
				id := strconv.Itoa(c) + "-" + strconv.Itoa(n)
				ack, err := through.send(t.Context(), &nats.Msg{Header: nats.Header{nats.MsgIdHdr: {id}}})
				if err != nil || ack.Sequence == 0 {
					t.Errorf("%v %v", ack, err)
					return
				}
			}
		})
	}
	all.Wait()
	for id, n := range s.stored {
		if n != 1 {
			t.Errorf("%s is stored %d times", id, n)
		}
	}
	return int(float64(len(s.stored)) / time.Since(began).Seconds())
}

// TestPaysOff compares the committer with sending everything by itself, on the disks
// that performance was measured on.
func TestPaysOff(t *testing.T) {
	for _, c := range []struct {
		name    string
		disk    model
		callers int
		atLeast float64 // times as many a second
	}{
		{"no sync, 1", model{one: 18 * us, fixed: 2100 * us, each: 18 * us}, 1, 0.99},
		{"no sync, 64", model{one: 18 * us, fixed: 2100 * us, each: 18 * us}, 64, 0.99},
		{"no sync, 256", model{one: 18 * us, fixed: 2100 * us, each: 18 * us}, 256, 0.99},
		{"sync, 1", model{one: 116 * us, fixed: 2100 * us, each: 20 * us}, 1, 0.99},
		{"sync, 4", model{one: 116 * us, fixed: 2100 * us, each: 20 * us}, 4, 0.99},
		{"sync, 16", model{one: 116 * us, fixed: 2100 * us, each: 20 * us}, 16, 0.99},
		{"sync, 32", model{one: 116 * us, fixed: 2100 * us, each: 20 * us}, 32, 0.99},
		{"sync, 64", model{one: 116 * us, fixed: 2100 * us, each: 20 * us}, 64, 1.3},
		{"sync, 256", model{one: 116 * us, fixed: 2100 * us, each: 20 * us}, 256, 2.5},
		{"slower sync, 16", model{one: 200 * us, fixed: 2500 * us, each: 20 * us}, 16, 0.95},
		{"slower sync, 64", model{one: 200 * us, fixed: 2500 * us, each: 20 * us}, 64, 1.8},
		{"slower sync, 256", model{one: 200 * us, fixed: 2500 * us, each: 20 * us}, 256, 4},
		{"slow sync, 1", model{one: 2 * time.Millisecond, fixed: 10 * time.Millisecond, each: 20 * us}, 1, 0.99},
		{"slow sync, 16", model{one: 2 * time.Millisecond, fixed: 10 * time.Millisecond, each: 20 * us}, 16, 1.5},
		{"slow sync, 64", model{one: 2 * time.Millisecond, fixed: 10 * time.Millisecond, each: 20 * us}, 64, 5},
		{"slow sync, 256", model{one: 2 * time.Millisecond, fixed: 10 * time.Millisecond, each: 20 * us}, 256, 15},
		{"batches that never pay, 64", model{one: 290 * us, fixed: 30 * time.Millisecond, each: 150 * us}, 64, 0.95},
		{"batches that never pay, 256", model{one: 290 * us, fixed: 30 * time.Millisecond, each: 250 * us}, 256, 0.95},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, err := newMetrics(prometheus.NewRegistry())
				if err != nil {
					t.Fatal(err)
				}
				plain := c.disk
				before := plain.serve(t, &plain, c.callers, 80*us)
				disk := c.disk
				names := 0
				commits := newCommitter(&disk, batch{&disk, func() string { names++; return strconv.Itoa(names) }}, time.Second, m, time.Now)
				after := disk.serve(t, commits, c.callers, 80*us)
				commits.wait()
				ratio := float64(after) / float64(before)
				t.Logf("%d a second by themselves, %d with %d batches: %.2f", before, after, disk.batches, ratio)
				if ratio < c.atLeast {
					t.Errorf("%.2f times as many a second, want %.2f", ratio, c.atLeast)
				}
			})
		})
	}
}
