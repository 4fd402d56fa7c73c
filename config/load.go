package config

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed paybridge.yaml
var shipped []byte

// Shipped is the example configuration, which `paybridge up` runs without one.
func Shipped() []byte { return bytes.Clone(shipped) }

// Load reads and checks the file at path, with secrets from the environment and
// from files. Its error is Problems, or the error of reading the file.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, os.LookupEnv, os.ReadFile)
}

// Judge says what else is wrong with a configuration, in Problems: what this package
// cannot know, such as whether a secret is strong enough for its provider. It is asked
// about a configuration that has problems already, so that all are said at once; a
// setting that could not be read has its default.
type Judge func(*Config) error

// Parse reads and checks a configuration. name is the file's name: it stands in
// problems, and relative paths in the file start from its folder. A secret whose
// environment variable is not set or whose file does not exist is Missing, not a
// problem: see Check. Parse's error is Problems, in the file's order. Where there is
// nothing wrong the judges are not asked: who runs the configuration judges it.
func Parse(name string, data []byte, lookupEnv func(string) (string, bool), readFile func(string) ([]byte, error), judges ...Judge) (*Config, error) {
	c := Default()
	c.File, c.lines = name, map[string]int{}
	sum := sha256.Sum256(data)
	c.Fingerprint = hex.EncodeToString(sum[:8])
	r := &reader{config: c, folder: filepath.Dir(name), lookupEnv: lookupEnv, readFile: readFile}
	if root := r.document(data); root != nil {
		r.read(root)
		r.compare()
		r.judge(judges)
	}
	sort.SliceStable(r.problems, func(i, j int) bool { return r.problems[i].At.Line < r.problems[j].At.Line })
	if err := r.problems.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// judge adds what others find, unless it is said already or follows from what was found
// before: the key itself or something in it could not be read.
func (r *reader) judge(judges []Judge) {
	if len(r.problems) == 0 {
		return
	}
	for _, judge := range judges {
		var found Problems
		before := r.problems
		if !errors.As(judge(r.config), &found) {
			continue
		}
		for _, p := range found {
			follows := func(q Problem) bool { return q.Key == p.Key || strings.HasPrefix(q.Key, p.Key+".") }
			if !slices.ContainsFunc(before, follows) {
				r.problems = append(r.problems, p)
			}
		}
	}
}

// reader fills a configuration from a file and collects what is wrong with it.
type reader struct {
	config    *Config
	problems  Problems
	folder    string // of the file: relative paths start here
	lookupEnv func(string) (string, bool)
	readFile  func(string) ([]byte, error)
}

// problem records what is wrong with a key.
func (r *reader) problem(key, message, hint string) {
	r.problems = append(r.problems, r.config.Problem(key, message, hint))
}

// document is the file's one document; nil where there is nothing to read.
func (r *reader) document(data []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		return &yaml.Node{Kind: yaml.MappingNode}
	case err != nil:
		r.syntax(err)
		return nil
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		r.syntax(err)
		return nil
	}
	return first.Content[0]
}

// yamlError is the shape of the YAML parser's errors.
var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax records an error of the YAML parser; nil stands for a second document.
func (r *reader) syntax(err error) {
	p := Problem{At: Position{File: r.config.File}, Message: "there is a second document", Hint: "one file holds one configuration: remove the line ---"}
	if err != nil {
		p.Message, p.Hint = "not YAML", ""
		if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
			p.At.Line, _ = strconv.Atoi(m[1])
			p.Message += ": " + m[2]
		}
		// The parser quotes the anchor, which may be a secret that begins with an
		// unquoted asterisk.
		if bytes.Contains([]byte(p.Message), []byte("anchor")) {
			p.Message, p.Hint = "not YAML: an anchor that does not exist, or that holds itself", `a value that begins with "*" or "&" needs quotes`
		}
	}
	r.problems = append(r.problems, p)
}
