package provider

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// endpointName is the second segment of a webhook's URL and a token of its
// subject; "default" is what a source without endpoints has there.
var endpointName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// readAbout reads the head of a pack: its problems are in r.
func (r *reader) readAbout(root object, folder string) About {
	a := About{
		Name:       r.readName(root, folder),
		Title:      root.need("title", "write how the provider writes its own name").Text,
		Confidence: root.choice("confidence", "", Documented, PartlyDocumented, Unconfirmed),
	}
	for i, t := range root.texts("docs") {
		if !strings.HasPrefix(t.Text, "https://") && !strings.HasPrefix(t.Text, "http://") {
			r.problems = append(r.problems, Problem{t.At, root.item("docs", i), fmt.Sprintf("%q is not a page", t.Text), "write https://…"})
		}
		a.Docs = append(a.Docs, t.Text)
	}
	for i, t := range root.texts("endpoints") {
		if !endpointName.MatchString(t.Text) || t.Text == "default" {
			r.problems = append(r.problems, Problem{t.At, root.item("endpoints", i), fmt.Sprintf("%q is no endpoint's name", t.Text), "write letters, digits, - and _, and not default"})
		}
		a.Endpoints = append(a.Endpoints, t.Text)
	}
	return a
}

// readName reads the name, which has to be the folder's: both halves need it, and
// a copied folder whose file still has the old name is a mistake of its author.
func (r *reader) readName(root object, folder string) string {
	t := root.need("name", "write name: "+folder)
	if t.Text != "" && t.Text != folder {
		root.wrong("name", "write name: "+folder, "%q is not the folder's name", t.Text)
	}
	return t.Text
}

// Endpoint says whether a source of this pack may have an endpoint of the name.
func (a About) Endpoint(name string) bool { return slices.Contains(a.Endpoints, name) }
