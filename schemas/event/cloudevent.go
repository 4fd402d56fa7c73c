package event

import (
	ce "github.com/cloudevents/sdk-go/v2/event"
)

// CloudEvent is e for programs that use the CloudEvents SDK. It is validated by both.
func (e *Event) CloudEvent() (ce.Event, error) {
	if err := e.Validate(); err != nil {
		return ce.Event{}, err
	}
	w := writer{buf: make([]byte, 0, envelopeRoom+len(e.Native))}
	e.appendData(&w)
	if w.err != nil {
		return ce.Event{}, w.err
	}
	out := ce.New(specVersion)
	out.SetTime(e.Time.UTC())
	out.DataEncoded = w.buf
	var room [18]attribute
	for _, a := range e.attributes(room[:0]) {
		switch a.name {
		case "specversion", "time":
		case "id":
			out.SetID(a.value)
		case "source":
			out.SetSource(a.value)
		case "type":
			out.SetType(a.value)
		case "subject":
			out.SetSubject(a.value)
		case "datacontenttype":
			out.SetDataContentType(a.value)
		case "dataschema":
			out.SetDataSchema(a.value)
		default:
			out.SetExtension(a.name, a.value)
		}
	}
	return out, out.Validate()
}
