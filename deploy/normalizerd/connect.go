package normalizerd

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"paybridge/config"
)

// What the connection is called, and where its replies go: a prefix of its own, so
// that nobody else may listen to them.
const (
	clientName  = "paybridge normalizer"
	inboxPrefix = "_INBOX_normalizer"
)

// connect connects to the bus; closed is closed when the connection is closed for
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
		return nil, nil, fmt.Errorf("nats: cannot connect to %s: %w: is the server running, and is nats.url right?", redacted(n.URL), err)
	}
	return conn, done, nil
}

// redacted is a list of server URLs without passwords.
func redacted(list string) string {
	servers := strings.Split(list, ",")
	for i, server := range servers {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil {
			servers[i] = "(not a URL)"
			continue
		}
		servers[i] = u.Redacted()
	}
	return strings.Join(servers, ",")
}
