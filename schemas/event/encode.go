package event

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	specVersion     = "1.0"
	dataContentType = "application/json"
)

// attribute is one CloudEvents attribute in its canonical text form.
type attribute struct{ name, value string }

// attributes appends e's attributes to into, in the order in which every mode writes
// them. What e does not have is left out.
func (e *Event) attributes(into []attribute) []attribute {
	for _, a := range [...]attribute{
		{"specversion", specVersion},
		{"id", e.ID},
		{"source", e.Source},
		{"type", e.Type},
		{"subject", e.Subject},
		{"time", e.Time.UTC().Format(time.RFC3339Nano)},
		{"datacontenttype", dataContentType},
		{"dataschema", e.DataSchema},
		{"provider", e.Provider},
		{"paymentkind", string(e.Payment.Kind)},
		{"paymentstate", string(e.Payment.State)},
		{"sequence", e.Sequence},
		{"partitionkey", e.PartitionKey},
		{"rawdigest", e.RawDigest},
		{"authscheme", e.AuthScheme},
		{"traceparent", e.Traceparent},
		{"replayid", e.ReplayID},
		{"replaces", e.Replaces},
	} {
		if a.value != "" {
			into = append(into, a)
		}
	}
	return into
}

// AppendStructured appends e in the CloudEvents JSON format to dst: one pass, in a
// fixed order, native as it is. Native must be valid JSON, as a decoded delivery
// is; it is not parsed again. An event that does not pass Validate is an error, and
// dst is as it was.
func (e *Event) AppendStructured(dst []byte) ([]byte, error) {
	if err := e.Validate(); err != nil {
		return dst, err
	}
	var room [18]attribute
	w := writer{buf: dst}
	separator := byte('{')
	for _, a := range e.attributes(room[:0]) {
		w.buf = append(append(w.buf, separator, '"'), a.name...)
		w.buf = append(w.buf, '"', ':')
		w.text(a.value)
		separator = ','
	}
	w.raw(`,"data":`)
	e.appendData(&w)
	w.raw("}")
	if w.err != nil {
		return dst, w.err
	}
	return w.buf, nil
}

// appendData appends the event's data: the payment and, where it is carried, native.
func (e *Event) appendData(w *writer) {
	w.raw(`{"payment":`)
	e.Payment.append(w)
	if e.Native != nil {
		w.raw(`,"native":`)
		w.buf = append(w.buf, e.Native...)
	}
	w.raw("}")
}

// writer appends JSON and keeps its first error.
type writer struct {
	buf []byte
	at  string // the opening of the member at hand, for the error
	err error
}

func (w *writer) raw(s string) {
	w.buf = append(w.buf, s...)
	if strings.HasSuffix(s, ":") {
		w.at = s
	}
}

// text appends s as a JSON string; invalid UTF-8 is an error.
func (w *writer) text(s string) {
	var err error
	if w.buf, err = jsontext.AppendQuote(w.buf, s); err != nil && w.err == nil {
		w.err = &FieldError{strings.Trim(w.at, `,{":`), "is not valid UTF-8"}
	}
}

// member appends a member's opening, such as `,"id":`, and its text or null.
func (w *writer) member(opening string, s *string) {
	w.raw(opening)
	if s == nil {
		w.raw("null")
		return
	}
	w.text(*s)
}

// texts appends a list, [] where there is none.
func (w *writer) texts(opening string, list []string) {
	w.raw(opening)
	w.raw("[")
	for i, s := range list {
		if i > 0 {
			w.raw(",")
		}
		w.text(s)
	}
	w.raw("]")
}

// append writes every field, in the order of the struct, null where there is nothing:
// a consumer never has to tell absent from null.
func (p *Payment) append(w *writer) {
	w.raw(`{"kind":`)
	w.text(string(p.Kind))
	w.raw(`,"direction":`)
	w.text(string(p.Direction))
	w.raw(`,"state":`)
	w.text(string(p.State))
	w.member(`,"id":`, p.ID)
	w.member(`,"reference":`, p.Reference)
	w.member(`,"parent":`, p.Parent)
	w.raw(`,"rail":`)
	w.text(string(p.Rail))
	p.Amount.append(w, `,"amount":`)
	p.Original.append(w, `,"original":`)
	p.Refunded.append(w, `,"refunded":`)
	p.Fee.append(w, `,"fee":`)
	p.Net.append(w, `,"net":`)
	p.Network.append(w)
	p.Payer.append(w, `,"payer":`)
	p.Payee.append(w, `,"payee":`)
	w.member(`,"occurred_at":`, p.OccurredAt)
	w.raw(`,"received_at":`)
	w.text(p.ReceivedAt)
	w.member(`,"provider_status":`, p.ProviderStatus)
	w.member(`,"provider_code":`, p.ProviderCode)
	w.member(`,"reason":`, p.Reason)
	w.texts(`,"notes":`, p.Notes)
	w.raw("}")
}

// append writes money; null for none.
func (m *Money) append(w *writer, opening string) {
	w.raw(opening)
	if m == nil {
		w.raw("null")
		return
	}
	w.raw(`{"value":`)
	w.text(m.Value)
	w.raw(`,"currency":`)
	w.text(m.Currency)
	w.member(`,"minor":`, m.Minor)
	w.raw(`,"exponent":`)
	if m.Exponent == nil {
		w.raw("null}")
		return
	}
	w.buf = append(strconv.AppendInt(w.buf, int64(*m.Exponent), 10), '}')
}

// append writes the network's facts; null for none.
func (n *Network) append(w *writer) {
	w.raw(`,"network":`)
	if n == nil {
		w.raw("null")
		return
	}
	w.member(`{"end_to_end_id":`, n.EndToEndID)
	w.member(`,"txid":`, n.TxID)
	w.member(`,"return_id":`, n.ReturnID)
	w.member(`,"chain":`, n.Chain)
	w.texts(`,"tx_hashes":`, n.TxHashes)
	w.raw("}")
}

// append writes a payer or payee; null for none.
func (p *Party) append(w *writer, opening string) {
	w.raw(opening)
	if p == nil {
		w.raw("null")
		return
	}
	w.member(`{"name":`, p.Name)
	w.raw(`,"document":`)
	if p.Document == nil {
		w.raw("null")
	} else {
		w.raw(`{"type":`)
		w.text(p.Document.Type)
		w.raw(`,"masked":`)
		w.text(p.Document.Masked)
		w.raw("}")
	}
	w.member(`,"bank_ispb":`, p.BankISPB)
	w.raw("}")
}
