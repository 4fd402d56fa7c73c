package proof

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"

	"paybridge/schemas/provider"
)

// caseFile is case.yaml in the order in which people read it.
type caseFile struct {
	ReceivedAt string    `yaml:"received_at"`
	Method     string    `yaml:"method,omitempty"`
	Endpoint   string    `yaml:"endpoint,omitempty"`
	URL        string    `yaml:"url,omitempty"`
	Query      string    `yaml:"query,omitempty"`
	Secrets    yaml.Node `yaml:"secrets"`
	AllowWeak  bool      `yaml:"allow_weak,omitempty"`
	Answer     int       `yaml:"answer"`
	AnswerType string    `yaml:"answer_type,omitempty"`
	AnswerBody string    `yaml:"answer_body,omitempty"`
	Stored     []string  `yaml:"stored,omitempty,flow"`
	DeadLetter string    `yaml:"dead_letter,omitempty"`
	Sequence   uint64    `yaml:"sequence,omitempty"`
}

// archive writes a fixture as its file.
func archive(f provider.Fixture) ([]byte, error) {
	c := caseFile{
		ReceivedAt: f.ReceivedAt.Format(time.RFC3339Nano), Endpoint: f.Endpoint, URL: f.URL, Query: f.Query,
		AllowWeak: f.AllowWeak, Answer: f.Answer, AnswerType: f.AnswerType, AnswerBody: f.AnswerBody,
		Stored: f.Stored, DeadLetter: f.DeadLetter,
	}
	if f.Method != "POST" {
		c.Method = f.Method
	}
	if f.Sequence != 1 {
		c.Sequence = f.Sequence
	}
	c.Secrets.Kind = yaml.MappingNode
	for _, s := range f.Secrets {
		c.Secrets.Content = append(c.Secrets.Content,
			&yaml.Node{Kind: yaml.ScalarNode, Value: s.ID},
			&yaml.Node{Kind: yaml.ScalarNode, Value: s.Text, Style: yaml.DoubleQuotedStyle})
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(c); err != nil {
		return nil, err
	}
	a := &txtar.Archive{Comment: []byte(f.Doc + "\n\n"), Files: []txtar.File{
		{Name: "case.yaml", Data: text.Bytes()},
		{Name: "headers", Data: headerLines(f.Header)},
		bodyFile(f.Body),
	}}
	for i, e := range f.Events {
		a.Files = append(a.Files, txtar.File{Name: fmt.Sprintf("event-%d.json", i), Data: e})
	}
	return txtar.Format(a), nil
}

// headerLines is a fixture's headers, in the order of their names.
func headerLines(h map[string][]string) []byte {
	var lines bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fmt.Fprintf(&lines, "%s: %s\n", name, value)
		}
	}
	return lines.Bytes()
}

// bodyFile is the body as text where an archive carries its every byte.
func bodyFile(body []byte) txtar.File {
	const marker = "-- "
	if utf8.Valid(body) && !bytes.ContainsAny(body, "\r") && !bytes.HasPrefix(body, []byte(marker)) && !bytes.Contains(body, []byte("\n"+marker)) {
		return txtar.File{Name: "body", Data: append(slices.Clone(body), '\n')}
	}
	var lines bytes.Buffer
	for chunk := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(body)), 76) {
		lines.Write(chunk)
		lines.WriteByte('\n')
	}
	return txtar.File{Name: "body.base64", Data: lines.Bytes()}
}

// eventFile is a structured event as people read it: indented, without the members
// that no fixture compares.
func eventFile(structured []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(structured))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	var members []string
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		if text, ok := name.(string); ok && !slices.Contains(notCompared, text) {
			members = append(members, fmt.Sprintf("%q:%s", text, value))
		}
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte("{"+strings.Join(members, ",")+"}"), "", "  "); err != nil {
		return nil, err
	}
	return append(indented.Bytes(), '\n'), nil
}
