// Package normalizerd makes a running normalizer of a configuration.
//
// # The promise
//
// A configuration that cannot be worked with is refused before anything is
// consumed, with every problem at once, as [config.Problems]: a seal key that is
// missing, a provider that no pack describes, a mapping that does not compile, a
// stream or a consumer that would lose, double or reorder something. The
// production program and `paybridge up` call the same [Run].
package normalizerd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"paybridge/config"
	"paybridge/normalizer"
	"paybridge/schemas/provider"
)

// Options are what the surrounding process decides. The zero value is the
// production program: it connects as the configuration says and serves its own
// admin listener.
type Options struct {
	Version string      // of the program, for dead letters
	Logger  *zap.Logger // default: JSON lines on stderr

	Receipts normalizer.Receipts // default: Logger, line by line

	Conn     *nats.Conn           // used instead of connecting, and left open
	Library  *provider.Library    // default: the built-in packs and those of providers_dir
	Registry *prometheus.Registry // metrics go here; default: one of its own
	NoAdmin  bool                 // the caller serves readiness and metrics itself
	Reload   *config.Reloader     // has the normalizer follow its configuration; may be nil

	// Started is called once, when the normalizer consumes, with what readiness asks
	// from then on: nil means ready. It may be nil.
	Started func(ready func() error)
}

// Run works until ctx is canceled and what is in hand is finished; then it returns
// nil. Its error is config.Problems where the configuration, a pack or the streams
// must be changed; see Refused.
func Run(ctx context.Context, cfg *config.Config, o Options) error {
	if o.Logger == nil {
		o.Logger = config.Logger("normalizer", os.Stderr)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	library, err := packs(cfg, o.Library)
	if err != nil {
		return err
	}
	options, err := translate(cfg, library)
	if err != nil {
		return err
	}
	options.Version, options.Logger, options.Registry, options.Conn = o.Version, o.Logger, o.Registry, o.Conn
	options.Receipts = o.Receipts
	if o.Conn == nil {
		conn, closed, err := cfg.NATS.Connect("normalizer", o.Logger)
		if err != nil {
			return err
		}
		defer func() { conn.Close(); <-closed }()
		options.Conn = conn
	}
	stop, err := traced(cfg, &options)
	if err != nil {
		return err
	}
	defer stop()
	var n *normalizer.Normalizer
	options.Started = func() {
		if o.Started != nil {
			o.Started(n.Ready)
		}
	}
	if n, err = normalizer.New(options); err != nil {
		return err
	}
	follows := follow(n, options.Programs, library, cfg.Normalizer.Tracing)
	if o.Reload != nil {
		if err := o.Reload.Join(follows.part(), o.Registry); err != nil {
			return err
		}
	}
	if o.NoAdmin {
		return refusal(cfg, n.Run(ctx))
	}
	return runWithAdmin(ctx, cfg, n, n.Admin(o.Registry, follows.schema), o.Logger)
}

// Refused reports whether err says that the configuration, a pack or the topology
// must be changed before the normalizer can run: exit with config.ExitCode.
func Refused(err error) bool {
	var problems config.Problems
	return errors.As(err, &problems)
}

// refusal turns what is wrong with the streams into problems of the configuration.
func refusal(cfg *config.Config, err error) error {
	var topology *normalizer.TopologyError
	if !errors.As(err, &topology) {
		return err
	}
	problems := make(config.Problems, len(topology.Problems))
	for i, message := range topology.Problems {
		problems[i] = cfg.Problem("nats", message, "run `paybridge streams apply`")
	}
	return problems
}

// runWithAdmin serves the admin listener for as long as the normalizer runs.
func runWithAdmin(ctx context.Context, cfg *config.Config, n *normalizer.Normalizer, admin http.Handler, log *zap.Logger) error {
	listener, err := net.Listen("tcp", cfg.Normalizer.Admin)
	if err != nil {
		return fmt.Errorf("normalizer.admin: %w: stop what uses %s, or choose another address", err, cfg.Normalizer.Admin)
	}
	log.Info("normalizer starts", zap.String("admin", listener.Addr().String()))
	server := &http.Server{Handler: admin, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute}
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("normalizer.admin: %w", err)
		}
		return nil
	})
	running.Go(func() error {
		// The listener says "stopping" until the normalizer has stopped.
		defer server.Close()
		return refusal(cfg, n.Run(ctx))
	})
	return running.Wait()
}
