package ingress

import (
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
)

// hear takes an acknowledgement to who waits for it, if anybody does.
func (s *single) hear(m *nats.Msg) {
	token, err := strconv.ParseUint(m.Subject[min(len(s.prefix), len(m.Subject)):], 36, 64)
	if err == nil {
		ack, err := readAck(m)
		s.resolve(token, acknowledged{ack, err})
	}
}

// resolve tells who waits under a token.
func (s *single) resolve(token uint64, a acknowledged) {
	s.mu.Lock()
	r := s.waiting[token]
	delete(s.waiting, token)
	s.mu.Unlock()
	if r != nil {
		r.came <- a
	}
}

// close waits for what is being sent and ends the subscription; the next message begins
// another.
func (s *single) close() {
	s.rest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard != nil {
		_ = s.heard.Unsubscribe() // a connection that is closed has ended it
		s.heard = nil
	}
}

// disconnected tells all who wait that no acknowledgement will come: the server that
// owed it is gone.
func (s *single) disconnected() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, r := range s.waiting {
		delete(s.waiting, token)
		r.came <- acknowledged{err: nats.ErrDisconnected}
	}
}

// follow tells those who wait, and also, whenever the connection is lost. Calling stop
// ends that, and the subscription.
func (s *single) follow(conn *nats.Conn, also func()) (stop func()) {
	lost := conn.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	var following sync.WaitGroup
	following.Go(func() {
		for range lost {
			s.disconnected()
			also()
		}
	})
	return func() {
		conn.RemoveStatusListener(lost)
		following.Wait()
		s.close()
	}
}
