package ingress

import (
	"container/list"
	"context"
	"net"
	"sync"
	"time"
)

// strangers are the connections of which no request is authenticated yet. While others
// wait for a place, the oldest may be cut off: connections that say nothing, half a
// handshake or half a request then keep nobody out, however many they are.
type strangers struct {
	mu  sync.Mutex
	all list.List // of stranger, oldest first
}

// stranger is one of them.
type stranger struct {
	since time.Time
	cut   func() // gives its place back
}

// add adds a connection that is new now; known takes it out, any number of times.
func (s *strangers) add(now time.Time, cut func()) (known func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.all.PushBack(stranger{now, cut})
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all.Remove(e)
	}
}

// due is how long it is until the oldest has been one for patience; all of patience
// where there is none.
func (s *strangers) due(now time.Time, patience time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if oldest := s.all.Front(); oldest != nil {
		return patience - now.Sub(oldest.Value.(stranger).since)
	}
	return patience
}

// cutOldest cuts off the oldest where it has been one for patience.
func (s *strangers) cutOldest(now time.Time, patience time.Duration) bool {
	s.mu.Lock()
	oldest := s.all.Front()
	if oldest == nil || now.Sub(oldest.Value.(stranger).since) < patience {
		s.mu.Unlock()
		return false
	}
	s.all.Remove(oldest)
	s.mu.Unlock()
	oldest.Value.(stranger).cut()
	return true
}

// connKey is the key of a request's *conn in its context.
type connKey struct{}

// withConn has a request know its connection.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// authenticated notes that a request is: its connection is no stranger any more.
func authenticated(ctx context.Context) {
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		c.proved.Do(c.known)
	}
}
