package event

import (
	stdjson "encoding/json"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
)

// Decode is the inverse of [Event.Message], for both modes, and of
// [Event.AppendStructured] with a nil header. It is strict: duplicate keys, invalid
// UTF-8, a missing attribute and attributes that disagree with the payment are
// errors. It is open to what comes later: attributes and payment fields that it does
// not know are left out, and words that it does not know are for Validate to refuse.
// The error never holds a value. NativeType and SourceName are not on the wire.
func Decode(h nats.Header, data []byte) (Event, error) {
	structured, err := isStructured(h)
	if err != nil {
		return Event{}, err
	}
	var d decoder
	if structured {
		data, err = d.structured(data)
	} else {
		err = d.binary(h)
	}
	if err != nil {
		return Event{}, err
	}
	if err := d.data(data); err != nil {
		return Event{}, err
	}
	if err := d.complete(); err != nil {
		return Event{}, err
	}
	return d.event, nil
}

// decoder collects an event and what is checked at the end.
type decoder struct {
	event                                       Event
	specVersion, contentType, time, kind, state string
}

// complete checks that the attributes are those of a CloudEvent of this bridge.
func (d *decoder) complete() error {
	media, _, _ := strings.Cut(strings.ToLower(d.contentType), ";")
	var err error
	if d.time != "" {
		if d.event.Time, err = time.Parse(time.RFC3339Nano, d.time); err != nil {
			return &FieldError{"time", "is not RFC 3339"}
		}
		d.event.Time = d.event.Time.UTC()
	}
	switch {
	case d.specVersion != specVersion:
		return &FieldError{"specversion", "is not 1.0"}
	case d.event.ID == "":
		return &FieldError{"id", "is missing"}
	case d.event.Source == "":
		return &FieldError{"source", "is missing"}
	case d.event.Type == "":
		return &FieldError{"type", "is missing"}
	case d.contentType != "" && strings.TrimSpace(media) != dataContentType:
		return &FieldError{"datacontenttype", "is not application/json"}
	case d.kind != string(d.event.Payment.Kind):
		return &FieldError{"paymentkind", "is not the kind in the data"}
	case d.state != string(d.event.Payment.State):
		return &FieldError{"paymentstate", "is not the state in the data"}
	}
	return nil
}

// structured reads the attributes from a JSON event and returns its data.
func (d *decoder) structured(message []byte) (data []byte, err error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(message, &members); err != nil {
		return nil, &FieldError{"message", "is not one JSON object with unique keys in UTF-8"}
	}
	for name, value := range members {
		if name == "data" {
			data = value
			continue
		}
		if name == "data_base64" {
			return nil, &FieldError{name, "is not how this bridge carries data"}
		}
		into := d.field(name)
		if into == nil {
			continue
		}
		if err := json.Unmarshal(value, into); err != nil { // null is as absent: the text stays ""
			return nil, &FieldError{name, "is not a string"}
		}
	}
	return data, nil
}

// binary reads the attributes from headers.
func (d *decoder) binary(h nats.Header) error {
	seen := make(map[string]bool, len(h))
	for header, values := range h {
		name, found := strings.CutPrefix(strings.ToLower(header), attributePrefix)
		into := d.field(name)
		if !found || into == nil {
			continue
		}
		if len(values) != 1 || seen[name] {
			return &FieldError{attributePrefix + name, "is not there exactly once"}
		}
		seen[name] = true
		text, err := percentDecode(values[0])
		if err != nil {
			return &FieldError{attributePrefix + name, err.Error()}
		}
		*into = text
	}
	return nil
}

// field is where the text of an attribute goes, nil where it is none of ours.
func (d *decoder) field(name string) *string {
	e := &d.event
	switch name {
	case "specversion":
		return &d.specVersion
	case "id":
		return &e.ID
	case "source":
		return &e.Source
	case "type":
		return &e.Type
	case "subject":
		return &e.Subject
	case "time":
		return &d.time
	case "datacontenttype":
		return &d.contentType
	case "dataschema":
		return &e.DataSchema
	case "provider":
		return &e.Provider
	case "paymentkind":
		return &d.kind
	case "paymentstate":
		return &d.state
	case "sequence":
		return &e.Sequence
	case "partitionkey":
		return &e.PartitionKey
	case "rawdigest":
		return &e.RawDigest
	case "authscheme":
		return &e.AuthScheme
	case "traceparent":
		return &e.Traceparent
	case "replayid":
		return &e.ReplayID
	case "replaces":
		return &e.Replaces
	}
	return nil
}

// data reads the payment and native.
func (d *decoder) data(data []byte) error {
	var both struct {
		Payment jsontext.Value `json:"payment"`
		Native  jsontext.Value `json:"native"`
	}
	if len(data) == 0 {
		return &FieldError{"data", "is missing"}
	}
	if err := json.Unmarshal(data, &both); err != nil {
		return &FieldError{"data", "is not one JSON object with unique keys in UTF-8"}
	}
	if both.Payment.Kind() != '{' {
		return &FieldError{"payment", "is not there as an object"}
	}
	if err := json.Unmarshal(both.Payment, &d.event.Payment); err != nil {
		return &FieldError{"payment", "has a field that is not of its type"}
	}
	d.event.Native = stdjson.RawMessage(both.Native)
	return nil
}
