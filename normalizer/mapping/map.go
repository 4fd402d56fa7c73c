package mapping

import (
	"errors"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"paybridge/normalizer/document"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// noteUnreadableTime says that the provider's time is nonsense, and received-at
// stands in its place.
const noteUnreadableTime = "unreadable_time"

// Decode decodes d's body as the pack says.
func (p *Program) Decode(d *delivery.Delivery) (*document.Document, *Dead) {
	decode := document.Decode
	if p.form {
		decode = document.DecodeForm
	}
	doc, err := decode(d.Body, document.Limits{})
	if err == nil {
		return doc, nil
	}
	var e *document.Error
	if errors.As(err, &e) {
		return nil, &Dead{Reason: e.Reason, Pointer: e.Pointer, Problem: e.Problem}
	}
	return nil, &Dead{Reason: delivery.MalformedJSON, Problem: "the body does not decode"}
}

// Map makes the items of one delivery, in order; sequence is the delivery's in
// the raw stream. A delivery that is ignored, or whose items cannot be listed, is
// one item with a Dead.
func (p *Program) Map(d *delivery.Delivery, doc *document.Document, sequence uint64) []Item {
	// Ignored first: a ping has none of what the rest asks for. Then the items, each by
	// itself, so that one that fails leaves its neighbours alone.
	r, err := p.start(d, doc)
	if err != nil {
		return []Item{{Dead: &Dead{Reason: delivery.MappingFailed, Problem: "the evaluation cannot begin"}}}
	}
	defer r.close()

	if dead := r.ignored(); dead != nil {
		return []Item{{Dead: dead}}
	}
	nodes, dead := r.itemNodes(doc)
	if dead != nil {
		return []Item{{Dead: dead}}
	}
	items := make([]Item, len(nodes))
	for i, n := range nodes {
		if n == nil {
			items[i].Dead = failed("items", "", &failure{problem: "an element is not a part of the body; take objects of it, do not make new ones"})
			continue
		}
		items[i].Event, items[i].Dead = r.event(n, event.Sequence(sequence, i), i)
	}
	return items
}

// failed is the dead letter of what went wrong at a key of the pack.
func failed(key, pointer string, f *failure) *Dead {
	return &Dead{Reason: delivery.MappingFailed, Pointer: pointer, Problem: key + ": " + f.problem}
}

// ignored is the dead letter of a delivery that the pack names as a ping or a test.
func (r *run) ignored() *Dead {
	if r.program.ignore == nil {
		return nil
	}
	ignore, f := r.condition(r.program.ignore)
	switch {
	case f != nil:
		return failed("ignore", "", f)
	case ignore:
		return &Dead{Reason: delivery.Ignored, Problem: "the pack ignores it"}
	}
	return nil
}

// itemNodes lists the items of the delivery; a nil is an element that is none.
func (r *run) itemNodes(doc *document.Document) ([]*document.Node, *Dead) {
	if r.program.items == nil {
		return []*document.Node{doc.Root()}, nil
	}
	v, f := r.eval(r.program.items)
	if f != nil {
		return nil, failed("items", "", f)
	}
	l, ok := v.(traits.Lister)
	if !ok {
		return nil, failed("items", "", &failure{problem: "is not a list"})
	}
	size, _ := l.Size().(types.Int)
	switch {
	case size == 0:
		return nil, failed("items", "", &failure{problem: "the list is empty; write an ignore expression if that is a ping"})
	case size > maxItems:
		return nil, &Dead{Reason: delivery.TooLarge, Problem: "items: more than 1,000 in one delivery"}
	}
	nodes := make([]*document.Node, 0, size)
	// The elements of a list of the body are nodes, whatever they are. Of a list that an
	// expression made, texts and the like have lost theirs.
	if whole, ok := v.(*list); ok {
		for i := range whole.node().Size() {
			nodes = append(nodes, whole.node().At(i))
		}
		return nodes, nil
	}
	for i := l.Iterator(); i.HasNext() == types.True; {
		nodes = append(nodes, node(i.Next()))
	}
	return nodes, nil
}

// event is the whole story of one item: its type, what the rules say of it, its
// payment, its id, its time, its attributes.
func (r *run) event(n *document.Node, sequence string, number int) (*event.Event, *Dead) {
	p, d := r.program, r.delivery
	r.enter(n)
	nativeType, key, f := r.typeOf()
	if f != nil {
		return nil, failed(key, n.Pointer(), f)
	}
	decided, key, f := r.decide()
	if f != nil {
		return nil, failed(key, n.Pointer(), f)
	}
	made := &draft{}
	made.notes = append(made.room[:0], decided.notes...)
	if key, f = r.fillPayment(made, decided); f != nil {
		return nil, failed(key, n.Pointer(), f)
	}
	id, key, f := r.identify(made, decided, n, nativeType)
	if f != nil {
		return nil, failed(key, n.Pointer(), f)
	}
	if f = r.date(made); f != nil {
		return nil, failed("time", n.Pointer(), f)
	}

	e := &made.event
	e.ID = id
	e.Source = p.settings.SourceBase + d.Source
	e.Type = p.settings.TypePrefix + "." + event.AttributeText(nativeType)
	e.DataSchema = p.schema(nativeType)
	e.Provider = p.events.Name
	e.Sequence = sequence
	e.RawDigest = r.digest
	e.AuthScheme = d.Scheme
	e.Traceparent = traceparent(d, r.digest, number, p.settings.Unsampled)
	e.NativeType = nativeType
	e.SourceName = d.Source
	if e.Payment.ID != nil {
		e.Subject = event.AttributeText(*e.Payment.ID)
		e.PartitionKey = d.Source + "/" + e.Subject
	} else {
		e.PartitionKey = d.Source + "/" + e.ID
	}
	// Notes are a set; in one order, the same delivery gives the same bytes.
	slices.Sort(made.notes)
	e.Payment.Notes = slices.Compact(made.notes)
	e.Native = p.native(n)
	return e, nil
}

// typeOf is the native type of the item. It is the one thing that an item must have.
func (r *run) typeOf() (nativeType, key string, f *failure) {
	v, f := r.eval(r.program.nativeType)
	if f != nil {
		return "", "type", f
	}
	text, ok := scalarText(v)
	if !ok {
		return "", "type", &failure{problem: "is a list or an object, not a text"}
	}
	// What follows, rules first, sees it under the name type.
	r.nativeType = types.String(text)
	return text, "", nil
}

// fillPayment makes the payment: the pack's fields, with those of the rules that
// decided in place of the pack's.
func (r *run) fillPayment(made *draft, decided decision) (key string, f *failure) {
	pay := &made.event.Payment
	pay.Kind, pay.Direction, pay.State = decided.kind, decided.direction, decided.state
	pay.Rail = event.UnknownRail
	pay.ReceivedAt = r.delivery.ReceivedAt.UTC().Format(time.RFC3339Nano)
	for _, s := range decided.settings(r.program.payment) {
		v, f := r.eval(s.expression)
		if f == nil && v != types.NullValue {
			f = paymentFields[s.field].fill(made, v)
		}
		if f != nil && !f.absent {
			return s.key, f
		}
	}
	made.finish()
	// An empty id names nothing, and would put unrelated payments into one partition.
	if pay.ID != nil && *pay.ID == "" {
		pay.ID = nil
	}
	return "", nil
}

// date sets when the event happened: what the provider says, or received-at where it
// says nothing or nonsense. A senseless time is never a failure.
func (r *run) date(made *draft) *failure {
	received := r.delivery.ReceivedAt.UTC()
	made.event.Time = received
	if r.program.time == nil {
		return nil
	}
	v, f := r.eval(r.program.time)
	switch {
	// The budget is no matter of the body's sense: an event whose time was not looked at is
	// not published with a guess.
	case f != nil && f.exhausted:
		return f
	case f != nil && f.absent, f == nil && v == types.NullValue:
		return nil
	}
	t, zoneless, ok := occurred(v, received)
	if f != nil || !ok {
		made.notes = append(made.notes, noteUnreadableTime)
		return nil
	}
	if zoneless {
		made.notes = append(made.notes, noteZoneless)
	}
	made.event.Time = t
	made.event.Payment.OccurredAt = made.text(t.Format(time.RFC3339Nano))
	return nil
}

// occurred is v as a time that makes sense: from the year 2000 to ten years after
// it was received.
func occurred(v ref.Val, received time.Time) (t time.Time, zoneless, ok bool) {
	switch v := v.(type) {
	case moment:
		t, zoneless = v.Time, v.zoneless
	case types.Timestamp:
		t = v.Time
	default:
		return t, false, false
	}
	t = t.UTC()
	return t, zoneless, t.Year() >= 2000 && !t.After(received.AddDate(10, 0, 0))
}

// schema is the dataschema of a native type.
func (p *Program) schema(nativeType string) string {
	name, native := p.events.Name, event.URIText(nativeType)
	version := p.events.Version
	if version == "" {
		version = "1"
	}
	if strings.HasSuffix(p.settings.SchemaBase, "/") {
		return p.settings.SchemaBase + name + "/" + native + "/" + version + ".json"
	}
	return p.settings.SchemaBase + name + ":" + native + ":" + version
}

// native is what an event carries of the provider's item.
func (p *Program) native(n *document.Node) []byte {
	switch p.settings.Native {
	case NativeNone:
		return nil
	case NativeRedacted:
		return document.Redact(n, p.personal)
	}
	return n.Raw()
}
