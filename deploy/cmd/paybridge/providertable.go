package main

import (
	"fmt"
	"os"
	"strings"

	"paybridge/deploy/operate"
	"paybridge/schemas/provider"
)

// The markers between which the README's table stands.
const (
	tableBegin = "<!-- providers: written by `go generate ./...` -->\n"
	tableEnd   = "<!-- end of providers -->\n"
)

// markdownTable is the packs as the README shows them.
func markdownTable(all []listed) string {
	cell := strings.NewReplacer("|", `\|`).Replace
	var b strings.Builder
	b.WriteString("| pack | provider | how it signs | endpoints | confidence |\n|---|---|---|---|---|\n")
	for _, l := range all {
		title := cell(l.Title)
		if len(l.Docs) > 0 {
			title = "[" + title + "](" + l.Docs[0] + ")"
		}
		endpoints := "one"
		if len(l.Endpoints) > 0 {
			endpoints = strings.Join(l.Endpoints, ", ")
		}
		fmt.Fprintf(&b, "| [`%s`](schemas/providers/%s) | %s | %s | %s | %s |\n", l.Name, l.Name, title, cell(l.markdown), endpoints, l.Confidence)
	}
	return b.String()
}

// signsMarkdown is how a provider signs, with the templates as code.
func signsMarkdown(half *provider.Auth) string {
	ways := make([]string, len(half.AnyOf))
	for i, s := range half.AnyOf {
		ways[i] = operate.SchemeText(s)
		if s.Signed != "" {
			ways[i] = strings.Replace(ways[i], s.Signed, "`"+s.Signed+"`", 1)
		}
	}
	return strings.Join(ways, "; or ")
}

// writeBetween puts text between the markers of a file.
func writeBetween(file, text string) error {
	before, _, after, err := between(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(before+tableBegin+text+tableEnd+after), 0o644)
}

// checkBetween fails unless text stands between the markers of a file.
func checkBetween(file, text string) error {
	_, table, _, err := between(file)
	if err == nil && table != text {
		err = &operate.Advice{Err: fmt.Errorf("%s: the table of providers is not current", file), Do: "run `go generate ./...`"}
	}
	return err
}

// between splits a file at the markers.
func between(file string) (before, table, after string, err error) {
	whole, err := os.ReadFile(file)
	if err != nil {
		return "", "", "", err
	}
	before, rest, ok := strings.Cut(string(whole), tableBegin)
	table, after, closed := strings.Cut(rest, tableEnd)
	if !ok || !closed {
		return "", "", "", fmt.Errorf("%s: has no %s and %s", file, strings.TrimSpace(tableBegin), strings.TrimSpace(tableEnd))
	}
	return before, table, after, nil
}
