package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// section is one mapping of the file. Its methods take keys one by one; what
// nobody took is unknown.
type section struct {
	*reader
	path  string // key path: "ingress.tls"; "" for the file's top level
	nodes map[string]*yaml.Node
	order []string // keys as they stand in the file
	known []string // keys that were asked for

	private bool // a key that nobody knows may be a secret in the wrong place
}

// section reads a mapping. A key without a value is an empty mapping; what is not
// a mapping is a problem, and read as empty.
func (r *reader) section(path string, node *yaml.Node) *section {
	s := &section{reader: r, path: path, nodes: map[string]*yaml.Node{}}
	node = dereference(node)
	if isNull(node) {
		return s
	}
	if node.Kind != yaml.MappingNode {
		r.config.lines[path] = node.Line
		r.problem(path, "must hold keys with values", "")
		return s
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], dereference(node.Content[i+1])
		name := key.Value
		if key.Kind != yaml.ScalarNode {
			r.config.lines[s.key("?")] = key.Line
			r.problem(s.key("?"), "a key must be plain text", "")
			continue
		}
		if _, twice := s.nodes[name]; twice {
			r.problems = append(r.problems, Problem{
				At: Position{File: r.config.File, Line: key.Line}, Key: s.key(name),
				Message: fmt.Sprintf("stands here a second time, first in line %d", r.config.lines[s.key(name)]),
			})
			continue
		}
		r.config.lines[s.key(name)] = key.Line
		s.nodes[name] = value
		s.order = append(s.order, name)
	}
	return s
}

// key is the key path of a key in this section.
func (s *section) key(name string) string {
	if s.path == "" {
		return name
	}
	return s.path + "." + name
}

// take is the value of a key; nil where the file does not give one.
func (s *section) take(name string) *yaml.Node {
	s.knows(name)
	if s.present(name) {
		return s.nodes[name]
	}
	return nil
}

// knows makes a key a known one.
func (s *section) knows(name string) {
	if !slices.Contains(s.known, name) {
		s.known = append(s.known, name)
	}
}

// present says that the file gives the key a value.
func (s *section) present(name string) bool { return !isNull(s.nodes[name]) }

// has says that the key stands in the file, even without a value.
func (s *section) has(name string) bool { return s.nodes[name] != nil }

// end reports the keys that nobody took.
func (s *section) end() {
	for _, name := range s.order {
		if slices.Contains(s.known, name) {
			continue
		}
		p := s.config.Problem(s.key(name), "unknown key", "known here: "+strings.Join(s.known, ", "))
		if s.private {
			p.Key = s.path
		}
		s.problems = append(s.problems, p)
	}
}

// in is a section below this one.
func (s *section) in(name string) *section { return s.section(s.key(name), s.take(name)) }

// list is the elements of a sequence with their key paths.
func (s *section) list(name string, each func(key string, node *yaml.Node)) {
	node := s.take(name)
	if node == nil {
		return
	}
	if node.Kind != yaml.SequenceNode {
		s.problem(s.key(name), `must be a list`, `begin each element with "- "`)
		return
	}
	for i, element := range node.Content {
		key := fmt.Sprintf("%s[%d]", s.key(name), i)
		s.config.lines[key] = element.Line
		each(key, dereference(element))
	}
}

// text is the value of a key as it stands in the file, whatever YAML takes it for:
// a secret of digits stays what it is. ok is false where there is none.
func (s *section) text(name string) (text string, ok bool) {
	node := s.take(name)
	if node == nil {
		return "", false
	}
	if node.Kind != yaml.ScalarNode {
		s.problem(s.key(name), "must be a single value", "")
		return "", false
	}
	return node.Value, true
}

// value reads a key with a parser; without the key, or with a problem, into keeps
// what it has. The parser's error says what is wrong, without the subject, and may
// be a Problem with a hint.
func value[T any](s *section, name string, into *T, parse func(string) (T, error)) {
	text, ok := s.text(name)
	if !ok {
		return
	}
	v, err := parse(text)
	if err == nil {
		*into = v
		return
	}
	p := Problem{Message: err.Error()}
	errors.As(err, &p)
	s.problem(s.key(name), p.Message, p.Hint)
}

// wrong is what is wrong with a value, for value.
func wrong(hint, format string, args ...any) error {
	return Problem{Message: fmt.Sprintf(format, args...), Hint: hint}
}

// dereference is the node that an alias stands for.
func dereference(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// isNull says that there is no value.
func isNull(node *yaml.Node) bool {
	return node == nil || node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}
