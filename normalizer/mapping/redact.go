package mapping

import (
	"paybridge/schemas/delivery"
)

// Personal is how many fields the pack lists as personal; 0 means that Redact hides
// nothing.
func (p *Program) Personal() int { return len(p.personal) }

// Redact is d's body with what the pack lists as personal hidden in every item, and
// everything else byte for byte; of a form, every pair is written anew. A body whose items
// cannot be listed, such as a ping or one that does not decode, has a Dead instead:
// nobody knows what in it is personal.
func (p *Program) Redact(d *delivery.Delivery) (body []byte, dead *Dead) {
	doc, dead := p.Decode(d)
	if dead != nil {
		return nil, dead
	}
	r, err := p.start(d, doc)
	if err != nil {
		return nil, &Dead{Reason: delivery.MappingFailed, Problem: "the evaluation cannot begin"}
	}
	defer r.close()
	if dead := r.ignored(); dead != nil {
		return nil, dead
	}
	nodes, dead := r.itemNodes(doc)
	if dead != nil {
		return nil, dead
	}
	for _, n := range nodes {
		if n == nil {
			return nil, &Dead{Reason: delivery.MappingFailed, Problem: "items: an element is not a part of the body"}
		}
	}
	if p.form {
		return doc.RedactForm(nodes, p.personal), nil
	}
	return doc.RedactItems(nodes, p.personal), nil
}
