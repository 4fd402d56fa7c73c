package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

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
	cmd := &cobra.Command{
		Use:   "init",
		Short: "write a seed for each role and team, and a nats-server.conf that admits them",
		Long: `Writes one nkey seed for each role (mode 0600, never printed) and a nats-server
configuration with allow lists: the ingress publishes deliveries and reads nothing,
the normalizer consumes them and publishes events, an operator looks, backup copies
streams, the provisioner writes topology, and each team reads its own durable consumer,
and the one that a replay makes beside it, from an account of its own. The roles replay
and reingest are for ` + "`paybridge replay`" + `: lend their seeds, and take them back.

Nothing is overwritten: a second run would lock out who holds a seed of the first.`,
		Example: `  paybridge nats init --dir bus --team ledger
  nats-server -c bus/nats-server.conf
  paybridge streams apply --config provisioner.yaml     # nats: {nkey_seed: {file: bus/provisioner.nk}}
  paybridge consumer add ledger --config provisioner.yaml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			written, err := nats.Init(o)
			if err != nil {
				return fmt.Errorf("nats init: %w", err)
			}
			if asJSON {
				return p.printJSON(written)
			}
			fmt.Fprintf(p.Stdout, "configuration  %s\n", written.Config)
			for _, name := range slices.Sorted(maps.Keys(written.Seeds)) {
				fmt.Fprintf(p.Stdout, "seed           %s  for %s\n", written.Seeds[name], name)
			}
			fmt.Fprintf(p.Stdout, "\nstart the server with\n  nats-server -c %s\nand give each program its own seed:\n  nats: {url: \"nats://%s\", nkey_seed: {file: %s}}\n", written.Config, o.Address(), written.Seeds[nats.Ingress])
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
	jsonFlag(cmd, &asJSON)
	return cmd
}
