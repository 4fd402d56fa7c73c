package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/deploy/operate/proof"
)

// providerNew is `provider new`.
func (p *Program) providerNew() *cobra.Command {
	var dir, why string
	var a asking
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "write the commented folder of a new pack, which passes check",
		Long: `Writes the folder NAME: a commented provider.yaml, an example request that is signed
and mapped, and a README with the next steps. It passes ` + "`provider check`" + ` as it is, so
that you change one thing at a time.

Let the configuration's providers_dir name the folder around it, and no rebuild is
needed.

It writes into a folder that is not there yet, and over nothing: interrupted, remove that
folder. At a terminal it says first which files, and asks; --yes does not ask, --dry-run
only says it.`,
		Example: "  paybridge provider new acme --dir ./packs --dry-run\n  paybridge provider new acme --dir ./packs\n  paybridge provider check ./packs/acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.dry || p.asks(a, false) {
				files, err := proof.PlanScaffold(dir, args[0])
				if err != nil {
					return err
				}
				for _, file := range files {
					fmt.Fprintf(p.Stdout, "to be written: %s\n", file)
				}
				if a.dry {
					return nil
				}
				if err := p.agreed(cmd.Context(), a, false); err != nil {
					return err
				}
			}
			written, err := proof.Scaffold(dir, args[0])
			if len(written) > 0 {
				p.auditLine("provider new", why, err, zap.String("pack", filepath.Join(dir, args[0])), zap.Any("counts", map[string]int{"written": len(written)}))
			}
			for _, file := range written {
				fmt.Fprintf(p.Stdout, "wrote %s\n", file)
			}
			if err != nil {
				return err
			}
			folder := filepath.Join(dir, args[0])
			fmt.Fprintf(p.Stdout, "\nnext: put a captured request into %s, then\n  %s provider check %s --update\n",
				shellWord(filepath.Join(folder, "fixtures")), p.Name, shellWord(proof.Typed(folder)))
			return nil
		},
	}
	a.flags(cmd)
	cmd.Flags().StringVar(&why, "why", "", "why, for the audit line")
	cmd.Flags().StringVar(&dir, "dir", ".", "folder in which to make it")
	return cmd
}
