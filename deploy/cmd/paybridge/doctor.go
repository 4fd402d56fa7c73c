package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
)

// doctorTimeout bounds what the bus is asked.
const doctorTimeout = 30 * time.Second

// doctorCommand is `doctor`.
func (p *Program) doctorCommand() *cobra.Command {
	var pl place
	var asJSON bool
	var monitor string
	var metrics metricsFile
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "look for what keeps the bridge from starting, or from keeping its promises",
		Long: `Checks secrets, seal, packs, the bus and how it syncs, the streams, payload limit,
sizes, the memory of the duplicate windows, clocks and disk. Changes nothing.

How a nats-server of your own syncs it tells no client. Its monitoring port tells it, which
listens on its own machine only: run doctor there with --monitor.

Exit code 1 if a check fails.`,
		Example: "  paybridge doctor\n  paybridge doctor --config paybridge.yaml --json\n" +
			"  paybridge doctor --config operator.yaml --monitor http://127.0.0.1:8222 --metrics-file doctor.prom",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := metrics.check(); err != nil {
				return err
			}
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), doctorTimeout)
			defer cancel()
			d := p.doctor(b, monitor)
			findings := p.examine(ctx, b, d)
			return errors.Join(p.printFindings(findings, asJSON), metrics.write(d.Measures(p.Now(), findings)))
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&monitor, "monitor", "", "`URL` of the nats-server's monitoring port; an up has none, and needs none")
	metrics.flag(cmd)
	return cmd
}

// doctor is a doctor of the bridge that was found.
func (p *Program) doctor(b *bridge, monitor string) operate.Doctor {
	return operate.Doctor{
		Config: b.Config, Library: b.Library, Packs: b.packs, Now: p.Now,
		Embedded: b.Running != nil, Monitor: monitor, Data: b.Folder.Streams(),
	}
}

// examine runs every check; a bus that cannot be reached is a finding like others.
func (p *Program) examine(ctx context.Context, b *bridge, d operate.Doctor) []operate.Finding {
	findings := append(d.Examine(), d.Monitored(ctx)...)
	err := b.onBus(ctx, roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
		findings = append(findings, d.Bus(ctx, js)...)
		return nil
	})
	if err != nil {
		f := operate.Finding{Check: "bus", Verdict: operate.Bad, Found: err.Error()}
		var advice *operate.Advice
		if errors.As(err, &advice) {
			f.Do = advice.Do
		}
		findings = append(findings, f)
	}
	return findings
}

// printFindings prints one line per check and what to do about it. Warnings alone
// are no failure.
func (p *Program) printFindings(findings []operate.Finding, asJSON bool) error {
	bad := 0
	for _, f := range findings {
		if f.Verdict == operate.Bad {
			bad++
		}
		if asJSON {
			continue
		}
		fmt.Fprintf(p.Stdout, "%-4s  %-28s %s\n", f.Verdict, f.Check, strings.ReplaceAll(f.Found, "\n", "\n"+strings.Repeat(" ", 35)))
		if f.Do != "" {
			fmt.Fprintf(p.Stdout, "%s→ %s\n", strings.Repeat(" ", 35), f.Do)
		}
	}
	if asJSON {
		if err := p.printJSON(findings); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("doctor: %d of %d checks fail", bad, len(findings))
	}
	return nil
}
