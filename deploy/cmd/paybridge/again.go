package main

import (
	"strings"

	"github.com/spf13/cobra"

	"paybridge/deploy/normalizerd"
	"paybridge/deploy/operate"
)

// again is the command as it was typed, to be pasted.
func (p *Program) again() string {
	words := []string{p.Name}
	for _, arg := range p.Args {
		words = append(words, shellWord(arg))
	}
	return strings.Join(words, " ")
}

// cursorFlag declares --cursor.
func cursorFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "cursor", "", "keep in `FILE` how far it is, and go on from there when it is run again")
}

// typed are the flags of a selection as they were typed: a time that is counted from now
// is another one when the command is run again, and what is meant is the same.
func (s *selection) typed() []operate.Same {
	return []operate.Same{{What: "--source", Value: s.source}, {What: "--since", Value: s.since}, {What: "--until", Value: s.until}, {What: "--seq", Value: s.seq}}
}

// sameProgram is what makes the same events of the same deliveries.
func (b *bridge) sameProgram() ([]operate.Same, error) {
	digest, err := normalizerd.Digest(b.Config, b.Library)
	v := readVersion()
	return []operate.Same{{What: "the digest of the packs", Value: digest}, {What: "the program", Value: strings.TrimSpace(v.Version + " " + v.Revision)}}, err
}
