package normalizer

import (
	"paybridge/normalizer/document"
)

// decode decodes the body of a delivery, once, as its pack says. The error is a
// *mapping.Dead.
func decode(m Mapper, r *raw) (*document.Document, error) {
	doc, dead := m.Decode(&r.delivery)
	if dead != nil {
		return nil, dead
	}
	return doc, nil
}
