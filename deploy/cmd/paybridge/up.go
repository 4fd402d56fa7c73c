package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/deploy/operate"
	"paybridge/schemas/provider"
)

// upCommand is `up`.
func (p *Program) upCommand() *cobra.Command {
	var pl place
	cmd := &cobra.Command{
		Use:   "up",
		Short: "run everything in one process: NATS server, ingress and normalizer",
		Long: `Runs an embedded NATS server with JetStream on loopback, creates the streams, and
starts the ingress and the normalizer, the same code as in the production programs.
Without --config it runs the shipped configuration.

Where a source or the seal has no key (its environment variable is not set, its
file is absent), up makes one, keeps it in the data folder with mode 0600 and says
so. What it creates and changes of the streams is an audit line on stderr; what would
lose a stored message is refused.

Sources, secrets, seal keys and packs that change in their files are taken over within
seconds, or at SIGHUP. Ctrl-C stops it; nothing in hand is dropped.`,
		Example: `  paybridge up
  paybridge up --config paybridge.yaml --data ./paybridge-data`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.up(cmd.Context(), pl) },
	}
	pl.flags(cmd)
	return cmd
}

// up holds the folder, completes the configuration, runs the stack until ctx is
// canceled or a role gives up, and takes everything down in reverse.
func (p *Program) up(ctx context.Context, pl place) error {
	folder := p.folder(pl)
	if err := folder.Make(); err != nil {
		return err
	}
	lock, err := folder.Lock()
	if err != nil {
		return err
	}
	defer lock.Release() //nolint:errcheck // the kernel drops it anyway
	file := ""
	if pl.config != "" {
		if file, err = filepath.Abs(pl.config); err != nil {
			return err
		}
	}
	reads := &completing{program: p, folder: folder, file: file, typed: pl.config}
	reload := reads.reloader()
	c, err := reload.Load()
	if err != nil {
		return err
	}
	p.printGenerated(reads.generated)
	s, err := p.start(ctx, c, reads.library, folder.Streams(), zap.InfoLevel, reload)
	if err != nil {
		return quiet(ctx, err)
	}
	if anyChange(s.changes) {
		p.auditLine("up", "", nil, zap.Strings("changes", shortChanges(s.changes)), zap.Any("counts", countChanges(s.changes)))
	}
	running := s.running(p, file, c.Ingress.TLS.Enabled())
	if err := folder.Announce(running); err != nil {
		return errors.Join(err, s.stop())
	}
	stopReloading := reload.Start()
	p.printReady(pl, folder, c, running)
	select {
	case <-ctx.Done():
		err = nil
	case <-s.ended:
		err = s.why()
	}
	stopReloading()
	return errors.Join(err, folder.Retire(), s.stop())
}

// quiet turns an interrupted start into a clean exit: it was asked for.
func quiet(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// complete reads the configuration and fills in the secrets that it leaves out.
func (p *Program) complete(folder operate.Folder, file, typed string) (*config.Config, *provider.Library, []operate.Generated, error) {
	c, err := p.load(file, typed)
	if err != nil {
		return nil, nil, nil, err
	}
	lib, generated, err := p.fill(folder, c)
	return c, lib, generated, err
}

// fill completes what was read, with secrets that stay the same once they are made.
func (p *Program) fill(folder operate.Folder, c *config.Config) (*provider.Library, []operate.Generated, error) {
	c.NATS = config.Default().NATS // the bus is the embedded one: a key that is missing for another is not missed
	lib, err := library(c)
	if err != nil {
		return nil, nil, err
	}
	generated, err := operate.Secrets{Folder: folder, Library: lib}.Fill(c, true)
	if err != nil {
		return nil, nil, err
	}
	return lib, generated, c.Check()
}

// printGenerated says which secrets nobody gave, where they are, and which are new.
func (p *Program) printGenerated(generated []operate.Generated) {
	if len(generated) == 0 {
		return
	}
	fmt.Fprintln(p.Stdout, "secrets that the configuration does not give, kept in the data folder (mode 0600):")
	for _, g := range generated {
		made := "kept from before"
		if g.New {
			made = "made now"
		}
		fmt.Fprintf(p.Stdout, "  %-16s  %s  %s\n", made, g.File, g.Of)
	}
	fmt.Fprintln(p.Stdout)
}

// printReady says what listens where and what to type next. Its last line is the
// promise that everything works.
func (p *Program) printReady(pl place, folder operate.Folder, c *config.Config, r operate.Running) {
	synced := "fsync before every acknowledgement"
	if !c.Embedded.Sync.Always {
		synced = fmt.Sprintf("fsync every %s: a power cut loses that much", c.Embedded.Sync.Interval)
	}
	fmt.Fprintf(p.Stdout, "webhooks  %s/webhooks/<source>\n", r.Webhooks)
	fmt.Fprintf(p.Stdout, "admin     %s  (/livez /readyz /metrics /schemas/)\n", r.Admin)
	fmt.Fprintf(p.Stdout, "NATS      %s  (%s)\n", r.NATS, synced)
	fmt.Fprintf(p.Stdout, "data      %s\n\n", folder.Path)

	fmt.Fprintln(p.Stdout, "in another terminal, watch the events, and send a webhook as each provider would:")
	fmt.Fprintf(p.Stdout, "  %s tail%s\n", p.Name, dataFlag(pl))
	for _, source := range c.Sources {
		fmt.Fprintf(p.Stdout, "  %s send %s%s\n", p.Name, source.Name, dataFlag(pl))
	}
	fmt.Fprintf(p.Stdout, "\nready: %d sources; Ctrl-C stops\n", len(c.Sources))
}

// dataFlag repeats --data for the other terminal, where it was given. The
// configuration need not be: the running up tells it.
func dataFlag(pl place) string {
	if pl.data == "" {
		return ""
	}
	path := pl.data
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return " --data " + shellWord(path)
}

// shellWord quotes a word for a POSIX shell where it must be.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+,:=@%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
