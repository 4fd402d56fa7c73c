package provider

import (
	_ "embed"
	"encoding/json"
	"errors"
	"io/fs"
	"regexp"
	"strings"
)

// paymentSchema is the canonical payment, "data.payment" of every event.
//
//go:embed payment.schema.json
var paymentSchema []byte

// dialect is the JSON Schema dialect of all that is served.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// dataSchema is the schema of an event's data: its two halves are whole schemas
// of their own, each with its $id, so that their own references stay inside them.
type dataSchema struct {
	Schema     string         `json:"$schema"`
	ID         string         `json:"$id"`
	Title      string         `json:"title"`
	Type       string         `json:"type"`
	Required   []string       `json:"required"`
	Properties map[string]any `json:"properties"`
}

// Schema is what is served at /schemas/<provider>/<native type>/<version>.json: a
// JSON Schema (2020-12) of the data of that event, the canonical payment and the
// pack's schema of the native item. A native type that the pack does not describe
// has a schema that allows any item. The native type is the provider's own, or as
// dataschema has it, escaped. It is false where there is no such pack,
// where the pack's version is another, and where the pack's events half is not
// in order.
func (l *Library) Schema(provider, nativeType, version string) ([]byte, bool) {
	if _, ok := l.packs[provider]; !ok {
		return nil, false
	}
	events, err := l.Events(provider)
	if err != nil || events.Version != version {
		return nil, false
	}
	id := "urn:paybridge:schema:" + provider + ":" + inDataschema(nativeType) + ":" + version
	native := map[string]json.RawMessage{}
	if file := events.schemaFile(nativeType); file != "" {
		if native, err = readSchema(l.packs[provider].files, file); err != nil {
			return nil, false
		}
		native["$schema"] = quote(dialect)
		native["$id"] = quote("urn:paybridge:schema:" + provider + ":native:" + file + ":" + version)
	}
	data, err := json.MarshalIndent(dataSchema{
		Schema:   dialect,
		ID:       id,
		Title:    "data of " + provider + " " + nativeType,
		Type:     "object",
		Required: []string{"payment"},
		Properties: map[string]any{
			"payment": json.RawMessage(paymentSchema),
			"native":  native,
		},
	}, "", "  ")
	return data, err == nil
}

// schemaFile is the file that describes a native type; "" where none does.
func (e *Events) schemaFile(nativeType string) string {
	for name, file := range e.Schemas {
		if name == nativeType || uriText(name) == nativeType {
			return file
		}
	}
	return e.Schemas["*"]
}

// readSchema reads a pack's JSON Schema: a JSON object. Whether it is a good schema
// is for a validator to say (`paybridge provider check`).
func readSchema(files fs.FS, name string) (map[string]json.RawMessage, error) {
	data, err := readFile(files, name, maxPack)
	if err != nil {
		return nil, err
	}
	var schema map[string]json.RawMessage
	if err := json.Unmarshal(data, &schema); err != nil || schema == nil {
		return nil, errors.New("is not a JSON object")
	}
	return schema, nil
}

// inURI are the bytes, letters and digits apart, that stand as they are in the URI
// of a schema; "=" marks an escaped one.
const inURI = "-._~:/[]@!$&'()*+,;"

// uriText is a native type, which can be any bytes, as it stands in dataschema: as
// schemas/event writes it, which the ingress, a reader of packs too, may not reach.
func uriText(text string) string {
	const hex = "0123456789ABCDEF"
	escaped := make([]byte, 0, len(text))
	for _, c := range []byte(text) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(inURI, c) >= 0 {
			escaped = append(escaped, c)
			continue
		}
		escaped = append(escaped, '=', hex[c>>4], hex[c&15])
	}
	return string(escaped)
}

var escapedForm = regexp.MustCompile(`^([^=]|=[0-9A-F]{2})*$`)

// inDataschema is a native type as it stands in dataschema, whether it was taken
// from there or is the provider's own text.
func inDataschema(nativeType string) string {
	if unmarked := strings.ReplaceAll(nativeType, "=", ""); uriText(unmarked) == unmarked && escapedForm.MatchString(nativeType) {
		return nativeType
	}
	return uriText(nativeType)
}

// quote is text as JSON.
func quote(text string) json.RawMessage {
	data, _ := json.Marshal(text) // a string always has a JSON form
	return data
}
