package main

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/deploy/operate"
)

// TestEmbeddedOptions says what the server is told for what the configuration says.
func TestEmbeddedOptions(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*config.Config)
		holds  func(*testing.T, *config.Config)
	}{
		{"by default every acknowledgement is synced", func(*config.Config) {}, func(t *testing.T, c *config.Config) {
			o, err := embeddedOptions(c, "dir")
			if err != nil || !o.SyncAlways || o.Host != "127.0.0.1" || o.Port != 4222 || !o.JetStream || o.StoreDir != "dir" || !o.NoSigs {
				t.Errorf("%+v, %v", o, err)
			}
			if o.MaxPayload < int32(c.Ingress.MaxBody+64*config.KiB) || o.JetStreamMaxStore != int64(20*config.GiB) {
				t.Errorf("payload %d, store %d", o.MaxPayload, o.JetStreamMaxStore)
			}
		}},
		{"an interval is an interval", func(c *config.Config) { c.Embedded.Sync = config.Sync{Interval: time.Second} }, func(t *testing.T, c *config.Config) {
			if o, err := embeddedOptions(c, "dir"); err != nil || o.SyncAlways || o.SyncInterval != time.Second {
				t.Errorf("%+v, %v", o, err)
			}
		}},
		{"larger bodies need a larger payload", func(c *config.Config) { c.Ingress.MaxBody = 4 * config.MiB }, func(t *testing.T, c *config.Config) {
			if o, err := embeddedOptions(c, "dir"); err != nil || o.MaxPayload < int32(4*config.MiB+64*config.KiB) {
				t.Errorf("%+v, %v", o, err)
			}
		}},
		{"a fuller disk does not shrink the store", func(c *config.Config) { c.Streams.Disk = 10 * config.GiB }, func(t *testing.T, c *config.Config) {
			if o, err := embeddedOptions(c, "dir"); err != nil || o.JetStreamMaxStore != int64(20*config.GiB) {
				t.Errorf("%+v, %v", o, err)
			}
		}},
		{"any port", func(c *config.Config) { c.Embedded.Listen = "localhost:0" }, func(t *testing.T, c *config.Config) {
			if o, err := embeddedOptions(c, "dir"); err != nil || o.Port != -1 {
				t.Errorf("%+v, %v", o, err)
			}
		}},
		{"the world", func(c *config.Config) { c.Embedded.Listen = "0.0.0.0:4222" }, func(t *testing.T, c *config.Config) {
			_, err := embeddedOptions(c, "dir")
			if exitCode(err) != config.ExitCode || !strings.Contains(err.Error(), "is not loopback") {
				t.Errorf("got %v", err)
			}
		}},
		{"no address", func(c *config.Config) { c.Embedded.Listen = "4222" }, func(t *testing.T, c *config.Config) {
			if _, err := embeddedOptions(c, "dir"); exitCode(err) != config.ExitCode {
				t.Errorf("got %v", err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config.Default()
			test.change(c)
			test.holds(t, c)
		})
	}
}

func TestPortFree(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := l.Addr().String()
	err = portFree("ingress.listen", taken)
	var advice *operate.Advice
	if !errors.As(err, &advice) || !strings.Contains(advice.Do, taken) || !strings.Contains(advice.Do, "ingress.listen") {
		t.Errorf("got %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := portFree("ingress.listen", taken); err != nil {
		t.Errorf("free again: %v", err)
	}
}

// TestEmbeddedRestarts says that the server comes back on the same files.
func TestEmbeddedRestarts(t *testing.T) {
	c := config.Default()
	c.Embedded.Listen = "127.0.0.1:0"
	dir := t.TempDir()
	for range 2 {
		e, err := startEmbedded(c, dir, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		c.NATS = config.NATS{URL: e.URL()}
		if _, err := applyStreams(t.Context(), c); err != nil {
			t.Error(err)
		}
		e.Stop()
	}
}
