package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"paybridge/config"
	"paybridge/deploy/normalizerd"
	"paybridge/deploy/operate"
	"paybridge/normalizer"
	"paybridge/schemas/provider"
)

// place is where a command looks for the bridge: the flags that most commands share.
type place struct {
	config string
	data   string
}

// flags declares --config and --data.
func (pl *place) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&pl.config, "config", "", "configuration `FILE` (default: that of the running up, else the shipped one)")
	cmd.Flags().StringVar(&pl.data, "data", "", "data `FOLDER` of up (default: $XDG_STATE_HOME/paybridge, else ~/.local/state/paybridge)")
}

// folder is the data folder that is meant.
func (p *Program) folder(pl place) operate.Folder {
	if pl.data != "" {
		return operate.Folder{Path: pl.data}
	}
	return operate.DefaultFolder(p.LookupEnv)
}

// bridge is what a command found: the configuration in force, its packs and, if
// one runs, the local `up`.
type bridge struct {
	Folder  operate.Folder
	File    string // absolute path of the configuration; "" for the shipped one
	Config  *config.Config
	Library *provider.Library
	packs   error            // why providers_dir cannot be read; then Library is the built-in packs
	Running *operate.Running // nil where no `up` runs with this configuration
}

// find is findBus for commands that need every pack.
func (p *Program) find(pl place) (*bridge, error) {
	b, err := p.findBus(pl)
	if err == nil {
		err = b.packs
	}
	return b, err
}

// findBus reads the configuration and looks for a running `up`. An `up` counts only
// where it runs with the same configuration: with another file named, the bus of
// that file is meant. A folder of packs that cannot be read is no error here: the bus
// is looked at all the same, and most of all then.
func (p *Program) findBus(pl place) (*bridge, error) {
	b := &bridge{Folder: p.folder(pl)}
	running, ok, err := b.Folder.Running()
	if err != nil {
		return nil, err
	}
	if pl.config != "" {
		if b.File, err = filepath.Abs(pl.config); err != nil {
			return nil, err
		}
	} else if ok {
		b.File = running.Config
	}
	if ok && running.Config == b.File {
		b.Running = &running
	}
	if b.Config, err = p.load(b.File, pl.config); err != nil {
		return nil, err
	}
	b.Library, b.packs = library(b.Config)
	if b.packs != nil {
		if b.Library, err = provider.BuiltIn(); err != nil {
			return nil, err
		}
	}
	_, err = operate.Secrets{Folder: b.Folder, Library: b.Library}.Fill(b.Config, false)
	return b, err
}

// load reads a configuration file, or the shipped one where file is "". typed is
// the name that stands in problems, as the operator wrote it. The judges are Parse's.
func (p *Program) load(file, typed string, judges ...config.Judge) (*config.Config, error) {
	if file == "" {
		return config.Parse("paybridge.yaml", config.Shipped(), p.LookupEnv, p.ReadFile)
	}
	ofUp := typed == ""
	if ofUp {
		typed = file
	}
	text, err := p.ReadFile(file)
	if err != nil {
		do := "name a file that is there with --config, or leave it out for the shipped configuration"
		if ofUp {
			do = "the running `paybridge up` was started with it: put it back, or name another with --config"
		}
		return nil, &operate.Advice{Err: &mistake{fmt.Errorf("configuration: %w", err)}, Do: do}
	}
	return config.Parse(typed, text, p.LookupEnv, p.ReadFile, judges...)
}

// library is the built-in packs and those of providers_dir.
func library(c *config.Config) (*provider.Library, error) {
	lib, err := provider.BuiltIn()
	if err != nil || c.ProvidersDir == "" {
		return lib, err
	}
	// A root keeps links of a pack from leading out of the folder.
	root, err := os.OpenRoot(c.ProvidersDir)
	if err != nil {
		return nil, config.Problems{c.Problem("providers_dir", err.Error(), "name a folder that holds one folder per pack")}
	}
	return lib.With(root.FS(), c.ProvidersDir)
}

// programs are the sources' packs, compiled; those that do compile also beside an error.
func (b *bridge) programs() (normalizer.Programs, error) {
	programs, problems := normalizerd.Programs(b.Config, b.Library)
	switch {
	case b.packs != nil:
		return programs, b.packs
	case len(problems) > 0:
		return programs, problems
	}
	return programs, nil
}

// mistake is an error that only a change of the configuration cures.
type mistake struct{ error }

// Unwrap gives programs the kind of the mistake.
func (m *mistake) Unwrap() error { return m.error }

// NATS is how to connect to the bus that is meant: the embedded server of the
// running `up`, else what the configuration says.
func (b *bridge) NATS() config.NATS {
	if b.Running != nil {
		return config.NATS{URL: b.Running.NATS}
	}
	return b.Config.NATS
}

// connectTimeout bounds how long a command waits for the bus to answer at all.
const connectTimeout = 5 * time.Second

// connection is a connection to the bus in one role of deploy/nats.
type connection struct {
	js     jetstream.JetStream
	role   string
	denied atomic.Pointer[error] // the last thing that the server did not permit
}

// connect connects in a role, whose inbox prefix the server's permissions name.
func (b *bridge) connect(role string) (*connection, error) {
	at := b.NATS()
	options, err := at.Options("paybridge "+role, "_INBOX_"+role)
	if err != nil {
		return nil, err
	}
	c := &connection{role: role}
	nc, err := nats.Connect(at.URL, append(options, nats.Timeout(connectTimeout), nats.ErrorHandler(c.note))...)
	if err != nil {
		return nil, &operate.Advice{
			Err: fmt.Errorf("bus %s: %w", at.URL, err),
			Do:  b.unreachable(err),
		}
	}
	c.js, err = jetstream.New(nc)
	return c, err
}

// note remembers a refusal: what was refused only times out.
func (c *connection) note(_ *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrPermissionViolation) {
		c.denied.Store(&err)
	}
}

// explain says that a failure was a refusal, and who may do it.
func (c *connection) explain(err error) error {
	denied := c.denied.Load()
	if err == nil || denied == nil {
		return err
	}
	return &operate.Advice{
		Err: *denied,
		Do:  fmt.Sprintf("use the credentials of the role %s in the configuration, see `paybridge nats init`", c.role),
	}
}

// unreachable says what to do about a bus that does not let us in.
func (b *bridge) unreachable(err error) string {
	if errors.Is(err, nats.ErrAuthorization) {
		return "give nats.credentials or nats.nkey_seed of a user that may connect, in the configuration"
	}
	return "start everything with `paybridge up`, or name the configuration of the bus with --config"
}

// onBus runs work with a connection that is closed after it.
func (b *bridge) onBus(ctx context.Context, role string, work func(context.Context, jetstream.JetStream) error) error {
	c, err := b.connect(role)
	if err != nil {
		return err
	}
	defer c.js.Conn().Close()
	return c.explain(work(ctx, c.js))
}

// The roles of deploy/nats that commands take.
const (
	roleOperator    = "operator"    // looks
	roleProvisioner = "provisioner" // writes topology
)
