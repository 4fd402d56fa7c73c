package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"paybridge/deploy/operate"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/provider"
)

//go:generate go run . provider list --markdown --write ../../../README.md

// providerCommand is `provider`.
func (p *Program) providerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "provider",
		Short: "list, show, check and start provider packs",
		Long: `A pack is a folder that says how one provider signs its webhooks and what its
events mean: provider.yaml, its fixtures and its schemas. Data, not code.`,
	}
	cmd.AddCommand(p.providerList(), p.providerShow(), p.providerCheck(), p.providerNew())
	return cmd
}

// listed is one pack in a list.
type listed struct {
	Name       string   `json:"name"`
	Title      string   `json:"title"`
	Signs      string   `json:"signs"`
	Endpoints  []string `json:"endpoints"`
	Confidence string   `json:"confidence"`
	Docs       []string `json:"docs"`
	Fixtures   int      `json:"fixtures"`

	markdown string // Signs, with what is signed as code
}

// list reads the heads of all packs; a pack that cannot be read is an error.
func list(lib *provider.Library) ([]listed, error) {
	var all []listed
	var problems []error
	for _, name := range lib.Names() {
		about, err := lib.About(name)
		half, authErr := lib.Auth(name)
		fixtures, fixtureErr := lib.Fixtures(name)
		if err = errors.Join(err, authErr, fixtureErr); err != nil {
			problems = append(problems, err)
			continue
		}
		all = append(all, listed{
			Name: name, Title: about.Title, Signs: operate.AuthText(half), Endpoints: notNil(about.Endpoints),
			Confidence: about.Confidence, Docs: notNil(about.Docs), Fixtures: len(fixtures),
			markdown: signsMarkdown(half),
		})
	}
	return all, errors.Join(problems...)
}

// providerList is `provider list`; its Markdown form is the README's table.
func (p *Program) providerList() *cobra.Command {
	var pl place
	var asJSON, markdown bool
	var write, check string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "list the packs that are known",
		Example: "  paybridge provider list\n  paybridge provider list --markdown",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			all, err := list(b.Library)
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				return p.printJSON(all)
			case write != "":
				return writeBetween(write, markdownTable(all))
			case check != "":
				return checkBetween(check, markdownTable(all))
			case markdown:
				_, err := fmt.Fprint(p.Stdout, markdownTable(all))
				return err
			}
			room := signsWidth(all)
			t := p.table("NAME", "TITLE", "HOW IT SIGNS", "CONFIDENCE")
			for _, l := range all {
				t.row(l.Name, l.Title, shortened(l.Signs, room), l.Confidence)
			}
			return t.flush()
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print a Markdown table")
	cmd.Flags().StringVar(&write, "write", "", "write the Markdown table into this file, between its markers")
	cmd.Flags().StringVar(&check, "check-readme", "", "fail unless the Markdown table in this file is current")
	for _, name := range []string{"write", "check-readme"} { // for go generate, and for make check
		_ = cmd.Flags().MarkHidden(name)
	}
	return cmd
}

// listWidth is how wide a list is, in characters; `provider show` has the whole.
const listWidth = 100

// signsWidth is what the other columns of a list leave for how a provider signs.
func signsWidth(all []listed) int {
	name, title, confidence := len("NAME"), len("TITLE"), len("CONFIDENCE")
	for _, l := range all {
		name = max(name, utf8.RuneCountInString(l.Name))
		title = max(title, utf8.RuneCountInString(l.Title))
		confidence = max(confidence, utf8.RuneCountInString(l.Confidence))
	}
	const gaps, least = 3 * 2, 24
	return max(listWidth-name-title-confidence-gaps, least)
}

// shortened is a text cut to that many characters.
func shortened(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return strings.TrimRight(string(runes[:most-1]), " ,;") + "…"
}

// shown is a pack for people and programs.
type shown struct {
	listed
	Types    []mapping.RuleInfo `json:"rules"`
	Prefix   string             `json:"type_prefix"`
	Fixtures []string           `json:"fixture_names"`
	Answer   string             `json:"answer"`
}

// providerShow is `provider show`.
func (p *Program) providerShow() *cobra.Command {
	var pl place
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show NAME",
		Short:   "say how a provider signs and what its types become",
		Example: "  paybridge provider show pik",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			lib, name, err := p.pack(pl, args[0])
			if err != nil {
				return err
			}
			s, half, err := show(lib, name)
			if err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(s)
			}
			p.printShown(s, half)
			return nil
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// show reads all of a pack.
func show(lib *provider.Library, name string) (shown, *provider.Auth, error) {
	about, err := lib.About(name)
	if err != nil {
		return shown{}, nil, err
	}
	half, err := lib.Auth(name)
	if err != nil {
		return shown{}, nil, err
	}
	events, err := lib.Events(name)
	if err != nil {
		return shown{}, nil, err
	}
	program, err := mapping.Compile(events, mapping.Settings{})
	if err != nil {
		return shown{}, nil, err
	}
	fixtures, err := lib.Fixtures(name)
	if err != nil {
		return shown{}, nil, err
	}
	s := shown{
		listed: listed{
			Name: name, Title: about.Title, Signs: operate.AuthText(half), Endpoints: notNil(about.Endpoints),
			Confidence: about.Confidence, Docs: notNil(about.Docs),
		},
		Types: program.Rules(), Prefix: events.TypePrefix, Answer: half.Answer.Body,
	}
	for _, f := range fixtures {
		// The cases of the signature's forms are for the tests.
		if f.Answer == http.StatusOK && !strings.HasPrefix(f.Name, "auth-") {
			s.Fixtures = append(s.Fixtures, f.Name)
		}
	}
	return s, half, nil
}

// printShown says of a pack what one wants to compare with the provider's own pages.
func (p *Program) printShown(s shown, half *provider.Auth) {
	fmt.Fprintf(p.Stdout, "%s (%s): %s\n", s.Title, s.Name, s.Confidence)
	for _, doc := range s.Docs {
		fmt.Fprintf(p.Stdout, "  %s\n", doc)
	}
	fmt.Fprintln(p.Stdout, "\nhow it signs:")
	for _, scheme := range half.AnyOf {
		fmt.Fprintf(p.Stdout, "  %s\n", operate.SchemeText(scheme))
	}
	if s.Answer != "" {
		fmt.Fprintf(p.Stdout, "  it wants to read %q in the answer\n", s.Answer)
	}
	if len(s.Endpoints) > 0 {
		fmt.Fprintf(p.Stdout, "\none URL and one secret for each of: %s\n", strings.Join(s.Endpoints, ", "))
	}
	fmt.Fprintf(p.Stdout, "\nwhat its types become (%s.<type>; the first line that matches decides):\n", s.Prefix)
	t := p.table("  KIND", "DIRECTION", "STATE", "NOTES", "WHEN")
	for _, r := range s.Types {
		t.row("  "+open(r.Kind), open(r.Direction), open(r.State), strings.Join(r.Notes, " "), r.When)
	}
	t.row("  unknown", "unknown", "unknown", "", "anything else: published all the same")
	_ = t.flush() // a terminal that is gone reads no more
	fmt.Fprintf(p.Stdout, "\nfixtures, for `%s send`: %s\n", p.Name, strings.Join(s.Fixtures, ", "))
}

// open is a word that a rule leaves to a later one.
func open(word string) string {
	if word == "" {
		return "·"
	}
	return word
}

// pack finds a pack by the folder that it is in, or by its name.
func (p *Program) pack(pl place, arg string) (*provider.Library, string, error) {
	if _, err := os.Stat(filepath.Join(arg, "provider.yaml")); err == nil {
		return packFolder(arg)
	}
	if held := heldPacks(arg); len(held) > 0 {
		return nil, "", &operate.Advice{Err: fmt.Errorf("%s: is no pack, it holds packs", arg), Do: "name one of " + strings.Join(held, ", ")}
	}
	if strings.ContainsRune(arg, filepath.Separator) {
		return nil, "", &operate.Advice{
			Err: fmt.Errorf("%s: there is no provider.yaml in it", arg),
			Do:  fmt.Sprintf("name a pack's folder, or start one with `%s provider new NAME`", p.Name),
		}
	}
	b, err := p.find(pl)
	if err != nil {
		return nil, "", err
	}
	return b.Library, arg, nil
}
