package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"paybridge/config"
	"paybridge/deploy/jetstream/jetstreamtest"
)

// connect connects as a configuration says.
func connect(t *testing.T, n config.NATS, more ...nats.Option) (*nats.Conn, error) {
	t.Helper()
	options, err := n.Options("paybridge-test", "_INBOX_test")
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(n.URL, append(options, more...)...)
	if err == nil {
		t.Cleanup(nc.Close)
	}
	return nc, err
}

// The policy: forever, with nothing buffered, quick to notice, replies apart.
func TestConnectionPolicy(t *testing.T) {
	s := jetstreamtest.Start(t, jetstreamtest.Bare())
	back := make(chan struct{}, 1)
	nc, err := connect(t, config.NATS{URL: s.URL}, nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	if err != nil {
		t.Fatal(err)
	}
	o := nc.Opts
	if o.Name != "paybridge-test" || o.MaxReconnect != -1 || o.ReconnectBufSize != -1 || !o.AllowReconnect || !o.IgnoreAuthErrorAbort {
		t.Errorf("name %q, reconnects %d, buffer %d", o.Name, o.MaxReconnect, o.ReconnectBufSize)
	}
	if o.PingInterval != 10*time.Second || o.MaxPingsOut != 2 || o.ReconnectJitter <= 0 || o.ReconnectJitterTLS <= 0 {
		t.Errorf("ping %v × %d, jitter %v, %v", o.PingInterval, o.MaxPingsOut, o.ReconnectJitter, o.ReconnectJitterTLS)
	}
	if inbox := nc.NewInbox(); !strings.HasPrefix(inbox, "_INBOX_test.") {
		t.Errorf("inbox %s", inbox)
	}

	s.Stop(t)
	for nc.IsConnected() {
		if err := nc.FlushTimeout(20 * time.Millisecond); err != nil {
			continue
		}
	}
	if err := nc.Publish("a", []byte("late")); err == nil {
		t.Error("a publish without a server was kept for later")
	}
	s.Restart(t)
	select {
	case <-back:
	case <-time.After(5 * time.Second):
		t.Error("not back within 5 seconds")
	}
}

func TestNKeySeed(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	public, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	s := jetstreamtest.Start(t, jetstreamtest.Bare(), jetstreamtest.Options(func(o *server.Options) {
		o.Nkeys = []*server.NkeyUser{{Nkey: public}}
	}))
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	accountSeed, err := account.Seed()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		nats config.NATS
		want string // in the error; "" where it connects
	}{
		"the seed":          {config.NATS{NKeySeed: config.NewSecret("", string(seed))}, ""},
		"none":              {config.NATS{}, "nats: "},
		"missing":           {mustParse(t, world{}, "nats: {nkey_seed: {env: SEED}}").NATS, "nats.nkey_seed: env SEED is not there"},
		"no seed":           {config.NATS{NKeySeed: config.NewSecret("", canary)}, "nats.nkey_seed: not the seed of an nkey, which begins with SU"},
		"an account's seed": {config.NATS{NKeySeed: config.NewSecret("", string(accountSeed))}, "nats.nkey_seed: not the seed of a user"},
	} {
		t.Run(name, func(t *testing.T) {
			test.nats.URL = s.URL
			_, err := connect(t, test.nats)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			shows(t, "the error", fmt.Sprintf("%+v", err))
		})
	}
}

func TestCredentialsMustExist(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent.creds")
	if _, err := (config.NATS{Credentials: absent}).Options("a", ""); err == nil || !strings.Contains(err.Error(), absent) {
		t.Errorf("%v", err)
	}
	write(t, absent, "x")
	options, err := (config.NATS{Credentials: absent}).Options("a", "")
	if err != nil {
		t.Fatal(err)
	}
	var o nats.Options
	for _, option := range options {
		if err := option(&o); err != nil {
			t.Fatal(err)
		}
	}
	if o.UserJWT == nil || o.SignatureCB == nil {
		t.Error("the credentials are not used")
	}
}

// A connection with TLS checks the server, and shows its own certificate.
func TestNATSOverTLS(t *testing.T) {
	cert, key := certificate(t, "server")
	clientCert, clientKey := certificate(t, "client")
	listener, err := config.ListenerTLS{Cert: cert, Key: key, ClientCA: clientCert}.Config()
	if err != nil {
		t.Fatal(err)
	}
	s := jetstreamtest.Start(t, jetstreamtest.Bare(), jetstreamtest.Options(func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout, o.TLSConfig = true, true, 5, listener
	}))
	for name, test := range map[string]struct {
		tls config.ClientTLS
		ok  bool
	}{
		"all":              {config.ClientTLS{CA: cert, Cert: clientCert, Key: clientKey}, true},
		"unknown server":   {config.ClientTLS{Cert: clientCert, Key: clientKey}, false},
		"unknown client":   {config.ClientTLS{CA: cert}, false},
		"another's server": {config.ClientTLS{CA: clientCert, Cert: clientCert, Key: clientKey}, false},
		"no such file":     {config.ClientTLS{CA: key + ".absent"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := connect(t, config.NATS{URL: s.URL, TLS: test.tls}); (err == nil) != test.ok {
				t.Errorf("%v", err)
			}
		})
	}
}
