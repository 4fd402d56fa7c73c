package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"paybridge/config"
	"paybridge/deploy/ingressd"
	"paybridge/deploy/jetstream/jetstreamtest"
	"paybridge/deploy/normalizerd"
	"paybridge/deploy/operate"
	"paybridge/ingress"
	"paybridge/schemas/provider"
)

// deploy runs the production ingress and normalizer against a server that the test
// can take away, until the test ends.
func deploy(t *testing.T, ns *jetstreamtest.Server) *siege {
	t.Helper()
	return deployOn(t, ns.URL, ns.Conn(t))
}

// deployOn is deploy on any server, with a connection of the test's own. Each role
// follows a configuration file of its own: ingress.yaml and normalizer.yaml in the
// siege's folder. change may change what both begin with.
func deployOn(t *testing.T, url string, own *nats.Conn, change ...func(string) string) *siege {
	t.Helper()
	library, err := provider.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{t: t, library: library, errs: &tape{}, out: &tape{}}
	s.config = siegeConfig(t, library, func(text string) string {
		for _, change := range change {
			text = change(text)
		}
		return "nats: {url: \"" + url + "\"}\n" + text
	})
	reads := func(role string) (*config.Config, *config.Reloader) {
		text, err := os.ReadFile(s.config)
		if err != nil {
			t.Fatal(err)
		}
		s.rewrite(role+".yaml", string(text))
		reload := config.NewReloader(config.FromFile(filepath.Join(filepath.Dir(s.config), role+".yaml")), config.Logger(role, s.errs))
		reload.Every = 20 * time.Millisecond
		c, err := reload.Load()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(reload.Start())
		return c, reload
	}
	ctx, cancel := context.WithCancel(context.Background())
	var roles errgroup.Group
	var normalizes atomic.Pointer[func() error]
	normalizerConfig, normalizerReload := reads("normalizer")
	ingressConfig, ingressReload := reads("ingress")
	roles.Go(func() error {
		return normalizerd.Run(ctx, normalizerConfig, normalizerd.Options{
			Logger: config.Logger("normalizer", s.errs), Library: library, NoAdmin: true, Reload: normalizerReload,
			Started: func(ready func() error) { normalizes.Store(&ready) },
		})
	})
	accepts := make(chan ingress.Addresses, 1)
	roles.Go(func() error {
		return ingressd.Run(ctx, ingressConfig, ingressd.Options{
			Log: config.Logger("ingress", s.errs), Library: library, Reload: ingressReload,
			Ready: []ingress.Check{{Name: "normalizer", Holds: func() error {
				if ready := normalizes.Load(); ready != nil {
					return (*ready)()
				}
				return errors.New("starting")
			}}},
			Started: func(a ingress.Addresses) { accepts <- a },
		})
	})
	t.Cleanup(func() {
		cancel()
		if err := roles.Wait(); err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-accepts:
		s.at = operate.Running{Webhooks: "http://" + a.Public, Admin: "http://" + a.Admin, NATS: url}
	case <-time.After(siegePatience):
		t.Fatalf("not ready:\n%s", s.errs)
	}
	s.listen(own)
	t.Cleanup(s.checkClean)
	await(t, "both roles work", s.ready)
	return s
}

// rewrite replaces a file beside the configuration, whole.
func (s *siege) rewrite(name, text string) {
	s.t.Helper()
	aside, path := filepath.Join(filepath.Dir(s.config), ".aside"), filepath.Join(filepath.Dir(s.config), name)
	if err := errors.Join(os.WriteFile(aside, []byte(text), 0o600), os.Rename(aside, path)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *siege) ready() bool { return strings.Count(s.fetch("/readyz"), `"ok"`) == 3 }
