package ingressd

import (
	"errors"
	"os"
	"strings"

	"paybridge/config"
	"paybridge/schemas/provider"
)

// packs is the library to use; done closes the folder that it reads.
func packs(cfg *config.Config, library *provider.Library) (_ *provider.Library, done func(), err error) {
	if library != nil {
		return library, func() {}, nil
	}
	library, err = provider.BuiltIn()
	if err != nil || cfg.ProvidersDir == "" {
		return library, func() {}, err
	}
	// A root, so that no link in a pack leads out of the folder.
	root, err := os.OpenRoot(cfg.ProvidersDir)
	if err != nil {
		return nil, nil, config.Problems{cfg.Problem("providers_dir", err.Error(), "name a folder that this user may read")}
	}
	library, err = library.With(root.FS(), cfg.ProvidersDir)
	if err != nil {
		return nil, nil, errors.Join(root.Close(), foreign(cfg.Problem("providers_dir", "", ""), err))
	}
	return library, func() { _ = root.Close() }, nil
}

// packProblems are those of the pack of a source.
func packProblems(s config.Source, err error) config.Problems {
	return foreign(config.Problem{At: s.At, Key: s.Key + ".provider"}, err)
}

// foreign takes over what another package found wrong with its own files; what has
// no place of its own is reported at the operator's line.
func foreign(here config.Problem, err error) config.Problems {
	var found provider.Problems
	if !errors.As(err, &found) {
		here.Message = err.Error()
		return config.Problems{here}
	}
	problems := make(config.Problems, len(found))
	for i, p := range found {
		problems[i] = config.Problem{
			At:  config.Position{File: p.At.File, Line: p.At.Line},
			Key: p.Key, Message: p.Message, Hint: p.Hint,
		}
	}
	return problems
}

// packSchemas serves <provider>/<native type>/<version>.json.
func packSchemas(library *provider.Library) func(string) ([]byte, bool) {
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
