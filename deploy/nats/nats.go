// Package nats writes who may do what on the bus: one nkey for each role, and the
// nats-server configuration that gives each role the subjects it needs and no
// other.
//
// # The promise
//
// Permissions are allow lists only. The ingress can publish deliveries and read
// nothing. The normalizer can read through its own consumer and publish events
// and dead letters. An operator can look, and pause, and cannot publish, create
// or destroy. A team lives in an account of its own and sees its own durable
// consumer. Only the provisioner writes topology. The backup role writes nothing by
// its own hand, but a snapshot goes to any subject that its asker names: its key is
// to be kept like one that publishes. What permissions cannot say, the content of a
// header, is what the seal is for.
//
// Seeds are secrets: they are written with mode 0600, once, and never printed.
package nats

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/nats-io/nkeys"
)

//go:embed nats-server.conf.tmpl
var configuration string

// ConfigFile is the name of the server's configuration in the folder.
const ConfigFile = "nats-server.conf"

// The roles of the bridge's own account. A role's seed is in "<role>.nk" and its
// inbox prefix is "_INBOX_<role>".
const (
	Ingress     = "ingress"     // publishes deliveries
	Normalizer  = "normalizer"  // consumes deliveries, publishes events and dead letters
	Operator    = "operator"    // looks, and pauses a consumer
	Replay      = "replay"      // reads every stream through consumers of its own, publishes events: lend it, take it back
	Backup      = "backup"      // copies whole streams
	Reingest    = "reingest"    // puts deliveries of another environment in: lend it, take it back
	Provisioner = "provisioner" // writes topology: streams apply, streams restore, consumer add
	System      = "system"      // the system account: server health and metrics
)

// Roles lists every role of the bridge, in the order of the configuration.
func Roles() []string {
	return []string{Ingress, Normalizer, Operator, Replay, Backup, Reingest, Provisioner, System}
}

// Options says what to write.
type Options struct {
	Dir    string   // folder for the configuration and the seeds; made with mode 0700
	Listen string   // host:port of the server; default 127.0.0.1:4222
	Store  string   // JetStream's folder; default "jetstream" in Dir
	Sync   string   // sync_interval: "always" by default
	MaxGB  int      // JetStream's share of the disk, GB; default 24
	Teams  []string // downstream teams; each gets an account and the durable consumer of its name
}

// Written says what Init made.
type Written struct {
	Config string            `json:"config"` // path of the server's configuration
	Seeds  map[string]string `json:"seeds"`  // role or team → path of its seed
}

// teamName is what an account, a consumer and a file can all be called.
var teamName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// Plan says what Init would write, and writes nothing. Where one of the files is already
// there it is an error: a second run would lock out everybody who holds a seed of the first.
func Plan(o Options) (Written, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return Written{}, err
	}
	w := Written{Config: filepath.Join(o.Dir, ConfigFile), Seeds: map[string]string{}}
	for _, name := range append(Roles(), o.Teams...) {
		w.Seeds[name] = filepath.Join(o.Dir, name+".nk")
	}
	return w, absent(w)
}

// Init writes a seed for every role and team and the configuration that admits
// them, or nothing at all where Plan is an error.
func Init(o Options) (Written, error) {
	o = o.withDefaults()
	w, err := Plan(o)
	if err != nil {
		return Written{}, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return Written{}, err
	}
	keys := map[string]string{}
	for _, name := range append(Roles(), o.Teams...) {
		public, err := writeSeed(w.Seeds[name])
		if err != nil {
			return Written{}, err
		}
		keys[name] = public
	}
	text, err := Configuration(o, keys)
	if err != nil {
		return Written{}, err
	}
	return w, os.WriteFile(w.Config, text, 0o600)
}

// Configuration is the server's configuration for public keys by role and team.
func Configuration(o Options, keys map[string]string) ([]byte, error) {
	o = o.withDefaults()
	parsed, err := template.New(ConfigFile).Option("missingkey=error").Parse(configuration)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = parsed.Execute(&text, struct {
		Options
		Streams []string
		Key     map[string]string
	}{o, []string{"WEBHOOKS", "PAYMENTS", "DEADLETTERS"}, keys})
	return text.Bytes(), err
}

// Consumers are the durable consumers of a team: its own, and the one beside it that
// holds what it gets again.
func (o Options) Consumers(team string) []string { return []string{team, team + "-replay"} }

// Address is the host:port that clients connect to.
func (o Options) Address() string { return o.withDefaults().Listen }

func (o Options) withDefaults() Options {
	if o.Dir == "" {
		o.Dir = "."
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:4222"
	}
	if o.Store == "" {
		o.Store = filepath.Join(o.Dir, "jetstream")
	}
	if o.Sync == "" {
		o.Sync = "always"
	}
	if o.MaxGB == 0 {
		o.MaxGB = 24
	}
	return o
}

func (o Options) check() error {
	var problems []error
	seen := map[string]bool{}
	for _, role := range Roles() {
		seen[role] = true
	}
	for _, team := range o.Teams {
		switch {
		case !teamName.MatchString(team):
			problems = append(problems, fmt.Errorf("team %q: a name is 1 to 32 of a-z, 0-9, - and _, a letter or digit first", team))
		case seen[team], seen[team+"-replay"]:
			problems = append(problems, fmt.Errorf("team %q: the name is taken by a role or another team, or by the replay of one", team))
		}
		for _, consumer := range o.Consumers(team) {
			seen[consumer] = true
		}
	}
	if strings.ContainsAny(o.Store, "\"\n") || strings.ContainsAny(o.Listen, "\"\n ") {
		problems = append(problems, errors.New("store and listen: quotes and line ends have no place in them"))
	}
	return errors.Join(problems...)
}

// absent fails where a file that Init would write exists.
func absent(w Written) error {
	paths := []string{w.Config}
	for _, path := range w.Seeds {
		paths = append(paths, path)
	}
	for _, path := range paths {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is already there: choose an empty folder, or remove the old keys once nobody uses them", path)
		}
	}
	return nil
}

// writeSeed makes a user nkey, keeps its seed in a file, and returns its public key.
func writeSeed(path string) (string, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", err
	}
	defer pair.Wipe()
	seed, err := pair.Seed()
	if err != nil {
		return "", err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(append(seed, '\n'))
	return public, errors.Join(err, f.Close())
}
