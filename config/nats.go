package config

import (
	"crypto/tls"
	"time"

	"github.com/nats-io/nats.go"
)

// NATS is the connection to the bus.
type NATS struct {
	URL         string // nats://host:port or tls://host:port, several separated by commas
	Credentials string // path of a .creds file; "" where there is none
	NKeySeed    Secret // seed of an nkey; Missing where there is none
	TLS         ClientTLS
}

// ClientTLS is the TLS of an outgoing connection.
type ClientTLS struct {
	CA   string // path of the authorities' certificates; "" means the system's
	Cert string // path of our certificate; "" where the server does not ask
	Key  string // path of its key
}

// ListenerTLS is the TLS of a listener. The zero value means plain HTTP.
type ListenerTLS struct {
	Cert     string // path of the certificate chain
	Key      string // path of its key
	ClientCA string // path of the authorities that clients must show a certificate of; "" asks for none
}

// Enabled says that the listener speaks TLS.
func (t ListenerTLS) Enabled() bool { return t.Cert != "" }

// Config is the listener's TLS configuration, nil where it is not enabled.
func (t ListenerTLS) Config() (*tls.Config, error) { return nil, nil }

// Options is the one owner of how every program connects: it never gives up, it
// never buffers what it cannot send (a publish fails at once rather than leaving
// later, unasked), it notices a dead server within 30 seconds, and it listens for
// replies under its own prefix only.
func (n NATS) Options(name, inboxPrefix string) ([]nats.Option, error) {
	options := []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1),
		nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectJitter(500*time.Millisecond, 2*time.Second),
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DrainTimeout(20 * time.Second),
	}
	if inboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(inboxPrefix))
	}
	return options, nil
}
