package event

import (
	"strings"

	"github.com/nats-io/nats.go"
)

// Mode is how an event is put into a message.
type Mode string

// The modes of the NATS binding of CloudEvents.
const (
	Structured Mode = "structured" // the data is the whole event
	Binary     Mode = "binary"     // the attributes are headers
)

const (
	contentTypeHeader     = "Content-Type"
	structuredContentType = "application/cloudevents+json"
	attributePrefix       = "ce-"

	envelopeRoom = 2048 // bytes of an event without its native payload: most need less
)

// Valid reports whether m is one of the two.
func (m Mode) Valid() bool { return m == Structured || m == Binary }

// BusSubject is where e is published: see [Subject], the function.
func (e *Event) BusSubject() string {
	return Subject(e.SourceName, e.Payment.Kind, e.Payment.State, e.NativeType)
}

// MessageID is e's Nats-Msg-Id: "<source>/<id>". A corrected event of a replay adds
// a space and the run, which no id contains: it is not the event that it corrects.
func (e *Event) MessageID() string {
	id := e.SourceName + "/" + e.ID
	if e.ReplayID != "" {
		id += " " + e.ReplayID
	}
	return id
}

// Message encodes e. Structured mode is exact to version 1.0.2 of the NATS binding
// of CloudEvents, binary mode to the working draft of 1.0.3:
// https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md.
// An event that does not pass Validate is an error.
func (e *Event) Message(mode Mode) (*nats.Msg, error) {
	switch mode {
	case Structured:
		data, err := e.AppendStructured(make([]byte, 0, envelopeRoom+len(e.Native)))
		if err != nil {
			return nil, err
		}
		return &nats.Msg{Subject: e.BusSubject(), Data: data, Header: nats.Header{
			nats.MsgIdHdr:     {e.MessageID()},
			contentTypeHeader: {structuredContentType},
		}}, nil
	case Binary:
		return e.binaryMessage()
	default:
		return nil, &FieldError{"mode", "is neither structured nor binary"}
	}
}

// binaryMessage is e with its attributes as headers. There is no Content-Type, which
// would make it structured: what the data is stands in ce-datacontenttype.
func (e *Event) binaryMessage() (*nats.Msg, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	w := writer{buf: make([]byte, 0, envelopeRoom+len(e.Native))}
	e.appendData(&w)
	if w.err != nil {
		return nil, w.err
	}
	var room [18]attribute
	attributes := e.attributes(room[:0])
	header := make(nats.Header, len(attributes)+1)
	values := make([]string, len(attributes)) // one allocation for all headers
	for i, a := range attributes {
		values[i] = percentEncode(a.value)
		header[attributePrefix+a.name] = values[i : i+1 : i+1]
	}
	header[nats.MsgIdHdr] = []string{e.MessageID()}
	return &nats.Msg{Subject: e.BusSubject(), Header: header, Data: w.buf}, nil
}

// isStructured tells the mode of a message by its headers: a Content-Type of
// CloudEvents is structured, and so is a message without any sign of CloudEvents,
// which is all that version 1.0.2 of the binding asks for. Header names have no case.
func isStructured(h nats.Header) (bool, error) {
	binary := false
	for name, values := range h {
		if len(name) > len(attributePrefix) && strings.EqualFold(name[:len(attributePrefix)], attributePrefix) {
			binary = true
		}
		if !strings.EqualFold(name, contentTypeHeader) || len(values) == 0 {
			continue
		}
		media, _, _ := strings.Cut(strings.ToLower(values[0]), ";")
		switch media = strings.TrimSpace(media); {
		case media == structuredContentType, media == "application/cloudevents":
			return true, nil
		case strings.HasPrefix(media, "application/cloudevents"):
			return false, &FieldError{contentTypeHeader, "is a format of CloudEvents other than JSON"}
		}
	}
	return !binary, nil
}
