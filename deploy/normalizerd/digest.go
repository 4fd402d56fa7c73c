package normalizerd

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"paybridge/config"
	"paybridge/schemas/provider"
)

// Digest is what decides what a delivery becomes, in short: the packs of the sources and
// the settings that they are compiled with. The same digest, from the same program, means
// the same events; a pack's README and fixtures do not count.
func Digest(cfg *config.Config, library *provider.Library) (string, error) {
	sum := sha256.New()
	var packs []string
	part := func(what string, value any) error {
		text, err := json.Marshal(map[string]any{what: value})
		sum.Write(text)
		return err
	}
	for _, s := range cfg.Sources {
		if err := part("source", []string{s.Name, s.Provider}); err != nil {
			return "", err
		}
		packs = append(packs, s.Provider)
	}
	settings := []string{cfg.Events.SourceBase, cfg.Events.SchemaBase, string(cfg.Events.Native)}
	if err := part("settings", []any{settings, cfg.Events.TypePrefix}); err != nil {
		return "", err
	}
	slices.Sort(packs)
	for _, name := range slices.Compact(packs) {
		files := library.Files(name)
		if files == nil {
			return "", fmt.Errorf("there is no pack %q", name)
		}
		entries, err := fs.ReadDir(files, ".")
		if err != nil {
			return "", err
		}
		for _, entry := range entries { // in the order of their names
			if entry.Name() != "provider.yaml" && !strings.HasSuffix(entry.Name(), ".schema.json") {
				continue
			}
			text, err := fs.ReadFile(files, entry.Name())
			if err != nil {
				return "", err
			}
			if err := part(name+"/"+entry.Name(), text); err != nil {
				return "", err
			}
		}
	}
	return "sha256-" + hex.EncodeToString(sum.Sum(nil)), nil
}
