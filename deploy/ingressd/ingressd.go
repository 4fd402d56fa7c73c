// Package ingressd makes a running ingress of a configuration.
//
// # The promise
//
// A configuration that cannot be served is refused before anything listens, with
// every problem at once, as [config.Problems]: a missing or weak secret, a provider
// that no pack describes, a broken auth half, a stream that would lose what it
// acknowledged. The production program and `paybridge up` call the same [Run].
package ingressd

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/ingress"
	"paybridge/schemas/provider"
)

// Options are what a process gives its ingress. Log is required; every other zero
// value has a default.
type Options struct {
	Log      *zap.Logger
	Receipts ingress.Receipts     // nil logger: Log, line by line
	Conn     *nats.Conn           // nil: Run connects, and closes what it connected
	Library  *provider.Library    // nil: the built-in packs and those of providers_dir
	Metrics  *prometheus.Registry // nil: a registry of its own
	Ready    []ingress.Check      // what /readyz asks besides the ingress itself

	// Schemas serves /schemas/<path>; nil: the packs' schemas of events.
	Schemas func(path string) ([]byte, bool)

	// Reload, where there is one, has the ingress follow its configuration.
	Reload *config.Reloader

	// Started is called once, when the ingress accepts webhooks.
	Started func(ingress.Addresses)
}

// Run serves cfg until ctx is done and everything in hand is answered; then it
// returns nil. Its error is config.Problems where the configuration, the NATS
// server's or the stream's must be changed.
func Run(ctx context.Context, cfg *config.Config, o Options) error {
	library, done, err := packs(cfg, o.Library)
	if err != nil {
		return err
	}
	options, err := translate(cfg, library, o)
	if err != nil {
		done()
		return err
	}
	follows := follow(&options, library, done, o.Schemas != nil)
	defer follows.close()
	if options.Metrics == nil {
		options.Metrics = prometheus.NewRegistry()
	}
	if options.Conn == nil {
		conn, closed, err := cfg.NATS.Connect("ingress", o.Log)
		if err != nil {
			return err
		}
		defer func() { conn.Close(); <-closed }()
		options.Conn = conn
	}
	server, err := ingress.New(options)
	if err != nil {
		return err
	}
	if o.Reload != nil {
		if err := o.Reload.Join(follows.part(server), options.Metrics); err != nil {
			return err
		}
	}
	return refusal(cfg, server.Run(ctx))
}

// refusal turns what the server and the stream are not fit for into problems of the
// configuration.
func refusal(cfg *config.Config, err error) error {
	var unfit ingress.Unfit
	if !errors.As(err, &unfit) {
		return err
	}
	problems := make(config.Problems, len(unfit))
	for i, message := range unfit {
		problems[i] = cfg.Problem("nats", message, "")
	}
	return problems
}
