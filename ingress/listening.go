package ingress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// listening is an HTTP server on its listener.
type listening struct {
	http     *http.Server
	listener net.Listener
	done     chan struct{}
}

// serve returns when the server has stopped; an end that nobody asked for is sent to
// failed.
func (l *listening) serve(failed chan<- error) {
	defer close(l.done)
	if err := l.http.Serve(l.listener); !errors.Is(err, http.ErrServerClosed) {
		failed <- fmt.Errorf("ingress: %s: %w", l.listener.Addr(), err)
	}
}

// Close closes a listener that was never served.
func (l *listening) Close() error { return l.listener.Close() }

// shutdown returns when every request in hand is answered; what ctx does not leave
// time for is cut off.
func (l *listening) shutdown(ctx context.Context) error {
	err := l.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("ingress: %s: requests were still in hand: %w", l.listener.Addr(), err), l.http.Close())
	}
	<-l.done
	return err
}

// listen opens the public listener.
func (s *Server) listen() (*listening, error) {
	l, err := net.Listen("tcp", s.o.Listen)
	if err != nil {
		return nil, fmt.Errorf("ingress: public listener: %w: stop what uses %s, or choose another address", err, s.o.Listen)
	}
	bounded := newListener(l, s.tlsConfig(), s.o.Connections, s.times.stranger, s.o.Now)
	bounded.opened, bounded.cut, bounded.refused = s.metrics.connections.Add, s.metrics.cutOff.Inc, s.unread
	server := s.httpServer(http.HandlerFunc(s.webhook))
	server.ConnContext = withConn
	return &listening{server, bounded, make(chan struct{})}, nil
}

// listenAdmin opens the admin listener; it is nil where none is configured.
func (s *Server) listenAdmin() (*listening, error) {
	if s.o.Admin == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", s.o.Admin)
	if err != nil {
		return nil, fmt.Errorf("ingress: admin listener: %w: stop what uses %s, or choose another address", err, s.o.Admin)
	}
	return &listening{s.httpServer(s.admin()), l, make(chan struct{})}, nil
}

// tlsConfig is that of the options, for HTTP/1.1 over TLS 1.2 and later.
func (s *Server) tlsConfig() *tls.Config {
	if s.o.TLS == nil {
		return nil
	}
	config := s.o.TLS.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	config.NextProtos = []string{"http/1.1"}
	return config
}

// httpServer has the limits of both listeners.
func (s *Server) httpServer(handler http.Handler) *http.Server {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Server{
		Handler:                      handler,
		Protocols:                    &http1,
		ReadHeaderTimeout:            s.times.header,
		ReadTimeout:                  s.times.read,
		WriteTimeout:                 s.times.write,
		IdleTimeout:                  s.times.idle,
		MaxHeaderBytes:               maxHeaderBytes - bufioSlop,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(httpLog{s.o.Log}, "", 0),
	}
}

// bufioSlop is what net/http adds to MaxHeaderBytes for its buffer.
const bufioSlop = 4096

// httpLog takes net/http's own lines, which may quote what was sent: only that there
// was one is logged.
type httpLog struct{ log *zap.Logger }

func (l httpLog) Write(line []byte) (int, error) {
	l.log.Log(zapcore.DebugLevel, "net/http has something to say", zap.Int("bytes", len(line)))
	return len(line), nil
}
