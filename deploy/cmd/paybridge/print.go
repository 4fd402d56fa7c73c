package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// jsonFlag declares --json.
func jsonFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "json", false, "print JSON")
}

// printJSON prints one indented JSON value. HTML escaping is off: it is read in terminals.
func (p *Program) printJSON(v any) error {
	encoder := json.NewEncoder(p.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// notNil makes an empty list print as [] and not as null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// table prints aligned columns.
type table struct{ w *tabwriter.Writer }

// table begins a table with its head.
func (p *Program) table(head ...string) table { return newTable(p.Stdout, head...) }

// newTable begins a table on w.
func newTable(w io.Writer, head ...string) table {
	return newGappedTable(w, 2, head...)
}

// newGappedTable is newTable with so many spaces between the columns.
func newGappedTable(w io.Writer, gap int, head ...string) table {
	t := table{tabwriter.NewWriter(w, 0, 0, gap, ' ', 0)}
	fmt.Fprintln(t.w, strings.Join(head, "\t"))
	return t
}

// row adds a line.
func (t table) row(cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = fmt.Sprint(c)
	}
	fmt.Fprintln(t.w, strings.Join(texts, "\t"))
}

// flush prints the table: nothing is printed before, because columns are as wide as
// their widest cell.
func (t table) flush() error { return t.w.Flush() }
