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
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "look for what keeps the bridge from starting, or from keeping its promises",
		Long: `Checks secrets, seal, packs, the bus and how it syncs, the streams, payload limit,
sizes, the memory of the duplicate windows, clocks and disk. Changes nothing.

Exit code 1 if a check fails.`,
		Example: "  paybridge doctor\n  paybridge doctor --config paybridge.yaml --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.findBus(pl)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), doctorTimeout)
			defer cancel()
			return p.printFindings(p.examine(ctx, b), asJSON)
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// examine runs every check; a bus that cannot be reached is a finding like others.
func (p *Program) examine(ctx context.Context, b *bridge) []operate.Finding {
	d := operate.Doctor{
		Config: b.Config, Library: b.Library, Packs: b.packs, Now: p.Now,
		Embedded: b.Running != nil, Data: b.Folder.Streams(),
	}
	findings := d.Examine()
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
