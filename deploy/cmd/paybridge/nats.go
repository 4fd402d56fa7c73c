package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/deploy/nats"
)

func (p *Program) natsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nats",
		Short: "who may do what on the bus: nkeys and the server's configuration",
	}
	cmd.AddCommand(p.natsInit())
	return cmd
}

func (p *Program) natsInit() *cobra.Command {
	var o nats.Options
	var asJSON bool
	var a asking
	var why string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "write a seed for each role and team, and a nats-server.conf that admits them",
		Long: `Writes one nkey seed for each role (mode 0600, never printed) and a nats-server
configuration with allow lists: the ingress publishes deliveries and reads nothing,
the normalizer consumes them and publishes events, an operator looks, backup copies
streams, the provisioner writes topology, and each team reads its own durable consumer,
and the one that a replay makes beside it, from an account of its own. The roles replay
and reingest are for ` + "`paybridge replay`" + `: lend their seeds, and take them back.

Nothing is overwritten: a second run would lock out who holds a seed of the first. To make
all anew, name another folder. Interrupted, remove what it has written and run it again.

` + askingLong,
		Example: `  paybridge nats init --dir bus --team ledger --dry-run
  paybridge nats init --dir bus --team ledger
  nats-server -c bus/nats-server.conf
  paybridge streams apply --config provisioner.yaml     # nats: {nkey_seed: {file: bus/provisioner.nk}}
  paybridge consumer add ledger --config provisioner.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := nats.Plan(o)
			if err != nil {
				return fmt.Errorf("nats init: %w", err)
			}
			if !asJSON || p.asks(a, asJSON) {
				fmt.Fprintf(p.talk(asJSON), "to be written, %d files, none of which is there:\n", 1+len(plan.Seeds))
				printSeeds(p.talk(asJSON), plan)
			}
			if a.dry {
				return p.looked(plan, asJSON)
			}
			if err := p.agreed(cmd.Context(), a, asJSON); err != nil {
				return err
			}
			written, err := nats.Init(o)
			p.auditLine("nats init", why, err, zap.String("dir", o.Dir), zap.Strings("teams", o.Teams), zap.Any("counts", map[string]int{"seeds": len(written.Seeds)}))
			if err != nil {
				return fmt.Errorf("nats init: %w", err)
			}
			if asJSON {
				return p.printJSON(written)
			}
			fmt.Fprintf(p.Stdout, "written: the configuration and %d seeds\n\nstart the server with\n  nats-server -c %s\nand give each program its own seed:\n  nats: {url: \"nats://%s\", nkey_seed: {file: %s}}\n",
				len(written.Seeds), written.Config, o.Address(), written.Seeds[nats.Ingress])
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Dir, "dir", ".", "folder for the configuration and the seeds")
	flags.StringVar(&o.Listen, "listen", "", "host:port of the server (default 127.0.0.1:4222)")
	flags.StringVar(&o.Store, "store", "", "JetStream's folder (default jetstream in --dir)")
	flags.StringVar(&o.Sync, "sync", "always", "fsync before every acknowledgement, or an interval such as 1s")
	flags.IntVar(&o.MaxGB, "max-gb", 24, "JetStream's share of the disk, in GB")
	flags.StringSliceVar(&o.Teams, "team", nil, "a downstream team; repeat or separate by commas")
	flags.StringVar(&why, "why", "", "why, for the audit line")
	jsonFlag(cmd, &asJSON)
	a.flags(cmd)
	return cmd
}

// printSeeds names the files.
func printSeeds(w io.Writer, files nats.Written) {
	fmt.Fprintf(w, "configuration  %s\n", files.Config)
	for _, name := range slices.Sorted(maps.Keys(files.Seeds)) {
		fmt.Fprintf(w, "seed           %s  for %s\n", files.Seeds[name], name)
	}
}
