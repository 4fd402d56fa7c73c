// Package jetstreamtest starts a real nats-server inside a test, with exactly the
// streams and the consumer of deploy/jetstream.
//
// # The promise
//
// Every test gets a server of its own on a free port and a folder of its own, or three
// that are one bus. It can be stopped and started again, on the same port with what it had stored, and
// is gone, with all its goroutines, when the test ends.
package jetstreamtest

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/config"
	"paybridge/deploy/jetstream"
)

// patience is how long a server may take to start, stop or answer.
const patience = 20 * time.Second

// Server is a nats-server in this process.
type Server struct {
	URL     string         // nats://127.0.0.1:port, the same after a restart
	Dir     string         // where the streams are stored
	Streams config.Streams // what the topology was made from

	options server.Options
	bare    bool
	running *server.Server
}

// Option changes how Start starts a server.
type Option func(*Server)

// With changes the streams' settings, which are small otherwise: 64 MiB each.
func With(change func(*config.Streams)) Option { return func(s *Server) { change(&s.Streams) } }

// Bare leaves out the streams and the consumer.
func Bare() Option { return func(s *Server) { s.bare = true } }

// Options changes the server's own options.
func Options(change func(*server.Options)) Option { return func(s *Server) { change(&s.options) } }

// Configured reads the server's own options from a nats-server configuration file,
// as an operator would run it; the port is still a free one. The streams are left
// to the test: it knows who may make them.
func Configured(t testing.TB, file string) Option {
	return func(s *Server) {
		t.Helper()
		s.options = server.Options{NoLog: true, NoSigs: true}
		if err := s.options.ProcessConfigFile(file); err != nil {
			t.Fatalf("jetstreamtest: %v", err)
		}
		s.options.Port, s.options.HTTPPort = server.RANDOM_PORT, 0
		s.bare = true
	}
}

// Start starts a server and makes the streams and the consumer. It stops when
// the test ends.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := configure(t, options)
	s.Restart(t)
	t.Cleanup(func() { s.Stop(t) })
	if !s.bare {
		if _, err := jetstream.Apply(t.Context(), s.JetStream(t), s.Streams); err != nil {
			t.Fatalf("jetstreamtest: %v", err)
		}
	}
	return s
}

// configure is a server that does not run yet.
func configure(t testing.TB, options []Option) *Server {
	t.Helper()
	s := &Server{Dir: t.TempDir(), Streams: config.Default().Streams}
	for _, own := range []*config.Stream{&s.Streams.Webhooks, &s.Streams.Payments, &s.Streams.DeadLetters} {
		own.MaxBytes = 64 * config.MiB
	}
	s.options = server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT,
		NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: s.Dir,
		// Explicit limits: the defaults depend on the machine's memory and disk.
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 64 << 30,
		SyncInterval: time.Minute,
	}
	for _, option := range options {
		option(s)
	}
	return s
}

// Stop stops the server and waits until it has stopped. Stopping a stopped one
// does nothing.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.running != nil {
		s.running.Shutdown()
		s.running.WaitForShutdown()
		s.running = nil
	}
}

// Restart stops the server if it runs, and starts it on the same port and folder.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	options := s.options // the server keeps and changes what it is given
	running, err := server.NewServer(&options)
	if err != nil {
		t.Fatalf("jetstreamtest: %v", err)
	}
	s.running = running
	running.Start()
	if !running.ReadyForConnections(patience) {
		t.Fatalf("jetstreamtest: not ready after %v", patience)
	}
	s.options.Port = running.Addr().(*net.TCPAddr).Port
	s.URL = "nats://" + net.JoinHostPort(s.options.Host, strconv.Itoa(s.options.Port))
}

// Reconfigure has the running server take over a changed configuration file, as it
// does at SIGHUP; see Configured.
func (s *Server) Reconfigure(t testing.TB, file string) {
	t.Helper()
	options := server.Options{NoLog: true, NoSigs: true}
	if err := options.ProcessConfigFile(file); err != nil {
		t.Fatalf("jetstreamtest: %v", err)
	}
	options.Port, options.HTTPPort = s.options.Port, 0
	s.options = options
	if err := s.running.ReloadOptions(&options); err != nil {
		t.Fatalf("jetstreamtest: %v", err)
	}
}

// Monitor is the URL of the monitoring port, which a server has whose options ask for one.
func (s *Server) Monitor() string { return "http://" + s.running.MonitorAddr().String() }

// Conn is a connection that is closed when the test ends. It reconnects for as
// long as the test runs, every 20 milliseconds.
func (s *Server) Conn(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	return connect(t, s.URL, options)
}

// connect is a connection to one of several servers.
func connect(t testing.TB, urls string, options []nats.Option) *nats.Conn {
	t.Helper()
	options = append([]nats.Option{
		nats.Name(t.Name()), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(20 * time.Millisecond), nats.ReconnectJitter(0, 0),
	}, options...)
	nc, err := nats.Connect(urls, options...)
	if err != nil {
		t.Fatalf("jetstreamtest: %v", err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// JetStream is a JetStream context over a connection of its own.
func (s *Server) JetStream(t testing.TB, options ...nats.Option) natsjs.JetStream {
	t.Helper()
	js, err := natsjs.New(s.Conn(t, options...))
	if err != nil {
		t.Fatalf("jetstreamtest: %v", err)
	}
	return js
}
