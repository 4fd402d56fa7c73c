package event

import (
	"slices"
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
func (e *Event) Message(mode Mode) (*nats.Msg, error) { return new(Room).Message(e, mode) }

// Room is the memory of one message: it is most of what an event leaves to the garbage
// collector. The zero value is ready for use.
type Room struct {
	msg    nats.Msg
	data   []byte
	values []string // of all headers: one allocation instead of one per header
}

// Message is [Event.Message] in this room: it ends the message that was in it before,
// which nobody may look at any more.
func (r *Room) Message(e *Event, mode Mode) (*nats.Msg, error) {
	r.clear(envelopeRoom + len(e.Native))
	var err error
	switch mode {
	case Structured:
		err = r.structured(e)
	case Binary:
		err = r.binary(e)
	default:
		err = &FieldError{"mode", "is neither structured nor binary"}
	}
	if err != nil {
		return nil, err
	}
	r.set(nats.MsgIdHdr, e.MessageID())
	r.msg.Subject, r.msg.Data = e.BusSubject(), r.data
	return &r.msg, nil
}

// clear makes room for so many bytes of data.
func (r *Room) clear(size int) {
	if cap(r.data) < size {
		r.data = make([]byte, 0, size)
	}
	if r.msg.Header == nil {
		r.msg.Header = make(nats.Header)
	}
	clear(r.msg.Header)
	clear(r.values)
	r.data, r.values, r.msg = r.data[:0], r.values[:0], nats.Msg{Header: r.msg.Header}
}

// set gives a header its value.
func (r *Room) set(name, value string) {
	r.values = append(r.values, value)
	n := len(r.values)
	r.msg.Header[name] = r.values[n-1 : n : n]
}

func (r *Room) structured(e *Event) error {
	var err error
	if r.data, err = e.AppendStructured(r.data); err != nil {
		return err
	}
	r.values = slices.Grow(r.values, 2)
	r.set(contentTypeHeader, structuredContentType)
	return nil
}

// binary is e with its attributes as headers. There is no Content-Type, which would
// make it structured: what the data is stands in ce-datacontenttype.
func (r *Room) binary(e *Event) error {
	if err := e.Validate(); err != nil {
		return err
	}
	w := writer{buf: r.data}
	e.appendData(&w)
	r.data = w.buf
	var room [18]attribute
	attributes := e.attributes(room[:0])
	r.values = slices.Grow(r.values, len(attributes)+1)
	for _, a := range attributes {
		r.set(attributePrefix+a.name, percentEncode(a.value))
	}
	return w.err
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
