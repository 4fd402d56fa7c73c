package normalizer

import (
	"context"
	"testing"
	"time"
)

func heldRaw(sequence uint64, size int) *raw {
	return &raw{parent: context.Background(), sequence: sequence, size: size, done: make(chan struct{}), taken: time.Unix(int64(sequence), 0)}
}

func TestHandHasRoomWhenAQuarterIsFree(t *testing.T) {
	for _, test := range []struct {
		name     string
		messages int
		size     int
		room     bool
		free     int
		bytes    int
	}{
		{"empty", 0, 0, true, 8, 800},
		{"three quarters full", 6, 100, true, 2, 200},
		{"one more", 7, 10, false, 0, 0},
		{"too many bytes", 2, 301, false, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHand(8, 800)
			for i := range test.messages {
				h.take(heldRaw(uint64(i+1), test.size))
			}
			ctx, cancel := context.WithCancel(t.Context())
			if !test.room {
				cancel() // or it waits
			}
			defer cancel()
			messages, bytes, ok := h.room(ctx)
			if ok != test.room || ok && (messages != test.free || bytes != test.bytes) {
				t.Errorf("%d messages, %d bytes, %t", messages, bytes, ok)
			}
			if len(h.waiters) != 0 {
				t.Errorf("%d wait for it still", len(h.waiters))
			}
		})
	}
}

func TestHandWakesWhoWaits(t *testing.T) {
	h := newHand(4, 1000)
	var held []*raw
	for i := range 4 {
		held = append(held, heldRaw(uint64(i+1), 1))
		if !h.take(held[i]) {
			t.Fatal("not taken")
		}
	}
	if h.take(heldRaw(2, 1)) {
		t.Error("what is in hand was taken twice")
	}
	room, empty := make(chan int), make(chan bool)
	go func() { messages, _, _ := h.room(t.Context()); room <- messages }()
	go func() { empty <- h.only(t.Context(), 0) }()
	h.drop(held[0])
	if got := <-room; got != 1 {
		t.Errorf("room for %d", got)
	}
	if messages, bytes, oldest := h.count(); messages != 3 || bytes != 3 || oldest != time.Unix(2, 0) {
		t.Errorf("%d messages, %d bytes, oldest %v", messages, bytes, oldest)
	}
	for _, r := range held[1:] {
		select {
		case <-empty:
			t.Fatal("empty, and it is not")
		default:
		}
		h.drop(r)
	}
	if !<-empty {
		t.Error("not empty")
	}
	if held[0].Err() == nil || held[3].Err() == nil {
		t.Error("what is dropped is not done")
	}
}

// A Nack makes a fresh attempt of the same message: the old one's context ends.
func TestHandRenews(t *testing.T) {
	h := newHand(4, 1000)
	r := heldRaw(1, 10)
	r.number = 7
	h.take(r)
	fresh := h.renew(r)
	if r.Err() == nil || fresh.Err() != nil || fresh.number != 7 {
		t.Errorf("old %v, fresh %v, number %d", r.Err(), fresh.Err(), fresh.number)
	}
	if fresh.Value(rawKey{}) != fresh {
		t.Error("the fresh one does not find itself in its context")
	}
	h.drop(fresh)
	if messages, bytes, _ := h.count(); messages != 0 || bytes != 0 {
		t.Errorf("%d messages, %d bytes", messages, bytes)
	}
}
