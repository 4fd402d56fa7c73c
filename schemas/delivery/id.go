package delivery

import (
	"crypto/sha256"
	"encoding/base64"
)

// messageIDLength is the length of a message id: 22 characters of base64url are
// 132 bits. A stream keeps every id of its duplicate window in memory, so the id is
// no longer than it must be.
const messageIDLength = 22

// MessageID is the Nats-Msg-Id of d: the first 22 characters of the base64url
// SHA-256 of "v1\0" source "\0" endpoint "\0" signed-id "\0" body. A request that
// is sent again has the same id; an unsigned header cannot change it. A decoded
// delivery has lost its SignedID: read its message id from the message.
func (d Delivery) MessageID() string {
	var room [192]byte
	head := append(room[:0], "v1\x00"...)
	head = append(append(head, d.Source...), 0)
	head = append(append(head, d.Endpoint...), 0)
	head = append(append(head, d.SignedID...), 0)
	digest := sha256.New()
	digest.Write(head)
	digest.Write(d.Body)
	var sum [sha256.Size]byte
	var text [43]byte
	base64.RawURLEncoding.Encode(text[:], digest.Sum(sum[:0]))
	return string(text[:messageIDLength])
}
