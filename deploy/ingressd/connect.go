package ingressd

import (
	"fmt"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"paybridge/config"
)

// The ingress's name on the bus, and where it alone hears replies.
const (
	clientName  = "paybridge-ingress"
	inboxPrefix = "_INBOX_ingress"
)

// connect connects to the bus (whose URL holds no password: config sees to that); closed is closed when the connection is closed for
// good and its last callback has run. How to reconnect is config's to say.
func connect(n config.NATS, log *zap.Logger) (conn *nats.Conn, closed <-chan struct{}, err error) {
	options, err := n.Options(clientName, inboxPrefix)
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
