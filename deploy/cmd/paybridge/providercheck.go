package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/deploy/operate"
	"paybridge/deploy/operate/proof"
	"paybridge/schemas/provider"
)

// packFolder reads the pack in a folder alone.
func packFolder(dir string) (*provider.Library, string, error) { return proof.Folder(dir) }

// providerCheck is `provider check`.
func (p *Program) providerCheck() *cobra.Command {
	var pl place
	var asJSON, update, verbose bool
	var a asking
	var why string
	cmd := &cobra.Command{
		Use:   "check DIR|NAME...",
		Short: "prove a pack: fixtures, attacks, and that every parameter is pinned",
		Long: `Compiles both halves of a pack, runs every fixture through them, and compares the
events with those in its file. Then it attacks: bytes flipped, headers dropped and
doubled, secrets swapped, clocks moved; each must be refused. Last, it changes every
parameter of the signature, one at a time: a change that no fixture notices was a
guess, and fails the check. Of a folder that holds packs, each is checked.

--update writes what is missing into the pack's folder: the events of fixtures that
have none, and a case for each parameter that nothing pins; cases that it made before and
that nothing needs any more it removes. What people wrote is only added to. Read what it
wrote: it is what the pack does, not what is right. At a terminal it says first which
files, and asks; --yes does not ask, --dry-run only says it. Run again it goes on.`,
		Example: `  paybridge provider check ./packs/acme
  paybridge provider check ./packs/acme --update --dry-run
  paybridge provider check ./packs/acme --update
  paybridge provider check pik bidali --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.dry && !update {
				return &operate.Advice{Err: errors.New("--dry-run is of --update: without it nothing is written"), Do: "leave it out, or say --update --dry-run"}
			}
			var reports []proof.Report
			for _, arg := range packsIn(args) {
				if update {
					if err := p.update(cmd.Context(), arg, a, why, asJSON); err != nil {
						return err
					}
				}
				lib, name, err := p.pack(pl, arg)
				if err != nil {
					return err
				}
				report, err := proof.Check(lib, name)
				if err != nil {
					return err
				}
				reports = append(reports, report)
			}
			return p.printReports(reports, asJSON, verbose)
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&update, "update", false, "write missing events and missing cases into the folder")
	a.flags(cmd)
	cmd.Flags().StringVar(&why, "why", "", "with --update: why, for the audit line")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "also list every fixture, every attack and what pins each parameter")
	return cmd
}

// packsIn puts the packs in place of a folder that holds packs and is none.
func packsIn(args []string) (all []string) {
	for _, arg := range args {
		inside := heldPacks(arg)
		if len(inside) == 0 {
			inside = []string{arg}
		}
		all = append(all, inside...)
	}
	return all
}

// heldPacks lists the packs that a folder holds; none where it is a pack itself.
func heldPacks(dir string) (packs []string) {
	if _, err := os.Stat(filepath.Join(dir, "provider.yaml")); err == nil {
		return nil
	}
	entries, _ := os.ReadDir(dir) // what is no folder holds none
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), "provider.yaml")); err == nil {
			packs = append(packs, filepath.Join(dir, e.Name()))
		}
	}
	return packs
}

// update completes a pack's folder and says what it wrote, or with --dry-run what it would
// write; a person is asked between the two.
func (p *Program) update(ctx context.Context, dir string, a asking, why string, asJSON bool) error {
	if _, err := os.Stat(filepath.Join(dir, "provider.yaml")); err != nil {
		return &operate.Advice{Err: fmt.Errorf("--update: %w", err), Do: "name the pack's folder: a built-in pack cannot be written"}
	}
	if a.dry || p.asks(a, asJSON) {
		plan, err := proof.PlanUpdate(dir)
		if err != nil {
			return err
		}
		printUpdated(p.talk(asJSON), plan, "to be written: ", "to be removed: ", "no case is to be written or removed")
		if a.dry || len(plan.Written)+len(plan.Removed) == 0 {
			return nil
		}
		if err := p.agreed(ctx, a, asJSON); err != nil {
			return err
		}
	}
	updated, err := proof.Update(dir)
	p.auditLine("provider check --update", why, err, zap.String("pack", dir),
		zap.Any("counts", map[string]int{"written": len(updated.Written), "removed": len(updated.Removed)}))
	if !asJSON {
		printUpdated(p.Stdout, updated, "wrote ", "removed ", "no case was written or removed")
	}
	return err
}

// printUpdated names the files.
func printUpdated(w io.Writer, u proof.Updated, wrote, removed, failing string) {
	for _, file := range u.Written {
		fmt.Fprintf(w, "%s%s\n", wrote, file)
	}
	for _, file := range u.Removed {
		fmt.Fprintf(w, "%s%s\n", removed, file)
	}
	if len(u.Written)+len(u.Removed)+u.Failing == 0 {
		fmt.Fprintln(w, "nothing is missing and nothing is left over")
	}
	if u.Failing > 0 {
		fmt.Fprintf(w, "%s: %s first\n", failing, fail(u.Failing))
	}
}

// printReports prints what was found; the error says which packs are not proven.
func (p *Program) printReports(reports []proof.Report, asJSON, verbose bool) error {
	var bad []string
	for _, r := range reports {
		if !r.OK() {
			bad = append(bad, r.Pack)
		}
		if !asJSON {
			p.printReport(r, verbose)
		}
	}
	if asJSON {
		if err := p.printJSON(reports); err != nil {
			return err
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return &operate.Advice{
		Err: fmt.Errorf("provider check: %s: not proven", strings.Join(bad, ", ")),
		Do:  advice(reports),
	}
}

// advice is what to do about packs that are not proven: --update, where it helps.
func advice(reports []proof.Report) string {
	const all = "each ✗ above names what is wrong"
	for _, r := range reports {
		unpinned := slices.ContainsFunc(r.Mutations, func(m proof.Mutation) bool { return m.PinnedBy == "" })
		if unpinned || slices.ContainsFunc(r.Fixtures, proof.Case.LacksEvents) {
			return all + "; --update writes missing events and missing cases into a pack's folder"
		}
	}
	return all
}

// printReport prints one pack: the sums of fixtures, attacks and mutations, and last,
// where the eye is, all that is wrong.
func (p *Program) printReport(r proof.Report, verbose bool) {
	fmt.Fprintf(p.Stdout, "%s\n", r.Pack)
	p.printFixtures(r, verbose)
	p.printAttacks(r, verbose)
	p.printMutations(r, verbose)
	problems := slices.Clone(r.Problems)
	for _, c := range r.Fixtures {
		problems = append(problems, c.Problems...)
	}
	for _, a := range r.Attacks {
		if n := len(a.Accepted); n > 0 {
			problems = append(problems, fmt.Sprintf("%s: ACCEPTED × %d, such as %s", a.Name, n, a.Accepted[0]))
		}
	}
	for _, m := range r.Mutations {
		if m.PinnedBy == "" {
			problems = append(problems, "not pinned by any fixture: "+m.Change)
		}
	}
	for _, problem := range problems {
		fmt.Fprintf(p.Stdout, "  ✗ %s\n", problem)
	}
}

// printFixtures sums up the fixtures.
func (p *Program) printFixtures(r proof.Report, verbose bool) {
	good, events := 0, 0
	for _, c := range r.Fixtures {
		events += c.Events
		if len(c.Problems) == 0 {
			good++
			if verbose {
				fmt.Fprintf(p.Stdout, "  ✓ %s: %d, %d events\n", c.Name, c.Answer, c.Events)
			}
		}
	}
	if len(r.Fixtures) > 0 {
		fmt.Fprintf(p.Stdout, "  fixtures: %d of %d as they say, %d events\n", good, len(r.Fixtures), events)
	}
}

// printAttacks sums up what was tried; verbose: with how each kind ended.
func (p *Program) printAttacks(r proof.Report, verbose bool) {
	tried, accepted := 0, 0
	t := p.table("  ATTACK", "TRIED", "REFUSED AS")
	for _, a := range r.Attacks {
		tried, accepted = tried+a.Tried, accepted+len(a.Accepted)
		var reasons []string
		for _, reason := range slices.Sorted(maps.Keys(a.Refused)) {
			reasons = append(reasons, fmt.Sprintf("%s × %d", reason, a.Refused[reason]))
		}
		if n := len(a.Accepted); n > 0 {
			reasons = append(reasons, fmt.Sprintf("ACCEPTED × %d", n))
		}
		t.row("  "+a.Name, a.Tried, strings.Join(reasons, ", "))
	}
	if tried == 0 {
		return
	}
	if verbose {
		_ = t.flush() // a terminal that is gone reads no more
	}
	fmt.Fprintf(p.Stdout, "  attacks: %d of %d refused\n", tried-accepted, tried)
}

// printMutations sums up which parameters a fixture pins.
func (p *Program) printMutations(r proof.Report, verbose bool) {
	if n := r.Failing(); n > 0 {
		fmt.Fprintf(p.Stdout, "  parameters: not tested, %s first\n", fail(n))
	}
	pinned := 0
	for _, m := range r.Mutations {
		switch {
		case m.PinnedBy == "":
			continue
		case verbose:
			fmt.Fprintf(p.Stdout, "  ✓ %s: noticed by %s\n", m.Change, m.PinnedBy)
		}
		pinned++
	}
	if len(r.Mutations) > 0 {
		fmt.Fprintf(p.Stdout, "  parameters: %d of %d changes are noticed by a fixture\n", pinned, len(r.Mutations))
	}
}

// fail says how many fixtures stand in the way.
func fail(n int) string {
	if n == 1 {
		return "1 fixture fails"
	}
	return fmt.Sprintf("%d fixtures fail", n)
}
