// Package provider reads provider packs: the folder that says how one provider
// signs its webhooks and what its events mean. Data, not code.
//
// # The promise
//
// A pack's provider.yaml has two independent halves. The auth half is all that the
// ingress reads; the events half is all that the normalizer reads. Each reader
// decodes its own half strictly and does not look at the other's, so that a
// mistake in a mapping cannot stop the door from opening.
//
// A pack that is not exactly in the format is refused: unknown and doubled keys,
// wrong types, words outside an enumeration, references to nothing. All problems
// of a half are reported at once (see [Problems]), each with its file and line,
// what is wrong and what to write instead. Files have bounded sizes and a pack
// cannot name a file outside its folder.
//
// The package does no I/O of its own (files come from an [io/fs.FS]), reads no
// clock, and knows neither CEL nor HTTP: expressions are compiled by
// normalizer/mapping, schemes by ingress/auth.
package provider

import "strconv"

// Position is a place in a pack's file, for errors: "pik/provider.yaml:12".
type Position struct {
	File string
	Line int // 1-based; 0 where the whole file is meant
}

// String is the place as compilers write it.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// About is the head of provider.yaml, for people.
type About struct {
	Name       string   // pack name: [a-z0-9][a-z0-9_-]{0,63}, the folder's name
	Title      string   // how the provider writes its own name
	Docs       []string // the provider's pages
	Endpoints  []string // names, where the provider wants one URL per kind
	Confidence string   // documented, partly documented or unconfirmed
}

// Documented, PartlyDocumented and Unconfirmed say how far a pack rests on what
// the provider publishes.
const (
	Documented       = "documented"
	PartlyDocumented = "partly documented"
	Unconfirmed      = "unconfirmed"
)
