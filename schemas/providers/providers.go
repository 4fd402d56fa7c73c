// Package providers embeds the built-in packs: one folder per provider, each with
// provider.yaml, README.md, its schemas and its fixtures.
//
// It is data only. Package schemas/provider reads it.
package providers

import "embed"

// FS has one folder per built-in pack.
//
//go:embed */provider.yaml */README.md */*.schema.json */fixtures/*.txtar
var FS embed.FS
