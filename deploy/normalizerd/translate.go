package normalizerd

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"paybridge/config"
	"paybridge/normalizer"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
	"paybridge/schemas/provider"
)

// packs is the library to use.
func packs(cfg *config.Config, library *provider.Library) (*provider.Library, error) {
	if library != nil {
		return library, nil
	}
	library, err := provider.BuiltIn()
	if err != nil || cfg.ProvidersDir == "" {
		return library, err
	}
	// A root, so that no link in a pack leads out of the folder. The library reads
	// from it for as long as it lives; then the root closes itself.
	root, err := os.OpenRoot(cfg.ProvidersDir)
	if err != nil {
		return nil, config.Problems{cfg.Problem("providers_dir", err.Error(), "name a folder that this user may read")}
	}
	library, err = library.With(root.FS(), cfg.ProvidersDir)
	if err != nil {
		return nil, errors.Join(root.Close(), inPack(cfg, "providers_dir", err))
	}
	return library, nil
}

// schemas serves <provider>/<native type>/<version>.json.
func schemas(library *provider.Library) func(string) ([]byte, bool) {
	return func(path string) ([]byte, bool) {
		name, rest, ok := strings.Cut(path, "/")
		last := strings.LastIndexByte(rest, '/')
		version, json := strings.CutSuffix(rest[last+1:], ".json")
		if !ok || last < 0 || !json {
			return nil, false
		}
		return library.Schema(name, rest[:last], version)
	}
}

// translate is the whole way from a configuration to the normalizer's options; its
// error holds every problem.
func translate(cfg *config.Config, library *provider.Library) (normalizer.Options, error) {
	keys, problems := seals(cfg)
	programs, found := Programs(cfg, library)
	problems = append(problems, found...)
	if len(cfg.Sources) == 0 {
		problems = append(problems, cfg.Problem("sources", "there is no source", "write sources: [{name: pik, provider: pik, …}]"))
	}
	return normalizer.Options{
		Seals: keys, Programs: programs, Mode: event.Mode(cfg.Events.Mode),
		DuplicateWindow: min(cfg.Streams.Payments.DuplicateWindow, cfg.Streams.DeadLetters.DuplicateWindow),
	}, problems.Err()
}

// Judge is what a normalizer would refuse of a configuration.
func Judge(cfg *config.Config) error {
	library, err := packs(cfg, nil)
	if err != nil {
		return err
	}
	_, err = translate(cfg, library)
	return err
}

// seals makes the keys that deliveries may be sealed with.
func seals(cfg *config.Config) (keys delivery.Keys, problems config.Problems) {
	if len(cfg.Seal.Keys) == 0 {
		return nil, config.Problems{cfg.Problem("seal.keys", "there is no key to open deliveries with",
			"write seal: {keys: [{id: k1, file: FILE}]} with the same key for ingress and normalizer")}
	}
	for _, s := range cfg.Seal.Keys {
		if s.Missing() {
			problems = append(problems, config.Problem{At: s.At, Key: s.Key, Message: "the secret has no value: " + s.From + " is not there"})
			continue
		}
		newKey := delivery.NewKey
		if s.AllowWeak {
			newKey = delivery.NewWeakKey
		}
		key, err := newKey(s.ID, s.Reveal())
		if err != nil {
			problems = append(problems, config.Problem{At: s.At, Key: s.Key, Message: err.Error()})
			continue
		}
		keys = append(keys, key)
	}
	return keys, problems
}

// Programs compiles the events half of every configured source's pack, each pack
// once. What it returns is whole only where there are no problems; a pack that has one
// is not in it.
func Programs(cfg *config.Config, library *provider.Library) (normalizer.Programs, config.Problems) {
	settings := mapping.Settings{
		SourceBase: base(cfg.Events.SourceBase),
		SchemaBase: base(cfg.Events.SchemaBase),
		TypePrefix: cfg.Events.TypePrefix,
		Native:     mapping.Native(cfg.Events.Native),
		Unsampled:  unsampled(cfg.Normalizer.Tracing),
	}
	programs := make(normalizer.Programs, len(cfg.Sources))
	compiled := make(map[string]*mapping.Program)
	var problems config.Problems
	for _, s := range cfg.Sources {
		program, before := compiled[s.Provider]
		if !before {
			var err error
			program, err = compile(library, s, settings)
			problems = append(problems, inPack(cfg, s.Key+".provider", err)...)
			compiled[s.Provider] = program
		}
		if program != nil { // a nil program in an interface would not be nil
			programs[normalizer.Pack{Source: s.Name, Provider: s.Provider}] = program
		}
	}
	return programs, problems
}

func compile(library *provider.Library, s config.Source, settings mapping.Settings) (*mapping.Program, error) {
	if names := library.Names(); !slices.Contains(names, s.Provider) {
		return nil, fmt.Errorf("there is no pack %q: one of %s", s.Provider, strings.Join(names, ", "))
	}
	half, err := library.Events(s.Provider)
	if err != nil {
		return nil, err
	}
	program, err := mapping.Compile(half, settings)
	if err != nil {
		return nil, err
	}
	// A mistake in the auth half is the ingress's to report.
	if auth, err := library.Auth(s.Provider); err == nil {
		if problems := program.Unstored(auth); len(problems) > 0 {
			return nil, problems
		}
	}
	return program, nil
}

// inPack turns what is wrong with a pack into problems at the pack's own lines, or
// else at the key of the configuration that names it.
func inPack(cfg *config.Config, key string, err error) config.Problems {
	var mistakes provider.Problems
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &mistakes):
		return config.Problems{cfg.Problem(key, err.Error(), "")}
	}
	problems := make(config.Problems, len(mistakes))
	for i, m := range mistakes {
		problems[i] = config.Problem{At: config.Position(m.At), Key: m.Key, Message: m.Message, Hint: m.Hint}
	}
	return problems
}

// base ends a base with what stands between it and a name: a slash in a URL, so that
// it stays one, else a colon.
func base(text string) string {
	switch {
	case text == "" || strings.HasSuffix(text, ":") || strings.HasSuffix(text, "/"):
		return text
	case strings.Contains(text, "://"):
		return text + "/"
	}
	return text + ":"
}

// unsampled is the share of started traces that no event calls recorded. Where
// nothing is traced here, whoever consumes is free to record them all.
func unsampled(t config.Tracing) float64 {
	if !t.Enabled() {
		return 0
	}
	return 1 - t.Sample
}
