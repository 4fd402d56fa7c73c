package normalizer

import (
	"sync"

	"paybridge/schemas/event"
)

// rooms are the memory of events that are stored, for those that are encoded next: it
// is the largest part of what a delivery would leave to the garbage collector, and
// still in the processor's cache. It is safe for concurrent use.
type rooms struct{ free sync.Pool }

// largestRoom is how many bytes a message may have for its memory to be kept.
const largestRoom = 64 << 10

func (r *rooms) take() *event.Room {
	if room, ok := r.free.Get().(*event.Room); ok {
		return room
	}
	return new(event.Room)
}

// giveBack takes the message of a publication that has its PubAck: the bus has let go
// of it, and nothing else reads an event's.
func (r *rooms) giveBack(p *publication) {
	if p.room == nil {
		return
	}
	if cap(p.msg.Data) <= largestRoom {
		r.free.Put(p.room)
	}
	p.msg, p.room = nil, nil
}
