package proof

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"paybridge/schemas/provider"
)

// schemas are the compiled schemas of a pack's events, by native type.
type schemas struct {
	library *provider.Library
	pack    string
	version string
	files   map[string]string // of the pack, as in its events half
	done    map[string]compiled
}

// compiled is one native type's schema, or why there is none.
type compiled struct {
	schema *jsonschema.Schema
	err    error
}

// newSchemas compiles nothing yet: most packs have one schema for many types.
func newSchemas(lib *provider.Library, pack string, events *provider.Events) *schemas {
	return &schemas{library: lib, pack: pack, version: events.Version, files: events.Schemas, done: map[string]compiled{}}
}

// file is the pack's file that describes a native type; "" where none does.
func (s *schemas) file(nativeType string) string {
	if file := s.files[nativeType]; file != "" {
		return file
	}
	return s.files["*"]
}

// validate lists what of an event's data is not as its schema says.
func (s *schemas) validate(nativeType string, structured []byte) []string {
	c, ok := s.done[nativeType]
	if !ok {
		c = s.compile(nativeType)
		s.done[nativeType] = c
	}
	if c.err != nil {
		return []string{c.err.Error()}
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(structured))
	if err != nil {
		return []string{err.Error()}
	}
	event, _ := whole.(map[string]any)
	err = c.schema.Validate(event["data"])
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		problems := leaves(invalid)
		for i, problem := range problems {
			// The other half is the canonical payment, which no pack writes.
			if file := s.file(nativeType); file != "" && strings.Contains(problem, "'/native") {
				problems[i] = file + ": " + problem
			}
		}
		return problems
	}
	return split(err)
}

// compile compiles what is served for a native type.
func (s *schemas) compile(nativeType string) compiled {
	text, ok := s.library.Schema(s.pack, nativeType, s.version)
	if !ok {
		return compiled{err: fmt.Errorf("there is no schema of %s", nativeType)}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return compiled{err: err}
	}
	const at = "urn:paybridge:check"
	c := jsonschema.NewCompiler()
	c.UseLoader(nothing{})
	if err := c.AddResource(at, doc); err != nil {
		return compiled{err: err}
	}
	schema, err := c.Compile(at)
	return compiled{schema, err}
}

// nothing is a loader that loads nothing: a pack's schema is whole.
type nothing struct{}

// Load refuses: a check that fetched would depend on the network.
func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: a schema may refer to itself only", url)
}

// leaves are the causes that have no further cause, each with its place.
func leaves(e *jsonschema.ValidationError) []string {
	if len(e.Causes) == 0 {
		text := e.Error()
		if i := strings.LastIndexByte(text, '\n'); i >= 0 {
			text = strings.TrimLeft(text[i+1:], "- ")
		}
		return []string{text}
	}
	var all []string
	for _, cause := range e.Causes {
		all = append(all, leaves(cause)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
