package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/operate"
)

// demoTimeout bounds a demo: an event that has not come by then does not come.
const demoTimeout = 60 * time.Second

// demoCommand is `demo`, which `make demo` runs: it must end by itself, with or
// without an `up` beside it.
func (p *Program) demoCommand() *cobra.Command {
	var pl place
	var production bool
	var why string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "show the whole bridge at work, then stop",
		Long: `Sends a few webhooks of every configured source, signed as the provider would, and
prints the events that come of them, then one that is signed wrong. A running ` + "`up`" + `
gets them; where none runs, demo starts everything in a temporary folder on free
ports and takes it down again. With a configuration that says ` + "`environment: production`" + `
it is refused without --into-production.`,
		Example: "  paybridge demo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), demoTimeout)
			defer cancel()
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			if !production {
				if err := b.notProduction("demo", "leave --config out, where no such up runs, for the shipped one"); err != nil {
					return err
				}
			}
			if b.Running != nil {
				fmt.Fprintf(p.Stdout, "using the `up` that runs at %s\n\n", b.Running.Webhooks)
				sum, err := p.demo(ctx, b)
				if production {
					p.auditLine("demo", why, err, zap.String("url", b.Running.Webhooks), zap.Any("counts", map[string]int{"webhooks": sum.Webhooks, "events": sum.Events}))
				}
				return err
			}
			return p.demoAlone(ctx, pl, b)
		},
	}
	pl.flags(cmd)
	cmd.Flags().StringVar(&why, "why", "", "with --into-production: why, for the audit line")
	cmd.Flags().BoolVar(&production, "into-production", false, "also where the configuration says environment: production")
	return cmd
}

// demoAlone runs the demo on a bridge of its own, which leaves nothing behind.
func (p *Program) demoAlone(ctx context.Context, pl place, b *bridge) error {
	fmt.Fprint(p.Stdout, "no `up` runs here: starting one in a temporary folder\n\n")
	dir, err := os.MkdirTemp("", "paybridge-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system cleans its temporary folder
	folder := operate.Folder{Path: dir}
	c, lib, _, err := p.complete(folder, b.File, pl.config)
	if err != nil {
		return err
	}
	const free = "127.0.0.1:0"
	c.Ingress.Listen, c.Ingress.Admin, c.Embedded.Listen = free, free, free
	s, err := p.start(ctx, c, lib, folder.Streams(), zap.ErrorLevel, nil)
	if err != nil {
		return err
	}
	running := s.running(p, b.File, c.Ingress.TLS.Enabled())
	_, err = p.demo(ctx, &bridge{Folder: folder, File: b.File, Config: c, Library: lib, Running: &running})
	return errors.Join(err, s.stop())
}

// demo sends, shows and counts.
func (p *Program) demo(ctx context.Context, b *bridge) (operate.DemoResult, error) {
	var result operate.DemoResult
	err := b.onBus(ctx, roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
		start := p.Now()
		var err error
		result, err = operate.Demo{
			Sender: b.sender(), Stream: jetstream.Payments, Now: p.Now, Out: p.Stdout,
			Seed:  uint64(start.UnixNano()),
			Wrong: nobodys("demo"),
		}.Run(ctx, js)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.Stdout, "\ndemo: %d webhooks from %d sources became %d events in %s; %d forged was refused\n",
			result.Webhooks, result.Sources, result.Events, operate.Age(p.Now().Sub(start)), result.Refused)
		return nil
	})
	return result, err
}
