package operate

import (
	"maps"
	"net/textproto"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"paybridge/normalizer"
	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
	"paybridge/schemas/provider"
)

// Redactor hides what a pack lists as personal. *mapping.Program is one.
type Redactor interface {
	// Redact is the delivery's body without it, or why nobody knows what in it is personal.
	Redact(d *delivery.Delivery) ([]byte, *mapping.Dead)
	// Personal is how many fields the pack lists; 0 means that Redact hides nothing.
	Personal() int
}

// Redaction is how the deliveries of one source are redacted.
type Redaction struct {
	Redactor
	Signatures []string // canonical names of the headers that hold a signature
}

// Redactions are those of every configured source.
type Redactions map[normalizer.Pack]Redaction

// NewRedactions makes them of the compiled packs. A source whose pack cannot redact is left
// out, and its bodies are withheld.
func NewRedactions(programs normalizer.Programs, library *provider.Library) (Redactions, error) {
	all := Redactions{}
	for pack, mapper := range programs {
		redactor, ok := mapper.(Redactor)
		if !ok {
			continue
		}
		half, err := library.Auth(pack.Provider)
		if err != nil {
			return nil, err
		}
		r := Redaction{Redactor: redactor}
		for _, scheme := range half.AnyOf {
			for _, name := range scheme.Signature.Headers {
				r.Signatures = append(r.Signatures, textproto.CanonicalMIMEHeaderKey(name))
			}
		}
		all[pack] = r
	}
	return all, nil
}

// redact is a stored delivery without what is personal. Neither its seal nor its
// signature is right any more, so that they are left out, and so are its signed query
// and its message id, which is a hash of the whole body. unlisted is its provider where
// the pack lists nothing.
func (r Redactions) redact(m *natsjs.RawStreamMsg) (p portable, unlisted string) {
	p = portable{Sequence: m.Sequence, Stored: m.Time.UTC(), Subject: m.Subject}
	d, err := delivery.Decode(m.Subject, m.Header, m.Data)
	if err != nil {
		p.Withheld = "it is no delivery"
		return p, ""
	}
	redaction, known := r[normalizer.Pack{Source: d.Source, Provider: d.Provider}]
	switch body, dead := redaction.body(&d); {
	case !known:
		d.Body, p.Withheld = nil, "its source is not in the configuration"
	case dead != nil:
		d.Body, p.Withheld = nil, string(dead.Reason)
	default:
		d.Body = body
		if redaction.Personal() == 0 {
			unlisted = d.Provider
		}
	}
	d.Query, d.Header = "", maps.Clone(d.Header)
	for _, name := range redaction.Signatures {
		delete(d.Header, name)
	}
	whole := portableOf(&natsjs.RawStreamMsg{Sequence: m.Sequence, Time: m.Time, Subject: m.Subject, Header: d.Message(nil).Header, Data: d.Body})
	whole.Withheld = p.Withheld
	return whole, unlisted
}

// body redacts; a body can make a mapping panic, which must not end an export.
func (r Redaction) body(d *delivery.Delivery) (body []byte, dead *mapping.Dead) {
	if r.Redactor == nil {
		return nil, nil
	}
	defer func() {
		if value := recover(); value != nil {
			body, dead = nil, &mapping.Dead{Reason: delivery.MappingFailed, Problem: "a panic"}
		}
	}()
	return r.Redact(d)
}
