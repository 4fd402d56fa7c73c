package ingress

import (
	"crypto/tls"
	"net"
	"sync"
)

// listener is the public listener: it bounds the number of open connections, by
// leaving the next one in the kernel's queue, and makes each a [conn].
type listener struct {
	net.Listener
	tls     *tls.Config // nil for plain HTTP
	slots   chan struct{}
	closed  chan struct{}
	once    sync.Once
	opened  func(change float64)     // +1, -1
	refused func(net.Conn, *problem) // a request that never became one
}

// newListener bounds the connections of l, and has each speak TLS where config is not
// nil.
func newListener(l net.Listener, config *tls.Config, connections int) *listener {
	return &listener{
		Listener: l, tls: config,
		slots: make(chan struct{}, connections), closed: make(chan struct{}),
		opened: func(float64) {}, refused: func(net.Conn, *problem) {},
	}
}

// Accept waits for a connection and for room for it.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	if l.tls != nil {
		c = tls.Server(c, l.tls)
	}
	l.opened(1)
	return newConn(c, l.refused, func() { l.opened(-1); <-l.slots }), nil
}

// Close stops accepting; open connections stay.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
