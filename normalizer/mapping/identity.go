package mapping

import (
	"crypto/sha256"
	"encoding/base64"

	"paybridge/normalizer/document"
	"paybridge/schemas/delivery"
	"paybridge/schemas/event"
)

// noteDerivedID says that the provider gave no id, and one was derived.
const noteDerivedID = "derived_id"

// identify is the id of the event: the rule's, the provider's own, or one derived
// from what identifies the event. The same event has the same id, forever.
func (r *run) identify(made *draft, decided decision, n *document.Node, nativeType string) (id, key string, f *failure) {
	own := r.program.id
	if decided.id != nil {
		own = decided.id
	}
	if own != nil {
		text, f := r.text(own)
		if f != nil {
			return "", own.key, f
		}
		if text != "" {
			return event.CleanID(text), "", nil
		}
	}
	made.notes = append(made.notes, noteDerivedID)
	// Each part is one escaped token, so that no two lists of parts give one id: the colon
	// between them cannot come out of a part.
	var room [160]byte
	derived, known := room[:0], false
	for i, x := range r.program.derived {
		text, f := r.text(x)
		if f != nil {
			return "", x.key, f
		}
		if i > 0 {
			derived = append(derived, ':')
		}
		known = known || text != ""
		derived = delivery.AppendToken(derived, text)
	}
	// A list of nothing but absent parts would be one id for all events that are like
	// that.
	if known {
		return event.CleanID(string(derived)), "", nil
	}
	return contentID(nativeType, n), "", nil
}

// contentID is the id of an item that has nothing that identifies it: of its bytes,
// which a provider that sends it again sends again.
func contentID(nativeType string, n *document.Node) string {
	digest := sha256.New()
	digest.Write([]byte(nativeType))
	digest.Write([]byte{0})
	digest.Write(n.Raw())
	return "~" + base64.RawURLEncoding.EncodeToString(digest.Sum(nil))[:22]
}
