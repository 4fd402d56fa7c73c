package main

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/deploy/jetstream"
	"paybridge/deploy/operate"
)

// embeddedStart bounds how long the server may take to open its files; a full
// duplicate window and gigabytes of messages are read again at start.
const embeddedStart = 2 * time.Minute

// bodyHeadroom is what headers add to a body at most: the bus must carry every
// body that the ingress accepts.
const bodyHeadroom = 64 * config.KiB

// embedded is the NATS server inside `paybridge up`: JetStream and nothing else,
// on loopback, where whoever can connect is trusted.
type embedded struct{ server *server.Server }

// startEmbedded starts the server on the files in dir and returns once it accepts
// connections.
func startEmbedded(c *config.Config, dir string, logger *zap.Logger) (*embedded, error) {
	options, err := embeddedOptions(c, dir)
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	s.SetLoggerV2(&serverLog{logger}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(embeddedStart) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("embedded NATS server: not ready after %s; its log says why", embeddedStart)
	}
	if !s.JetStreamEnabled() {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("embedded NATS server: JetStream did not start on %s; its log says why", dir)
	}
	return &embedded{s}, nil
}

// embeddedOptions are the server's, in full: nothing is read from a file of its own.
func embeddedOptions(c *config.Config, dir string) (*server.Options, error) {
	host, port, err := hostPort(c.Embedded.Listen)
	if err != nil {
		return nil, c.Problem("embedded.listen", err.Error(), "write host:port, such as 127.0.0.1:4222")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, c.Problem("embedded.listen", "the embedded server trusts whoever connects, and "+host+" is not loopback",
			"write 127.0.0.1:4222; for other machines run a nats-server of its own, see `paybridge nats init`")
	}
	// The streams were sized by the disk that was free when they were made; a limit
	// that follows the disk would refuse to change them once it is fuller.
	sizes := c.Streams
	sizes.Disk = 0
	o := &server.Options{
		ServerName:         "paybridge",
		Host:               host,
		Port:               port,
		NoSigs:             true, // signals are ours: the server stops last
		MaxPayload:         int32(max(c.Ingress.MaxBody+bodyHeadroom, c.Streams.MaxMessage)),
		JetStream:          true,
		StoreDir:           dir,
		JetStreamMaxStore:  int64(jetstream.Reserved(sizes)),
		JetStreamMaxMemory: int64(64 * config.MiB), // no stream of ours is in memory
		SyncAlways:         c.Embedded.Sync.Always,
		SyncInterval:       c.Embedded.Sync.Interval,
	}
	if o.SyncAlways {
		o.SyncInterval = 2 * time.Minute // what the server's own configuration file sets with it
	}
	return o, nil
}

// hostPort reads a listen address; port 0 means any free one.
func hostPort(address string) (string, int, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, err
	}
	if port == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(port), nil
}

// portFree says what to do about a port that another program has, before anything
// is started on the data.
func portFree(key, address string) error {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l.Close()
	}
	return &operate.Advice{
		Err: fmt.Errorf("%s: %w", key, err),
		Do: fmt.Sprintf("stop what uses %s (`ss -ltnp` names it; another `paybridge up`, perhaps), or choose another address for %s in the configuration",
			address, key),
	}
}

// URL is where clients connect.
func (e *embedded) URL() string { return e.server.ClientURL() }

// Stop closes the clients and the files, and returns when both are closed.
func (e *embedded) Stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

// serverLog passes on what the server warns of and keeps its chatter out of the
// bridge's log.
type serverLog struct{ logger *zap.Logger }

// What is not a warning is dropped.
func (l *serverLog) Noticef(string, ...any) {}
func (l *serverLog) Debugf(string, ...any)  {}
func (l *serverLog) Tracef(string, ...any)  {}

// Warnf passes on a warning.
func (l *serverLog) Warnf(format string, args ...any) {
	l.logger.Warn("server warns", zap.String("text", fmt.Sprintf(format, args...)))
}

// Errorf passes on an error.
func (l *serverLog) Errorf(format string, args ...any) {
	l.logger.Error("server reports an error", zap.String("text", fmt.Sprintf(format, args...)))
}

// Fatalf passes on what the server cannot go on after; startEmbedded then sees that
// it is not ready.
func (l *serverLog) Fatalf(format string, args ...any) { l.Errorf(format, args...) }
