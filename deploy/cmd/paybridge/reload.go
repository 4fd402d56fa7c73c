package main

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"go.uber.org/zap"

	"paybridge/config"
	"paybridge/deploy/ingressd"
	"paybridge/deploy/normalizerd"
	"paybridge/deploy/operate"
	"paybridge/schemas/provider"
)

// completing is how `up` reads its configuration, at its start and whenever a file
// changes: completed with the generated secrets, the same ones every time.
type completing struct {
	program     *Program
	folder      operate.Folder
	file, typed string

	running   *config.Config // what was read last and was whole; nil at the start
	library   *provider.Library
	generated []operate.Generated
}

// reloader is the reloader of an up; the three parts are both roles and the stack.
func (l *completing) reloader() *config.Reloader {
	r := config.NewReloader(l.load, l.program.logger("up", zap.InfoLevel))
	r.Version, r.Parts, r.Now = readVersion().Version, 3, l.program.Now
	return r
}

// load is the reloader's loader.
func (l *completing) load(readFile func(string) ([]byte, error)) (*config.Config, error) {
	p := *l.program
	p.ReadFile = readFile
	c, err := p.load(l.file, l.typed, judge(ingressd.Judge), judge(normalizerd.Judge))
	if err != nil {
		return nil, err
	}
	if l.running != nil {
		if err := l.lost(c).Err(); err != nil {
			return nil, err
		}
	}
	library, generated, err := p.fill(l.folder, c)
	if err != nil {
		return nil, err
	}
	if l.running != nil {
		p.printGenerated(slices.DeleteFunc(slices.Clone(generated), func(g operate.Generated) bool { return !g.New }))
	}
	l.running, l.library, l.generated = c, library, generated
	return c, nil
}

// judge is the judge of a role, which knows that `up` makes the keys that nobody gives.
func judge(role config.Judge) config.Judge {
	return func(c *config.Config) error {
		made := map[string]bool{"seal.keys": true} // of which there is nothing else to say
		for _, list := range keyLists(c) {
			made[list.key+".secrets"] = true
			for _, s := range list.list {
				made[s.Key] = s.Missing()
			}
		}
		var found config.Problems
		if !errors.As(role(c), &found) {
			return nil
		}
		return slices.DeleteFunc(found, func(p config.Problem) bool { return made[p.Key] }).Err()
	}
}

// lost lists the keys that the operator gave and now gives no more. At its start `up`
// would make others in their place; while it runs that would lock a provider out.
func (l *completing) lost(now *config.Config) config.Problems {
	const hint = "give it again, or remove the source; for a generated key, restart"
	given := map[string]bool{}
	for key, secrets := range keyLists(l.running) {
		given[key] = slices.ContainsFunc(secrets.list, l.byOperator)
	}
	var problems config.Problems
	for key, secrets := range keyLists(now) {
		if given[key] && !slices.ContainsFunc(secrets.list, func(s config.Secret) bool { return !s.Missing() }) {
			problems = append(problems, now.Problem(secrets.key, "had a key and has none now", hint))
		}
	}
	slices.SortFunc(problems, func(a, b config.Problem) int { return a.At.Line - b.At.Line })
	return problems
}

// byOperator says that a secret is none of the generated ones.
func (l *completing) byOperator(s config.Secret) bool {
	return !s.Missing() && !strings.HasPrefix(s.From, "file "+filepath.Join(l.folder.Path, "secrets")+string(filepath.Separator))
}

// keyList is one list of keys, and where it stands in the file.
type keyList struct {
	key  string
	list []config.Secret
}

// keyLists are all lists of keys, by what they are keys of.
func keyLists(c *config.Config) map[string]keyList {
	all := map[string]keyList{"seal": {"seal.keys", c.Seal.Keys}}
	for _, s := range c.Sources {
		if len(s.Endpoints) == 0 {
			all["source "+s.Name] = keyList{s.Key, s.Secrets}
		}
		for _, e := range s.Endpoints {
			all["source "+s.Name+"/"+e.Name] = keyList{e.Key, e.Secrets}
		}
	}
	return all
}

// embeddedPart names what of the stack itself needs a restart.
var embeddedPart = config.Part{
	Reads: []string{"embedded", "streams"},
	Prepare: func(*config.Config) (config.Prepared, error) {
		return config.Prepared{Commit: func() error { return nil }}, nil
	},
}
