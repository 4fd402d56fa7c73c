package config

import (
	"fmt"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// Connect connects a production process to the bus, as Options says, and logs what
// becomes of the connection. role is "ingress" or "normalizer": replies come under
// _INBOX_<role>, where nobody else may listen. closed is closed when the connection is
// closed for good and its last callback has run. An error names the bus, whose URL
// holds no password.
func (n NATS) Connect(role string, log *zap.Logger) (conn *nats.Conn, closed <-chan struct{}, err error) {
	options, err := n.Options("paybridge "+role, "_INBOX_"+role)
	if err != nil {
		return nil, nil, err
	}
	done := make(chan struct{})
	conn, err = nats.Connect(n.URL, append(options,
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log.Warn("disconnected from NATS", zap.Error(err)) }),
		nats.ReconnectHandler(func(c *nats.Conn) { log.Info("connected to NATS again", zap.String("url", c.ConnectedUrlRedacted())) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Error("NATS refused something", zap.Error(err))
		}),
		nats.ClosedHandler(func(*nats.Conn) { close(done) }),
	)...)
	if err != nil {
		return nil, nil, fmt.Errorf("nats: cannot connect to %s: %w: is the server running, and is nats.url right?", n.URL, err)
	}
	return conn, done, nil
}
