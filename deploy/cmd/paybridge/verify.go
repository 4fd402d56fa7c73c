package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/config"
	"paybridge/deploy/ingressd"
	"paybridge/deploy/operate"
	"paybridge/schemas/delivery"
)

// selection is the flags of a range of stored deliveries.
type selection struct{ source, since, until, seq string }

// flags declares the flags of a range.
func (s *selection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.source, "source", "", "only deliveries of this source")
	cmd.Flags().StringVar(&s.since, "since", "", "only those stored since then: a duration or a time")
	cmd.Flags().StringVar(&s.until, "until", "", "only those stored before then")
	cmd.Flags().StringVar(&s.seq, "seq", "", "only these sequences: A-B, A- or A")
}

// read makes a range of what was typed.
func (s *selection) read(p *Program) (r operate.Range, err error) {
	if s.source != "" {
		r.Subject = "webhooks." + s.source + ".*"
	}
	if r.Since, err = operate.Moment(s.since, p.Now()); err != nil {
		return r, err
	}
	if r.Until, err = operate.Moment(s.until, p.Now()); err != nil {
		return r, err
	}
	if !r.Until.IsZero() && !r.Since.Before(r.Until) {
		return r, &operate.Advice{
			Err: fmt.Errorf("--since %s is not before --until %s: nothing is between them", s.since, s.until),
			Do:  "--since is the earlier end: `--since 2d --until 1d` is what was stored two days to one day ago",
		}
	}
	r.From, r.To, err = operate.Sequences(s.seq)
	return r, err
}

// verifyCommand is `verify`.
func (p *Program) verifyCommand() *cobra.Command {
	var pl place
	var s selection
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "re-check stored deliveries: seals, and signatures at their own received-at",
		Long: `Re-checks what is stored in WEBHOOKS as if it came today, with its own received-at as
the clock: that an ingress sealed it, and that the provider signed it. It uses the
secrets of the configuration; keep old ones in it for as long as you want to verify
what they signed. A static token is not stored: such deliveries are sealed only.

Exit code 1 if any delivery fails, or if nothing is stored of the selection that is made.`,
		Example:     "  paybridge verify --since 1d\n  paybridge verify --seq 1000-2000 --source pik",
		Args:        cobra.NoArgs,
		Annotations: goesOn("run it again, or a part of it with --since or --seq"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := s.read(p)
			if err != nil {
				return err
			}
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			v, err := b.verifiers()
			if err != nil {
				return err
			}
			return b.onBus(cmd.Context(), roleOperator, func(ctx context.Context, js natsjs.JetStream) error {
				if err := b.known(ctx, js, s.source); err != nil {
					return err
				}
				v.Progress = p.progress("deliveries")
				return p.verify(ctx, js, v, r, asJSON)
			})
		},
	}
	pl.flags(cmd)
	s.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// verifiers are the seal's keys and every source's secrets.
func (b *bridge) verifiers() (operate.Verify, error) {
	sources, err := ingressd.Sources(b.Config, b.Library)
	if err != nil {
		return operate.Verify{}, err
	}
	seals, err := b.seals()
	return operate.Verify{Sources: sources, Seals: seals}, err
}

// seals are the seal's keys.
func (b *bridge) seals() (keys delivery.Keys, _ error) {
	for _, s := range b.Config.Seal.Keys {
		key, err := delivery.NewWeakKey(s.ID, s.Reveal()) // what is stored is sealed already
		if err != nil {
			return nil, config.Problems{{At: s.At, Key: s.Key, Message: err.Error()}}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// fewFailures is how many failures are printed one by one.
const fewFailures = 100

// verify runs it and prints the sum; the first failure's advice stands for all.
func (p *Program) verify(ctx context.Context, js natsjs.JetStream, v operate.Verify, r operate.Range, asJSON bool) error {
	failures := []operate.Unverified{}
	failed := 0
	sum, err := v.Run(ctx, js, r, func(u operate.Unverified) {
		if failed++; failed <= fewFailures {
			failures = append(failures, u)
		}
	})
	if err != nil {
		return err
	}
	if asJSON {
		err = p.printJSON(struct {
			operate.Verified
			Failures []operate.Unverified `json:"failures"`
		}{sum, failures})
	} else {
		p.printVerified(sum, failures)
	}
	if err == nil && sum.Deliveries == 0 && r != (operate.Range{}) {
		return operate.NothingMatches("verify")
	}
	if err != nil || failed == 0 {
		return err
	}
	return &operate.Advice{Err: fmt.Errorf("verify: %d of %d deliveries do not verify", failed, sum.Deliveries), Do: failures[0].Do}
}

// printVerified prints the failures and, last, the sum.
func (p *Program) printVerified(sum operate.Verified, failures []operate.Unverified) {
	for _, f := range failures {
		fmt.Fprintf(p.Stdout, "%d  %s  %s\n", f.Sequence, f.Source, f.Problem)
	}
	fmt.Fprintf(p.Stdout, "%d deliveries: %d sealed and signed, %d sealed (a token is not stored)", sum.Deliveries, sum.Signed, sum.SealedOnly)
	for _, problem := range slices.Sorted(maps.Keys(sum.Failed)) {
		fmt.Fprintf(p.Stdout, ", %d × %s", sum.Failed[problem], problem)
	}
	fmt.Fprintln(p.Stdout)
}
