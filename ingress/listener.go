package ingress

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// listener is the public listener: it bounds the number of open connections, and makes
// each a [conn]. Where all places are taken, the next connection waits until one is
// given back, or until the oldest stranger has had the time of one. Those behind it
// wait in the kernel's queue.
type listener struct {
	net.Listener
	tls     *tls.Config // nil for plain HTTP
	slots   chan struct{}
	closed  chan struct{}
	once    sync.Once
	opened  func(change float64)     // +1, -1
	cut     func()                   // a stranger was cut off
	refused func(net.Conn, *problem) // a request that never became one

	strangers strangers
	patience  time.Duration // with a stranger, while somebody waits
	now       func() time.Time
}

// newListener bounds the connections of l, and has each speak TLS where config is not
// nil.
func newListener(l net.Listener, config *tls.Config, connections int, patience time.Duration, now func() time.Time) *listener {
	if config != nil {
		config = metering(config)
	}
	return &listener{
		Listener: l, tls: config,
		slots: make(chan struct{}, connections), closed: make(chan struct{}),
		opened: func(float64) {}, cut: func() {}, refused: func(net.Conn, *problem) {},
		patience: patience, now: now,
	}
}

// Accept waits for a connection and for room for it.
func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !l.room() {
		raw.Close()
		return nil, net.ErrClosed
	}
	l.opened(1)
	c := newConn(raw, l.refused)
	if l.tls != nil {
		c.Conn = newSecured(raw, l.tls)
	}
	place := sync.OnceFunc(func() { l.opened(-1); <-l.slots })
	// One that is cut off is told nothing: TLS would wait to say goodbye.
	c.known = l.strangers.add(l.now(), func() { raw.Close(); place() })
	c.release = func() { c.known(); place() }
	return c, nil
}

// room takes a place; it is false where the listener was closed meanwhile.
func (l *listener) room() bool {
	for {
		select {
		case l.slots <- struct{}{}:
			return true
		default:
		}
		timer := time.NewTimer(l.strangers.due(l.now(), l.patience))
		select {
		case l.slots <- struct{}{}:
			timer.Stop()
			return true
		case <-l.closed:
			timer.Stop()
			return false
		case <-timer.C:
			if l.strangers.cutOldest(l.now(), l.patience) {
				l.cut()
			}
		}
	}
}

// Close stops accepting; open connections stay.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
