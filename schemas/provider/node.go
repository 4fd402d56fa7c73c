package provider

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader collects the problems of one file while its nodes are read. Readers go on
// after a problem, so that an author sees all of them at once.
type reader struct {
	file     string
	before   int // lines of an enclosing archive before the file's first
	problems Problems
}

// at is the place of a node.
func (r *reader) at(n *yaml.Node) Position { return Position{r.file, r.before + n.Line} }

// problem records what is wrong with the value at key.
func (r *reader) problem(n *yaml.Node, key, hint, format string, args ...any) {
	r.problems = append(r.problems, Problem{r.at(n), key, fmt.Sprintf(format, args...), hint})
}

// sorted is the problems in the order of the file; nil where there is none.
func (r *reader) sorted() error {
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.At.Line - b.At.Line })
	return r.problems.err()
}

// parse is the one document of a YAML file. It is read as nodes, which keep lines,
// doubled keys and tags, and never expand an alias: a file cannot grow in memory.
// Where it cannot be read, the only
// problem is recorded and the answer is false.
func (r *reader) parse(data []byte) (object, bool) {
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&document); err != nil {
		line, message := syntaxError(err)
		hint := ""
		if at := cutExpression(data, line); at > 0 {
			line, hint = at, "put the whole expression in single quotes"
		}
		r.problem(&yaml.Node{Line: line}, "", hint, "is not YAML: %s", message)
		return object{}, false
	}
	var second yaml.Node
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		r.problem(&second, "", "write everything before the first ---", "holds more than one document")
		return object{}, false
	}
	return r.object("", document.Content[0])
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxError takes the line out of the parser's message.
func syntaxError(err error) (line int, message string) {
	if errors.Is(err, io.EOF) {
		return 1, "the file is empty"
	}
	found := yamlLine.FindStringSubmatch(err.Error())
	if found == nil {
		return 0, err.Error()
	}
	line, _ = strconv.Atoi(found[1]) // absent: the whole file
	message = strings.TrimPrefix(err.Error(), found[0])
	// The library counts the lines of these from 0, those of the others from 1.
	if strings.HasPrefix(message, "did not find expected") {
		line++
	}
	return line, message
}

// A value that begins with a quoted text and goes on after it, or holds ": ", is cut
// by YAML where an expression of CEL is meant.
var (
	quotedStart = regexp.MustCompile(`(?:^|[{,-])\s*[\w.-]+:\s+(?:"[^"]*"|'[^']*')\s*[^\s#,}\]]`)
	colonInside = regexp.MustCompile(`^\s*[\w.-]+:\s+[^\s"'#].*:\s`)
)

// cutExpression is the line of the expression that YAML cannot read; 0 where the
// mistake is another. The parser's own line is that of the mapping around it.
func cutExpression(data []byte, line int) int {
	lines := strings.Split(string(data), "\n")
	for i := max(line-1, 0); i < len(lines); i++ {
		if quotedStart.MatchString(lines[i]) {
			return i + 1
		}
	}
	if line > 0 && line <= len(lines) && colonInside.MatchString(lines[line-1]) {
		return line
	}
	return 0
}

// object is a mapping with its keys looked up and its path known.
type object struct {
	r      *reader
	path   string
	node   *yaml.Node
	keys   []*yaml.Node // in the order of the file
	values map[string]*yaml.Node
	meant  map[string]bool // keys that are not there because they are misspelled
}

// object reads n as a mapping; false, with a problem recorded, where it is none.
// A key that stands twice is a problem; the first one counts.
func (r *reader) object(path string, n *yaml.Node) (object, bool) {
	o := object{r: r, path: path, node: n, values: map[string]*yaml.Node{}, meant: map[string]bool{}}
	if n.Kind != yaml.MappingNode {
		r.problem(n, path, "write key: value lines", "is %s, not a mapping", kindOf(n))
		return o, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str":
			r.problem(key, path, "write a plain word", "has a key that is %s", kindOf(key))
		case o.values[key.Value] != nil:
			r.problem(key, o.key(key.Value), "remove one", "stands twice")
		default:
			o.keys = append(o.keys, key)
			o.values[key.Value] = value
		}
	}
	return o, true
}

// key is the path of one of o's keys.
func (o object) key(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// has says whether the key is there and not null.
func (o object) has(name string) bool {
	n := o.values[name]
	return n != nil && n.ShortTag() != "!!null"
}

// only reports the keys that are not known. It comes before the keys are read, so
// that one that is misspelled is not missing, too.
func (o object) only(known ...string) {
	for _, key := range o.keys {
		if slices.Contains(known, key.Value) {
			continue
		}
		hint := "write one of: " + strings.Join(known, ", ")
		if near := Nearest(key.Value, known); near != "" && o.values[near] == nil {
			hint = "did you mean " + near + "?"
			o.meant[near] = true
		}
		o.r.problem(key, o.key(key.Value), hint, "is not a key of the format")
	}
}

// missing reports that a key has to be there.
func (o object) missing(name, hint string) {
	if o.meant[name] {
		return // said of the key that was written instead
	}
	o.r.problem(o.node, o.key(name), hint, "is missing")
}

// wrong reports what is wrong with the value of a key that is there.
func (o object) wrong(name, hint, format string, args ...any) {
	o.r.problem(o.values[name], o.key(name), hint, format, args...)
}

// kindOf names a node's type for people.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias (write the value itself)"
	}
	switch n.ShortTag() {
	case "!!null":
		return "empty"
	case "!!str":
		return "text"
	case "!!bool":
		return "a true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	}
	return "of the type " + n.ShortTag()
}
