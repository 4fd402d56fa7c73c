package provider

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// scalar reads n as text. Numbers, dates and true or false are refused rather
// than turned into text, so that what the author sees is what the program has.
func (r *reader) scalar(n *yaml.Node, key string) (Text, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		return Text{n.Value, r.at(n)}, true
	}
	hint := "write text"
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		hint = "put it in quotes: " + strconv.Quote(n.Value)
	}
	r.problem(n, key, hint, "is %s, not text", kindOf(n))
	return Text{}, false
}

// text is the value of a key that may be left out; it may not be empty.
func (o object) text(name string) Text {
	n := o.values[name]
	if n == nil {
		return Text{}
	}
	// An empty text is refused: an author who means "nothing" leaves the key out.
	t, ok := o.r.scalar(n, o.key(name))
	if ok && t.Text == "" {
		o.wrong(name, "write it, or leave the key out", "is empty")
	}
	return t
}

// need is the value of a key that has to be there.
func (o object) need(name, hint string) Text {
	if o.values[name] == nil {
		o.missing(name, hint)
		return Text{}
	}
	return o.text(name)
}

// choice is the value of a key out of a closed set; or is what it is where the key
// is left out, "" where it must not be. Case matters: a word has one spelling.
func (o object) choice(name, or string, words ...string) string {
	hint := "write one of: " + strings.Join(words, ", ")
	if o.values[name] == nil {
		if or == "" {
			o.missing(name, hint)
		}
		return or
	}
	t, ok := o.r.scalar(o.values[name], o.key(name))
	if ok && !slices.Contains(words, t.Text) {
		o.wrong(name, hint, "%q is not known", t.Text)
	}
	return t.Text
}

// flag is the value of a key that is true or false; false where it is left out.
func (o object) flag(name string) bool {
	n := o.values[name]
	if n == nil {
		return false
	}
	var b bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&b) != nil {
		o.wrong(name, "write true or false", "is %s", kindOf(n))
	}
	return b
}

// span is the value of a key that is a duration over zero; zero where it is left out.
func (o object) span(name string, most time.Duration) time.Duration {
	n := o.values[name]
	if n == nil {
		return 0
	}
	const hint = "write a number and a unit: 30s, 5m, 1h"
	if seconds, err := strconv.Atoi(n.Value); err == nil && seconds > 0 && n.ShortTag() == "!!int" {
		write := fmt.Sprintf("write %ds", seconds)
		if seconds%60 == 0 {
			write += fmt.Sprintf(" or %dm", seconds/60)
		}
		o.wrong(name, write, "has no unit")
		return 0
	}
	t, ok := o.r.scalar(n, o.key(name))
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(t.Text)
	switch {
	case err != nil:
		o.wrong(name, hint, "%q is not a duration", t.Text)
	// A tolerance of nothing refuses everything, one of a year nothing.
	case d <= 0 || d > most:
		o.wrong(name, hint, "%s is not over 0 and at most %s", t.Text, most)
	}
	return d
}

// list is the items of a list; nil where the key is left out.
func (o object) list(name string) []*yaml.Node {
	n := o.values[name]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		o.wrong(name, "write [first, second]", "is %s, not a list", kindOf(n))
		return nil
	}
	return n.Content
}

// texts is a list of texts, none of them empty or doubled.
func (o object) texts(name string) []Text {
	var all []Text
	for i, n := range o.list(name) {
		key := o.item(name, i)
		t, ok := o.r.scalar(n, key)
		switch {
		case !ok:
		case t.Text == "":
			o.r.problem(n, key, "write it, or remove the item", "is empty")
		case slices.ContainsFunc(all, func(other Text) bool { return other.Text == t.Text }):
			o.r.problem(n, key, "remove one", "%q stands twice", t.Text)
		default:
			all = append(all, t)
		}
	}
	return all
}

// item is the path of an item of a list.
func (o object) item(name string, i int) string {
	return o.key(name) + "[" + strconv.Itoa(i) + "]"
}

// words is texts without their places.
func words(texts []Text) []string {
	var all []string
	for _, t := range texts {
		all = append(all, t.Text)
	}
	return all
}
