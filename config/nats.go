package config

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// NATS is the connection to the bus.
type NATS struct {
	URL         string // nats://host:port or tls://host:port, several separated by commas
	Credentials string // path of a .creds file; "" where there is none
	NKeySeed    Secret // seed of an nkey; its Key is "" where there is none
	TLS         ClientTLS
}

// Options is the one owner of how every program connects: it never gives up, it
// never buffers what it cannot send (a publish fails at once rather than leaving
// later, unasked), it notices a dead server within 30 seconds, and it listens for
// replies under its own prefix only. name is what the server calls the connection;
// an empty inboxPrefix means the library's. Its error names the file or key at
// fault, and holds no secret.
func (n NATS) Options(name, inboxPrefix string) ([]nats.Option, error) {
	options := []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a key that was revoked may be admitted again
		nats.ReconnectBufSize(-1),
		nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectJitter(500*time.Millisecond, 2*time.Second),
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DrainTimeout(20 * time.Second),
		// A server that takes connections and reads nothing must hold nobody up: the
		// library writes under the lock that everything else of the connection needs.
		nats.FlusherTimeout(time.Second),
	}
	if inboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(inboxPrefix))
	}
	secure, err := n.TLS.config()
	if err != nil {
		return nil, err
	}
	if secure != nil {
		options = append(options, nats.Secure(secure))
	}
	switch {
	case n.Credentials != "":
		// The library reads the file at every connect, so that it can be replaced; a
		// missing one is better known now.
		if _, err := os.Stat(n.Credentials); err != nil {
			return nil, err
		}
		options = append(options, nats.UserCredentials(n.Credentials))
	case n.NKeySeed.Key != "" || !n.NKeySeed.Missing():
		user, err := n.user()
		if err != nil {
			return nil, err
		}
		options = append(options, user)
	}
	return options, nil
}

// user proves with the seed who we are.
func (n NATS) user() (nats.Option, error) {
	if n.NKeySeed.Missing() {
		return nil, fmt.Errorf("nats.nkey_seed: %s is not there", n.NKeySeed.From)
	}
	pair, err := nkeys.FromSeed([]byte(n.NKeySeed.Reveal()))
	if err != nil {
		return nil, errors.New("nats.nkey_seed: not the seed of an nkey, which begins with SU")
	}
	public, err := pair.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(public) {
		return nil, errors.New("nats.nkey_seed: not the seed of a user, which begins with SU")
	}
	return nats.Nkey(public, pair.Sign), nil
}
